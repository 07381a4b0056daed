"""Finds a config's reusable logins: commands and steps that log in and do nothing else.

They may have a guard around the login and print something; a push, a deployment or another command
rules them out, since reusing the step for its login would run that too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from msgspec import Struct

from cci_migrate.circleci.checked_out_files import ReadText
from cci_migrate.circleci.config import Config, Executor, Job, Namespace
from cci_migrate.circleci.docker_daemon import Daemon
from cci_migrate.circleci.job_texts import JobTexts
from cci_migrate.circleci.parameter_values import ParameterValues
from cci_migrate.circleci.step_moments import surely_done
from cci_migrate.circleci.step_pulls import StepLogin
from cci_migrate.circleci.step_reading import StepReader
from cci_migrate.circleci.step_scripts import facts, step_dialect
from cci_migrate.circleci.steps import Step, StepDefaults, anchored_step, command_steps, run_step
from cci_migrate.docker.mentions import mentions_docker, mentions_login
from cci_migrate.docker.shell.facts import Exit, Login
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.lossless.nodes import Mapping, Node


class DeclaredLogin(Struct, frozen=True, eq=False):
    """A command of the namespace ``home``, or a step with an anchor (``home`` is None).

    ``login`` is its only login, with no arguments passed; ``node`` is its declaration, ``name`` the
    name of the command or the anchor.
    """

    login: StepLogin
    name: str
    node: Node
    home: Namespace | None

    __repr__ = repr_without("node")

    @property
    def title(self) -> str:
        """``command hub-login``, ``anchor &login``."""
        return f"anchor &{self.name}" if self.home is None else f"command {self.name}"


def declared_logins(
    config: Config, values: ParameterValues, read: ReadText | None
) -> Iterator[DeclaredLogin]:
    """The commands and the anchored steps of ``config`` that always log in, and only that."""
    for home in config.body.walk():
        for command in home.commands.values():
            if not all(parameter.default is not None for parameter in command.parameters.values()):
                continue
            steps = partial(command_steps, config, home, command)
            login = _only_login(home, command.mapping, steps, values, read)
            if login is not None:
                yield DeclaredLogin(login, command.name, command.key or command.mapping, home)
    for step, name in _anchored_steps(config):
        steps = partial(anchored_step, config, step)
        login = _only_login(config.body, step, steps, values, read)
        if login is not None:
            yield DeclaredLogin(login, name, step, None)


def _only_login(
    home: Namespace,
    node: Mapping,
    steps: Callable[[], Sequence[Step]],
    values: ParameterValues,
    read: ReadText | None,
) -> StepLogin | None:
    if not mentions_login(node.source.text[node.start : node.end]):
        return None
    logins = _pure_logins(home, node, steps(), values, read)
    if len(logins) != 1:
        return None
    (login,) = logins
    is_sure = login.moment.is_reliable and surely_done(login.moment)
    return login if is_sure and not login.moment.step.guards else None


def _anchored_steps(config: Config) -> Iterator[tuple[Mapping, str]]:
    """The mappings that look like a step and have an anchor that no other node has."""
    users = Counter(node.anchor for document in config.documents for node in document.anchored)
    for document in config.documents:
        text = document.source.text
        if not document.anchored or not (mentions_docker(text) or "/check" in text):
            continue
        for node in document.mappings:
            if node.anchor is not None and len(node.entries) == 1 and users[node.anchor] == 1:
                yield node, node.anchor


def _pure_logins(
    home: Namespace,
    node: Mapping,
    steps: Sequence[Step],
    values: ParameterValues,
    read: ReadText | None,
) -> Sequence[StepLogin]:
    """The logins of ``steps``, declared at ``node``; none if they do anything else."""
    executor = Executor("", "", node, {}, None, None, None, None, None)
    job = Job("", "", None, node, None, {}, executor, None, None)
    defaults = StepDefaults(None, None, {})
    texts = JobTexts(job, values, home.is_orb)
    reader = StepReader(texts, read, Daemon.MACHINE, defaults)
    for order, step in enumerate(steps):
        before = len(reader.logins)
        reader.step(order, step, pulls_count=True)
        run = run_step(step, defaults)
        if run is None:
            if len(reader.logins) == before or reader.has_pulls:
                return ()
            continue
        script = facts(run.script, step_dialect(run, Daemon.MACHINE), run.environment)
        if script.does_more_than_log_in or not all(
            isinstance(fact, Login | Exit) for fact in script.facts
        ):
            return ()
    return reader.logins
