"""What a fix did to the data of a config, and whether that is what fixes do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

from msgspec import Struct

from tests.oracle.contexts_needed import misplaced_contexts
from tests.oracle.plain_yaml import Data, list_of, mapping_of, value_at
from tests.oracle.pulled_images import AUTH_KEYS, contexts_of, entries_of
from tests.oracle.step_logins import is_added_login, is_rewritten_login, script_of

LOGIN_KEYS = frozenset(
    {
        "username",
        "password",
        "aws_access_key_id",
        "aws_secret_access_key",
        "oidc_role_arn",
        "oidc_service_account",
        "workload_identity_pool",
        "workload_identity_provider",
    }
)


#: A script in which Docker does nothing but log in.
ONLY_LOGS_IN = re.compile(r"(?=.*\bdocker login\b)(?!.*\bdocker (?!login\b))", re.DOTALL)
#: Keys whose value is a script.
_SCRIPTS = ("run", "deploy", "command")


class DataChangeKind(Enum):
    """What one difference is."""

    AUTH_ADDED = "auth added"
    AUTH_CHANGED = "auth changed"
    CONTEXT_ADDED = "context added"
    CONTEXT_MOVED = "context left a place where it has no effect"
    LOGIN_ADDED = "login step added"
    LOGIN_REWRITTEN = "login takes its password from standard input"
    ORB_ADDED = "Docker orb added"
    OTHER = "something else changed"


class DataChange(Struct, frozen=True):
    """One difference between two readings of a config."""

    route: str
    kind: DataChangeKind


def compare_data(before: Data, after: Data) -> list[DataChange]:
    """All differences, each once for each place that an alias brings it to."""
    comparison = _Comparison(
        login_commands(before),
        frozenset(id(arguments.get("context")) for _, _, arguments in entries_of(after)),
        frozenset(f".{misplaced.route}" for misplaced in misplaced_contexts(before)),
    )
    return list(comparison.differences("", before, after))


def login_commands(config: Data) -> frozenset[str]:
    """The commands of a config that do nothing but log in."""
    commands = mapping_of(config, "commands")
    return frozenset(
        name
        for name, command in commands.items()
        if (steps := list_of(command, "steps"))
        and all(ONLY_LOGS_IN.match(script_of(value_at(step, "run"))) for step in steps)
    )


class _Comparison(Struct, frozen=True):
    """What the whole configs say of their parts.

    ``context_lists`` are the ids of lists that workflow jobs have as contexts,
    ``misplaced_contexts`` the routes of contexts without effect.
    """

    login_commands: frozenset[str]
    context_lists: frozenset[int]
    misplaced_contexts: frozenset[str]

    def differences(self, route: str, before: Data, after: Data) -> Iterator[DataChange]:
        if before is after or (type(before) is type(after) and before == after):
            return
        last = route.rpartition(".")[2]
        if (last == "context" or id(after) in self.context_lists) and _extends(before, after):
            yield DataChange(route, DataChangeKind.CONTEXT_ADDED)
        elif isinstance(before, dict) and isinstance(after, dict):
            yield from self._mapping_differences(route, before, after)
        elif isinstance(before, list) and isinstance(after, list):
            yield from self._list_differences(route, before, after)
        elif _became_entry(before, after):
            yield DataChange(route, DataChangeKind.CONTEXT_ADDED)
        elif last in _SCRIPTS and isinstance(before, str) and isinstance(after, str):
            if is_rewritten_login(before, after):
                yield DataChange(route, DataChangeKind.LOGIN_REWRITTEN)
            elif is_added_login(before, after):
                yield DataChange(route, DataChangeKind.LOGIN_ADDED)
            else:
                yield DataChange(route, DataChangeKind.OTHER)
        elif last in LOGIN_KEYS or last in AUTH_KEYS:
            yield DataChange(route, DataChangeKind.AUTH_CHANGED)
        else:
            yield DataChange(route, DataChangeKind.OTHER)

    def _mapping_differences(
        self, route: str, before: dict[str, Data], after: dict[str, Data]
    ) -> Iterator[DataChange]:
        in_auth = route.rpartition(".")[2] in AUTH_KEYS
        for key, value in before.items():
            if key in after:
                yield from self.differences(f"{route}.{key}", value, after[key])
            elif f"{route}.{key}" in self.misplaced_contexts:
                yield DataChange(f"{route}.{key}", DataChangeKind.CONTEXT_MOVED)
            else:
                kind = DataChangeKind.AUTH_CHANGED if key in LOGIN_KEYS else DataChangeKind.OTHER
                yield DataChange(f"{route}.{key}", kind)
        for key in after.keys() - before.keys():
            if key in AUTH_KEYS and "image" in after:
                kind = DataChangeKind.AUTH_ADDED
            elif key in LOGIN_KEYS and in_auth:
                kind = DataChangeKind.AUTH_CHANGED
            elif is_docker_orb(after[key] if route == ".orbs" else None) or (
                (route, key) == ("", "orbs") and _are_only_docker_orb(after[key])
            ):
                kind = DataChangeKind.ORB_ADDED
            elif key == "context" and contexts_of(after[key]):
                kind = DataChangeKind.CONTEXT_ADDED
            else:
                kind = DataChangeKind.OTHER
            yield DataChange(f"{route}.{key}", kind)

    def _list_differences(
        self, route: str, before: list[Data], after: list[Data]
    ) -> Iterator[DataChange]:
        if len(before) == len(after):
            for index, (old, new) in enumerate(zip(before, after, strict=True)):
                yield from self.differences(f"{route}[{index}]", old, new)
            return
        yield from self._longer_list_differences(route, before, after)

    def _longer_list_differences(
        self, route: str, before: list[Data], after: list[Data]
    ) -> Iterator[DataChange]:
        """The differences of lists of steps, where nothing but logins may be new."""
        rest = iter(enumerate(after))
        for old in before:
            for index, new in rest:
                changes = list(self.differences(f"{route}[{index}]", old, new))
                if all(change.kind is DataChangeKind.LOGIN_REWRITTEN for change in changes):
                    yield from changes
                    break
                yield self._added_step(route, new)
            else:
                yield DataChange(route, DataChangeKind.OTHER)
                return
        for _, new in rest:
            yield self._added_step(route, new)

    def _added_step(self, route: str, step: Data) -> DataChange:
        is_steps = route.rpartition(".")[2] in ("steps", "pre-steps")
        is_reused = isinstance(step, str) and step in self.login_commands
        is_login = is_steps and (is_reused or is_login_step(step))
        return DataChange(route, DataChangeKind.LOGIN_ADDED if is_login else DataChangeKind.OTHER)


def is_docker_orb(orb: Data) -> bool:
    """Whether ``orb`` is a release of the orb whose ``check`` logs in."""
    return str(orb).startswith("circleci/docker@")


def _are_only_docker_orb(orbs: Data) -> bool:
    return isinstance(orbs, dict) and len(orbs) == 1 and all(map(is_docker_orb, orbs.values()))


def is_login_step(step: Data) -> bool:
    """Whether ``step`` does nothing but log in to a registry, with the password on stdin."""
    if step == "docker/check":
        return True
    if not isinstance(step, dict) or len(step) != 1:
        return False
    name, arguments = next(iter(step.items()))
    if name.endswith("/check"):
        return True
    command = arguments.get("command") if isinstance(arguments, dict) else arguments
    return (
        name == "run"
        and isinstance(command, str)
        and "docker login" in command
        and "--password-stdin" in command
    )


def _extends(before: Data, after: Data) -> bool:
    # The old contexts stay, in their order, and the new ones are before or behind them.
    old, new = contexts_of(before), contexts_of(after)
    return len(new) > len(old) and old in (new[: len(old)], new[len(new) - len(old) :])


def _became_entry(before: Data, after: Data) -> bool:
    """Whether ``build``, or ``build:`` without a value, became a job with a context."""
    if isinstance(before, str) and isinstance(after, dict):
        return after.keys() == {before} and _is_only_context(after[before])
    return before is None and _is_only_context(after)


def _is_only_context(value: Data) -> bool:
    return isinstance(value, dict) and value.keys() == {"context"}
