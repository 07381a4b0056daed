"""What the commands of orbs pull, and where they log in, where their steps aren't unfolded."""

from __future__ import annotations

from msgspec import Struct

from cci_migrate.circleci import published_orbs
from cci_migrate.circleci.build_pulls import UNKNOWN_DOCKERFILE, BuildPulls, is_known_path
from cci_migrate.circleci.docker_orb import ORB_DEFAULT_PASSWORD, ORB_DEFAULT_USERNAME, spelling_of
from cci_migrate.circleci.expressions import has_expression
from cci_migrate.circleci.images import variable_in
from cci_migrate.circleci.job_logins import JobLogins
from cci_migrate.circleci.job_pulls import JobPulls, PullCommand
from cci_migrate.circleci.job_texts import JobTexts
from cci_migrate.circleci.step_moments import Moment
from cci_migrate.circleci.steps import Step, argument
from cci_migrate.docker.container_tools import Tool
from cci_migrate.docker.registries import DOCKER_HUB
from cci_migrate.docker.shell.facts import joined_path
from cci_migrate.lossless.merging import items_of, text_of, value_of


class OrbCommands(Struct, frozen=True, eq=False):
    """Adds to ``logins`` and ``pulls`` what steps do that are commands of orbs."""

    texts: JobTexts
    logins: JobLogins
    pulls: JobPulls
    builds: BuildPulls

    def of_docker_orb(self, moment: Moment, version: str, *, pulls_count: bool) -> None:
        """Read a command of the Docker orb at ``version``."""
        step = moment.step
        command = step.name.partition("/")[2]
        if command == "check":
            self._check(moment, version)
        elif command == "pull" and pulls_count:
            images = [image.strip() for image in (argument(step, "images") or "").split(",")]
            pull = PullCommand(moment, Tool.DOCKER, step.name)
            self.pulls.images(pull, filter(None, images))

    def of_published_orb(self, moment: Moment, *, pulls_count: bool) -> None:
        """Read a step that says what a published orb does with Docker: see `published_orbs`."""
        step = moment.step
        if step.name == published_orbs.LOGIN:
            self._published_login(moment)
        if not pulls_count or not moment.is_reliable:
            return
        command = PullCommand(moment, Tool.DOCKER, step.within or step.name)
        if step.name == published_orbs.PULL:
            image = argument(step, "image")
            if image is None:
                self.pulls.undecided(command, "its images are unknown")
            else:
                self.pulls.images(command, [image])
        elif step.name == published_orbs.BUILD:
            for path in self.texts.ways(argument(step, "dockerfile") or "$"):
                if is_known_path(path):
                    self.builds.dockerfile(command, joined_path(".", path))
                else:
                    self.pulls.undecided(command, UNKNOWN_DOCKERFILE)

    def _published_login(self, moment: Moment) -> None:
        step = moment.step
        named = items_of(value_of(step.value, "registries"))
        patterns = [
            pattern
            for item in named
            for pattern in self.texts.ways(step.bindings.expand(text_of(item) or ""))
        ]
        self.logins.log_in_with(
            moment,
            [pattern for pattern in patterns if not has_expression(pattern)],
            [self._argument(step, key, "") for key in ("username", "password")],
            any_registry=not named,
        )

    def _check(self, moment: Moment, version: str) -> None:
        """``docker/check``, which logs in."""
        step = moment.step
        spelling = spelling_of(version)
        username = password = None
        if spelling is not None:
            username = self._variable(step, spelling.username, ORB_DEFAULT_USERNAME)
            password = self._variable(step, spelling.password, ORB_DEFAULT_PASSWORD)
        registry = self._argument(step, "registry", DOCKER_HUB)
        self.logins.log_in_with(
            moment, [] if registry is None else [registry], [username, password], server=registry
        )

    def _argument(self, step: Step, name: str, default: str) -> str | None:
        """The argument ``name`` of ``step``, else ``default``; None if unknown."""
        text = self._passed(step, name, default)
        return None if text is None or "$" in text else text

    def _variable(self, step: Step, name: str, default: str) -> str | None:
        """The variable in the argument ``name`` of ``step``, also if it is written ``$NAME``."""
        text = self._passed(step, name, default)
        return None if text is None else variable_in(text) or text

    def _passed(self, step: Step, name: str, default: str) -> str | None:
        text = argument(step, name)
        if text is None:
            return default
        value = self.texts.value(text)
        return None if has_expression(value) else value
