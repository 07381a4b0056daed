"""Logins that are meant for Docker Hub and kept under a key that no pull from there reads.

Leaving the server out makes them count, for all that runs the same script or step: where that would
replace another account, or where the server is not written in the step itself, they stay.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.circleci.expressions import has_expression
from cci_migrate.circleci.step_pulls import JobDocker, StepLogin, StepPull, is_same_config
from cci_migrate.circleci.step_scripts import written_script
from cci_migrate.circleci.steps import Step, run_step, script_node
from cci_migrate.docker.login_keys import login_key
from cci_migrate.docker.registries import DOCKER_HUB, OTHER_HUB_HOSTS
from cci_migrate.docker.shell.facts import Login
from cci_migrate.lossless.merging import entries_of
from cci_migrate.lossless.nodes import Mapping, Node, Scalar, resolved
from cci_migrate.lossless.operations import MappingToScalar, Operation, RemoveEntry, ReplaceText


class MisaddressedLogin(Struct, frozen=True, eq=False):
    """A step or script that logs in to Docker Hub so that no pull finds it.

    ``uses`` are the jobs that run it, each with one of its logins; ``operations`` leave the server
    out at ``node``. They are empty where that is left: ``obstacle`` says why.
    """

    node: Node
    server: str
    uses: tuple[tuple[JobDocker, StepLogin], ...]
    operations: tuple[Operation, ...]
    obstacle: str = ""


def misaddressed_logins(dockers: Iterable[JobDocker]) -> tuple[MisaddressedLogin, ...]:
    """Those in the steps of ``dockers``, once for each script or step that has some."""
    uses: dict[Node, list[tuple[JobDocker, StepLogin]]] = defaultdict(list)
    running: dict[Node, dict[JobDocker, None]] = defaultdict(dict)
    for docker in dockers:
        for step in docker.steps:
            running[_written_at(step)][docker] = None
        for login in docker.logins:
            is_own = not login.moment.step.home.is_published
            if is_own and login.is_misaddressed and not _is_of_use(login, docker):
                uses[_written_at(login.moment.step)].append((docker, login))
    return tuple(_judged(node, tuple(uses[node]), running[node]) for node in uses)


class Readdressing:
    """What makes misaddressed ``logins`` serve pulls, by the jobs that run them."""

    def __init__(self, logins: Iterable[MisaddressedLogin]) -> None:
        self._by_docker: dict[JobDocker, dict[StepLogin, MisaddressedLogin]] = {}
        for misaddressed in logins:
            for docker, login in misaddressed.uses if misaddressed.operations else ():
                self._by_docker.setdefault(docker, {})[login] = misaddressed

    def operations(self, pulls: Iterable[tuple[JobDocker, StepPull]]) -> tuple[Operation, ...]:
        """What makes the logins serve all of ``pulls``, from Docker Hub; empty if nothing does."""
        operations: dict[Operation, None] = {}
        for docker, pull in pulls:
            own = self._by_docker.get(docker, {})
            readdressed = {replace(login, keys=(DOCKER_HUB,)): login for login in own}
            after = replace(docker, logins=tuple(readdressed))
            serving_login = after.login_before(pull, DOCKER_HUB)
            if serving_login is None:
                return ()
            operations.update(dict.fromkeys(own[readdressed[serving_login]].operations))
        return tuple(operations)


def _is_of_use(login: StepLogin, docker: JobDocker) -> bool:
    """Whether the job has images of the very host that ``login`` names."""
    (key,) = login.keys
    if key not in OTHER_HUB_HOSTS:
        return False
    if any(key in pull.hosts for pull in docker.pulls):
        return True
    names = re.compile(rf"(?<![/\w.-]){re.escape(key)}/", re.IGNORECASE)
    return any(names.search(run.script) for run in docker.own_runs)


def _written_at(step: Step) -> Node:
    """The script of ``step``, else the step itself."""
    return script_node(step) or resolved(step.node)


def _judged(
    node: Node, uses: tuple[tuple[JobDocker, StepLogin], ...], running: Iterable[JobDocker]
) -> MisaddressedLogin:
    """The logins ``uses`` of the script or step at ``node``, which the jobs ``running`` run."""
    docker, login = uses[0]
    operations = tuple(_server_left_out(node, docker, login))
    if any(len(use.moment.facts) > 1 for _, use in uses):
        obstacle = "the server is in another file of the repository"
    elif not operations:
        obstacle = "the server comes from a parameter, a variable or an anchor"
    else:
        obstacle = next(filter(None, (_replaced(login, other) for other in running)), "")
    return MisaddressedLogin(node, login.keys[0], uses, () if obstacle else operations, obstacle)


def _replaced(login: StepLogin, docker: JobDocker) -> str:
    """Why ``docker`` might use another account if Docker found ``login``; empty if it would not."""
    if docker.unread_logins:
        return f"can't read {docker.unread_logins[0].command}, which may log in to it too"
    own = (login.username, login.password)
    for other in docker.logins:
        is_in_place = other.may_be_to(DOCKER_HUB) and is_same_config(other.config, login.config)
        if (is_in_place or other.is_misaddressed) and (other.username, other.password) != own:
            return (
                f"job {docker.job.name} may use another account, which the corrected login would "
                "replace"
            )
    return ""


def _server_left_out(node: Node, docker: JobDocker, login: StepLogin) -> Iterator[Operation]:
    """What leaves out the server of ``login``, and of all like it in the same script."""
    step = login.moment.step
    run = run_step(step, docker.defaults)
    if run is None:
        arguments = entries_of(node).get(step.name)
        entry = None if arguments is None else entries_of(arguments.value).get("registry")
        value = None if entry is None else resolved(entry.value)
        if entry is None or arguments is None or not isinstance(value, Scalar):
            return
        holder = resolved(arguments.value)
        is_own = entry.holder is holder and holder.anchor is None and holder is arguments.value
        if not is_own or has_expression(value.value):
            return
        if len(entry.holder.entries) > 1:
            yield RemoveEntry(entry.holder, "registry")
        elif isinstance(node, Mapping) and len(node.entries) == 1 and node.anchor is None:
            yield MappingToScalar(node)
        return
    script = written_script(run, docker.daemon)
    words = {
        fact.registry.start: fact.registry
        for fact in (*script.facts, *script.uncalled)
        if isinstance(fact, Login) and fact.registry is not None and _is_literal(fact)
    }
    # From the end to the start, so that earlier offsets stay valid.
    for _, word in sorted(words.items(), reverse=True):
        if login_key(word.value) == login.keys[0]:
            start = len(_without_blank(run.command.value[: word.start]))
            yield ReplaceText(run.command, start, word.end, "")


def _without_blank(text: str) -> str:
    """``text`` without the blanks and continued lines at its end."""
    text = text.rstrip(" \t")
    while text.endswith(("\\\n", "\\\r\n")):
        text = text.rstrip("\r\n")[:-1].rstrip(" \t")
    return text


def _is_literal(login: Login) -> bool:
    """Whether the server is written out in the very command of ``login``."""
    word = login.registry
    return (
        word is not None
        and word.text.strip("\"'") == word.value
        and login.start <= word.start
        and word.end <= login.end
    )
