"""Templates of commit messages, of pull requests' titles and bodies, and of comments."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.campaign.commit_trailers import with_trailers
from cci_migrate.campaign.ledger import LedgerEntry
from cci_migrate.campaign.repository_plan import FindingRecord, RepositoryPlan
from cci_migrate.error_kinds import UserError
from cci_migrate.escaping.commit_message import message_text
from cci_migrate.escaping.markdown import code, prose
from cci_migrate.findings import FindingState
from cci_migrate.forges import campaign_identity
from cci_migrate.forges.host import CHANGE_TRAILER, Proposal
from cci_migrate.forges.repository import RepositoryRef
from cci_migrate.policy.settings import Policy, Revert

if TYPE_CHECKING:
    from jinja2 import Template

_Escape = Callable[[str], str]

#: Text that makes CircleCI skip a build
#: (https://circleci.com/docs/guides/orchestrate/skip-build/#skip-jobs).
_SKIP = re.compile(r"\[\s*(skip[ -]ci|ci[ -]skip)\s*\]", re.IGNORECASE)

#: What the hosts take: GitHub 256, GitLab, Bitbucket and Gitea 255.
_LONGEST_TITLE = 255

_OPENING = (
    "Docker registries limit anonymous pulls. This change adds credentials to the pulls of\n"
    "{{ repository }} in CircleCI that have none:"
)
_REVERTING = (
    "This change removes Docker registry credentials from the CircleCI config of {{ repository }}:"
)
_MIRRORING = (
    "Docker Hub limits pulls. This change makes CircleCI pull the images of {{ repository }} from\n"
    "a mirror:"
)
_REST = """

{% for line in fixes -%}
- {{ line }}
{% endfor -%}
{% if todos %}
Required outside this repository:

{% for line in todos -%}
- {{ line }}
{% endfor -%}
{% endif -%}
{% if left %}
Not changed here:

{% for line in left -%}
- {{ line }}
{% endfor -%}
{% endif %}
Made by cci-migrate. It changes only the lines in the diff. If you don't want it, close this pull
request; it will not be opened again.
"""


#: The variables of templates, with values of their types.
_SAMPLE: Mapping[str, object] = {
    "repository": "owner/name",
    "project": "",
    "campaign": "0",
    "files": [],
    "fixes": [],
    "left": [],
    "todos": [],
}


class MessageError(UserError):
    """A template that cannot be used; the text says why."""


def title_for(policy: Policy) -> str:
    """The default title of a pull request, and of its commit, under ``policy``."""
    if policy.revert is Revert.CONTEXTS:
        return "Remove Docker registry contexts from CircleCI jobs"
    if policy.revert is not None:
        return "Remove Docker registry credentials from CircleCI"
    if policy.mirror is not None:
        return "Pull Docker images from a mirror in CircleCI"
    return "Authenticate Docker registry pulls in CircleCI"


def title_template_for(policy: Policy) -> str:
    """The default template of a title, which names the project of a monorepo."""
    return f"{title_for(policy)}{{% if project %}} ({{{{ project }}}}){{% endif %}}"


def body_for(policy: Policy) -> str:
    """The default template of a pull request's body under ``policy``."""
    if policy.revert is not None:
        return _REVERTING + _REST
    return (_OPENING if policy.mirror is None else _MIRRORING) + _REST


class MessageTemplates(Struct, frozen=True):
    """Jinja templates (https://jinja.palletsprojects.com/en/stable/templates/).

    They may use ``repository``, ``project``, ``files``, ``fixes``, ``left``, ``todos`` and
    ``campaign``.
    ``signed_off_by`` is the name and address in the Signed-off-by trailer; empty: no trailer.
    """

    message: str
    title: str
    body: str
    draft: bool = False
    signed_off_by: str = ""

    def completed(self, policy: Policy) -> MessageTemplates:
        """The same with the defaults for ``policy`` in place of empty templates."""
        title = self.title or title_template_for(policy)
        body = self.body or body_for(policy)
        return replace(self, title=title, message=self.message or title, body=body)

    def check(self) -> None:
        """Raise MessageError if a template does not render, or makes CircleCI skip the build."""
        for name, template in self._templates():
            if template and name != "body":
                _require_text(name, template)
            rendered = _render(name, template, _SAMPLE)
            if _SKIP.search(rendered):
                raise MessageError(
                    f"the {name} makes CircleCI skip the build that would test the change; "
                    "remove [skip ci]"
                )

    def proposal(
        self, entry: LedgerEntry, plan: RepositoryPlan, branch: str, campaign: str
    ) -> Proposal:
        """The proposal of ``plan`` to the repository of ``entry``, with rendered texts.

        ``campaign`` is the campaign's id. Raises MessageError for a template that does not render,
        and for a title or a message that is blank.
        """
        paths = [file.path for file in plan.file_changes]
        about = (entry.ref, paths, plan.findings, plan.todos, campaign)
        plain = _values(*about, message_text, message_text)
        markdown = _values(*about, code, prose)
        rendered = {
            name: _render(name, text, markdown if name == "body" else plain)
            for name, text in self._templates()
        }
        for name in ("message", "title"):
            _require_text(name, rendered[name])
        body = rendered["body"]
        if entry.pull is not None and entry.pull.number == entry.replaced:
            body = f"{body.rstrip()}\n\nReplaces {entry.pull.url}.\n"
        trailers = [
            *([f"Signed-off-by: {self.signed_off_by}"] if self.signed_off_by else []),
            f"{CHANGE_TRAILER}: {plan.digest}",
            f"{campaign_identity.CAMPAIGN_TRAILER}: {campaign}",
        ]
        return Proposal(
            changes=plan.changes,
            files=plan.hashes,
            branch=branch,
            message=with_trailers(rendered["message"], trailers),
            title=_cut(rendered["title"].strip()),
            body=campaign_identity.with_identity(body, campaign),
            draft=self.draft,
        )

    def _templates(self) -> tuple[tuple[str, str], ...]:
        return (
            ("message", self.message),
            ("title", self.title),
            ("body", self.body),
        )


def _cut(title: str) -> str:
    return title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 1]}…"


def check_comment(template: str) -> None:
    """Raise MessageError for the template of a comment that does not render, or is blank."""
    _require_text("comment", template)
    _render("comment", template, _SAMPLE)


def comment_text(template: str, entry: LedgerEntry, campaign: str) -> str:
    """The comment on the pull request of ``entry``. Raises MessageError."""
    paths = [file.path for file in entry.files]
    values = _values(entry.ref, paths, entry.findings, entry.todos, campaign, code, prose)
    text = _render("comment", template, values).strip()
    _require_text("comment", text)
    return text


def _require_text(name: str, text: str) -> None:
    if not text.strip():
        raise MessageError(f"the {name} is empty")


def _render(name: str, template: str, values: Mapping[str, object]) -> str:
    try:
        return _compiled(template).render(values)
    except Exception as error:  # noqa: BLE001 - what a template computes may fail with any
        problem = str(error) or type(error).__name__
        raise MessageError(f"the {name} template is invalid: {problem}") from None


@cache
def _compiled(template: str) -> Template:
    """``template``, compiled once: that takes longer than rendering."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    # The text is Markdown or plain, never HTML; `_values` has escaped the values for it.
    return SandboxedEnvironment(undefined=StrictUndefined, autoescape=False).from_string(template)


def _values(
    ref: RepositoryRef,
    paths: Sequence[str],
    findings: Sequence[FindingRecord],
    todos: Sequence[str],
    campaign: str,
    name: _Escape,
    sentence: _Escape,
) -> dict[str, object]:
    """The variables of templates; ``name`` and ``sentence`` escape names and prose."""

    def line(finding: FindingRecord) -> str:
        why = f": {sentence(finding.reason)}" if finding.reason else ""
        place = f"{name(finding.path)} line {finding.line}, {sentence(finding.owner)}"
        return f"{place}: {name(finding.subject)}{why}"

    return {
        "repository": name(ref.label),
        "project": name(ref.project) if ref.project else "",
        "campaign": sentence(campaign),
        "files": [name(path) for path in paths],
        "fixes": [line(finding) for finding in findings if finding.state is FindingState.FIXED],
        "left": [line(finding) for finding in findings if finding.state is FindingState.LEFT],
        "todos": [sentence(todo) for todo in todos],
    }
