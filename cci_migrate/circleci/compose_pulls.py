"""What Compose commands in a job's steps pull: the images of the services that they use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from cci_migrate.circleci.build_pulls import BuildPulls, is_known_path
from cci_migrate.circleci.checked_out_files import CheckedOutFiles
from cci_migrate.circleci.job_pulls import JobPulls, PullCommand
from cci_migrate.circleci.job_texts import JobTexts
from cci_migrate.circleci.step_moments import Moment
from cci_migrate.docker.compose import default_paths, services_of
from cci_migrate.docker.shell.facts import ComposeCommand, Verb
from cci_migrate.docker.shell.local_images import same_image_key

#: ``image: name`` in block and in flow style.
_IMAGE = re.compile(r"""\bimage['"]?[ \t]{0,9}:[ \t]{0,9}(?:"([^"]*)"|'([^']*)'|([^\s,}#"']+))""")


class ComposePulls(Struct, frozen=True, eq=False):
    """Adds to ``pulls`` what Compose commands pull."""

    texts: JobTexts
    files: CheckedOutFiles
    pulls: JobPulls
    builds: BuildPulls

    def command(self, moment: Moment, compose: ComposeCommand, directory: str | None) -> None:
        """Add what ``compose`` pulls in a script that runs in ``directory`` (None: unknown)."""
        fields = ("directory", "project_directory", "files", "profiles", "services")
        for way in self.texts.ways_of(compose, *fields):
            self._compose(moment, way, directory)

    def _compose(self, moment: Moment, compose: ComposeCommand, directory: str | None) -> None:
        command = PullCommand(moment, compose.tool, compose.title)
        paths = self._paths(compose, directory)
        if isinstance(paths, str):
            self.pulls.undecided(command, paths)
            return
        services = services_of(
            paths,
            self.files.text,
            compose.services,
            profiles=compose.profiles,
            with_dependencies=compose.with_dependencies,
            project_directory=compose.project_directory,
            environment=dict(compose.environment),
        )
        for problem in services.problems:
            self.pulls.undecided(command, f"{problem.path}: {problem.reason}")
        images = [service.image for service in services.images]
        of_builds = [build.image for build in services.builds if build.image is not None]
        if compose.verb is Verb.STACK_DEPLOY:
            # It builds nothing: https://docs.docker.com/reference/cli/docker/stack/deploy/.
            images, of_builds = [*images, *of_builds], []
        built = set(map(same_image_key, of_builds))
        if compose.verb is not Verb.BUILD:
            others = [image for image in images if same_image_key(image) not in built]
            to_fetch = self.pulls.to_fetch(command, compose, others)
            if compose.keeps_login and to_fetch:
                self.pulls.without_login(command)
            else:
                self.pulls.images(command, to_fetch, tuple(self._places(paths, images)))
        if compose.verb in (Verb.PULL, Verb.STACK_DEPLOY):
            return
        for image in built:
            self.pulls.build(image)
        for service in services.builds:
            path = service.dockerfile_path
            self.builds.build(command, service, path, skips_stages=compose.skips_stages)

    def _paths(self, compose: ComposeCommand, directory: str | None) -> tuple[str, ...] | str:
        """The Compose files that ``compose`` reads, or why they are unknown."""
        paths = compose.file_paths
        if paths is None or directory is None:
            return "where it runs can't be determined"
        paths = tuple(self.files.path(directory, path) for path in paths)
        if not all(map(is_known_path, paths)):
            return "which Compose files it reads can't be determined"
        if not paths and compose.directory is not None:
            folder = self.files.path(directory, compose.directory)
            paths = default_paths(folder, self.files.text)
        return paths or "no Compose file found"

    def _places(self, paths: Sequence[str], images: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Where the Compose files ``paths`` name each of ``images``, if one does literally."""
        for path in paths:
            first: dict[str, int] = {}
            for number, line in enumerate((self.files.text(path) or "").splitlines(), start=1):
                for match in _IMAGE.finditer(line):
                    first.setdefault(next(filter(None, match.groups()), ""), number)
            for image in dict.fromkeys(images):
                if image in first:
                    yield image, f"{path}:{first[image]}"
