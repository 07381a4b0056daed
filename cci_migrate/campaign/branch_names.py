"""The names of a campaign's branches: the usual one, a project's, and the next in its place."""

from __future__ import annotations

import hashlib
import re

from cci_migrate.campaign.projects import ROOT

#: The branch of a campaign that names none.
DEFAULT_BRANCH = "cci-migrate/registry-auth"

_IN_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def project_branch(usual: str, project: str) -> str:
    """The branch of ``project`` in a campaign whose branch is called ``usual``.

    Folders that differ have branches that differ, none of them inside of another.
    """
    if not project:
        return usual
    name = "root" if project == ROOT else project
    if project == "root" or not _IN_BRANCH.fullmatch(name):
        digest = hashlib.sha256(project.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        name = f"{re.sub('[^A-Za-z0-9_]+', '-', project).strip('-')[:60]}-{digest}".lstrip("-")
    return f"{usual}/{name}"


def next_branch(usual: str, used_up: str) -> str:
    """The branch after ``used_up``: ``usual`` with the next number, from ``-2`` on."""
    number = used_up.removeprefix(usual)
    return f"{usual}-{int(number[1:] or 1) + 1}"
