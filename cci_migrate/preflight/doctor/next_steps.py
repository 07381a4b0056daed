"""The commands that `doctor` proposes: whole, for the same CircleCI and organisation."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from msgspec import Struct

from cci_migrate.preflight.circleci_address import CLOUD
from cci_migrate.preflight.circleci_cache import FailedQuery
from cci_migrate.preflight.slugs import Organisation

_PROGRAM = "cci-migrate"


class NextSteps(Struct, frozen=True):
    """The commands of a run of `doctor`.

    ``api_url`` is the CircleCI that it asks. ``arguments`` are its own, without the options that
    name an organisation, a project and a CircleCI; ``paths`` are those of its arguments that are
    paths, None for a campaign.
    """

    api_url: str
    arguments: tuple[str, ...]
    paths: tuple[str, ...] | None

    def create_context(
        self,
        name: str,
        organisation: Organisation,
        variables: Sequence[str],
        *,
        overwrite: bool = False,
    ) -> str:
        """The command that makes the context, or stores ``variables`` in it."""
        options = [
            *(["--overwrite"] if overwrite else []),
            *self._circleci(organisation),
            *(part for variable in variables for part in ("--variable", variable)),
        ]
        if name.startswith("-"):
            return _command("context", "create", *options, "--", name)
        return _command("context", "create", name, *options)

    def repeat(self, organisation: Organisation | None = None, project: str | None = None) -> str:
        """The same run again, for ``organisation`` and the project with the slug ``project``."""
        return _command(
            "doctor",
            *([] if project is None else ["--project", project]),
            *self._circleci(organisation),
            *self.arguments,
        )

    def repeat_with(self, *options: str) -> str:
        """The same run again, with ``options`` too."""
        return _command("doctor", *options, *self._circleci(None), *self.arguments)

    def retry(self, failed: FailedQuery) -> str:
        """The same run again after a fault; empty where CircleCI would refuse ``failed`` again."""
        return "" if failed.is_refusal else self.repeat_with()

    def use_project_variables(self, labels: Sequence[str]) -> str:
        """The command that fixes configs with the variables of their project's settings.

        ``labels`` are those of their repositories. Empty for a campaign: it has its own commands.
        """
        if self.paths is None:
            return ""
        folders = [label for label in dict.fromkeys(labels) if label] or self.paths
        dashes = ["--"] if any(folder.startswith("-") for folder in folders) else []
        return _command("--credentials", "project", *dashes, *folders)

    def _circleci(self, organisation: Organisation | None) -> list[str]:
        return [
            *([] if organisation is None else ["--org", organisation.slug]),
            *([] if self.api_url == CLOUD else ["--api-url", self.api_url]),
        ]


def _command(*words: str) -> str:
    return shlex.join([_PROGRAM, *words])
