"""What the builds in a job's steps pull: the images that their Dockerfiles name."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.circleci.checked_out_files import CheckedOutFiles
from cci_migrate.circleci.expressions import has_expression
from cci_migrate.circleci.job_pulls import JobPulls, PullCommand
from cci_migrate.circleci.job_texts import JobTexts
from cci_migrate.circleci.step_moments import Moment
from cci_migrate.docker.compose import ServiceBuild
from cci_migrate.docker.dockerfile import images_of
from cci_migrate.docker.shell.facts import Build

UNKNOWN_DOCKERFILE = "which Dockerfile it builds can't be determined"


def is_known_path(path: str) -> bool:
    """Whether ``path`` has no variable and no parameter."""
    return "$" not in path and not has_expression(path)


class BuildPulls(Struct, frozen=True, eq=False):
    """Adds to ``pulls`` what builds pull."""

    texts: JobTexts
    files: CheckedOutFiles
    pulls: JobPulls

    def command(self, moment: Moment, build: Build, directory: str | None) -> None:
        """Add what ``build`` pulls in a script that runs in ``directory`` (None: unknown)."""
        fields = ("directory", "context", "dockerfile", "target")
        for way in self.texts.ways_of(build, *fields):
            inside = self.files.path(directory, way.dockerfile_path)
            command = PullCommand(moment, way.tool, f"{way.tool.value} build")
            self.build(command, way, inside, skips_stages=way.skips_stages)

    def build(
        self,
        command: PullCommand,
        build: Build | ServiceBuild,
        path: str | None,
        *,
        skips_stages: bool,
    ) -> None:
        """Add what ``command`` pulls for ``build``, whose Dockerfile is at ``path``, if known.

        ``skips_stages``: stages that it doesn't need are not built.
        """
        if build.dockerfile_text is not None:
            self._built(command, build.dockerfile_text, build, None, skips_stages)
        elif path is None or not is_known_path(path):
            self.pulls.undecided(command, UNKNOWN_DOCKERFILE)
        else:
            self.dockerfile(command, path, build, skips_stages=skips_stages)

    def dockerfile(
        self,
        command: PullCommand,
        path: str,
        build: Build | ServiceBuild | None = None,
        *,
        skips_stages: bool = True,
    ) -> None:
        """Add what ``command`` pulls when it builds the Dockerfile at ``path``."""
        text = self.files.text(path)
        if text is None:
            self.pulls.undecided(command, f"no {path} found")
            return
        self._built(
            replace(command, title=f"{command.title} ({path})"), text, build, path, skips_stages
        )

    def _built(
        self,
        command: PullCommand,
        text: str,
        build: Build | ServiceBuild | None,
        path: str | None,
        skips_stages: bool,
    ) -> None:
        images = (
            images_of(text)
            if build is None
            else images_of(
                text,
                build.target,
                dict(build.build_args),
                dict(build.build_contexts),
                skips_stages=skips_stages,
            )
        )
        places = () if path is None else ((image.name, f"{path}:{image.line}") for image in images)
        self.pulls.images(command, dict.fromkeys(image.name for image in images), tuple(places))
