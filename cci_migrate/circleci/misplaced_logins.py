"""Finds credentials where CircleCI doesn't look for them.

The usual mistakes: the keys of ``auth`` beside it instead of under it, a merge key instead of
``auth:``, ``auth`` on the job or under ``machine``, two merged mappings that both have the key
``run``.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from msgspec import Struct

from cci_migrate.circleci.config import Config
from cci_migrate.circleci.images import PASSWORD, USERNAME
from cci_migrate.docker.container_tools import Tool
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.lossless.merging import (
    Entry,
    duplicate_keys,
    entry_of,
    is_merge_key,
    is_null,
    own_entry,
    text_of,
    values_by_key,
)
from cci_migrate.lossless.nodes import Alias, Mapping, Node, Scalar, Sequence, resolved

AUTH = "auth"
_LOGIN_COMMANDS = ("docker/check", "docker_login", *(f"{tool.value} login" for tool in Tool))


class MisplacedKind(Enum):
    """How credentials are misplaced among the keys of an image."""

    #: ``auth:`` without a value, and ``username``/``password`` at its own indentation.
    BESIDE_EMPTY_AUTH = "beside-empty-auth"
    #: ``<<: *login`` gives the image itself ``username`` and ``password``.
    MERGED_INTO_IMAGE = "merged-into-image"
    #: ``username`` and ``password`` as keys of the image, without any ``auth``.
    WITHOUT_AUTH = "without-auth"


class MisplacedLogin(Struct, frozen=True):
    """Credentials among the keys of an image; ``username`` or ``password`` may be missing."""

    kind: MisplacedKind
    username: str | None
    password: str | None

    __repr__ = repr_without("password")


def beside_the_image(item: Mapping) -> MisplacedLogin | None:
    """The credentials among the keys of the image ``item``, where CircleCI ignores them.

    None if there are none, or if it has an ``auth`` with a value too.
    """
    values = values_by_key(item)
    if USERNAME not in values and PASSWORD not in values:
        return None
    auth = values.get(AUTH)
    if auth is not None and not is_null(resolved(auth)):
        return None
    username, password = text_of(values.get(USERNAME)), text_of(values.get(PASSWORD))
    if item.values.keys().isdisjoint((USERNAME, PASSWORD)):
        kind = MisplacedKind.MERGED_INTO_IMAGE
    elif auth is not None:
        kind = MisplacedKind.BESIDE_EMPTY_AUTH
    else:
        kind = MisplacedKind.WITHOUT_AUTH
    return MisplacedLogin(kind, username or None, password or None)


def merged_login(item: Mapping) -> int | None:
    """The index of the entry ``<<: *login`` of ``item`` that merges only a login; None if none."""
    for index, (key, value) in enumerate(item.entries if item.merges else ()):
        if is_merge_key(key) and isinstance(value, Alias):
            names = set(values_by_key(value))
            if names and names <= {USERNAME, PASSWORD}:
                return index
    return None


def follows_auth(item: Mapping) -> tuple[str, ...]:
    """The login's keys directly after an empty ``auth``; none if there are others elsewhere."""
    keys = [key.value if isinstance(key, Scalar) else "" for key, _ in item.entries]
    if AUTH not in keys:
        return ()
    following: list[str] = []
    for name in keys[keys.index(AUTH) + 1 :]:
        if name not in (USERNAME, PASSWORD):
            break
        following.append(name)
    own = sum(1 for name in keys if name in (USERNAME, PASSWORD))
    return tuple(following) if own == len(following) and not any(duplicate_keys(item)) else ()


def auth_on_owners(config: Config) -> Iterator[tuple[str, str, Mapping, Entry]]:
    """Every ``auth`` on a job or executor itself: its title, route, mapping, and the entry."""
    for title, executor in config.owners() if config.has_key(AUTH) else ():
        if (entry := own_entry(executor.mapping, AUTH)) is not None:
            yield title, executor.route, executor.mapping, entry


def auth_under_machine(config: Config) -> Iterator[tuple[str, str, Entry]]:
    """Every ``auth`` under ``machine``: the title and route of its owner, and the entry."""
    for title, executor in config.owners() if config.has_key(AUTH) else ():
        entry = entry_of(executor.machine, AUTH)
        if entry is not None:
            yield title, f"{executor.route}.machine", entry


def lost_logins(config: Config) -> Iterator[tuple[Mapping, Node]]:
    """Every ``<<: [*a, *login]`` whose login is lost, since an earlier item has its key too.

    Yields the merging mapping and the lost item.
    """
    for document in config.documents:
        text = document.source.text
        if "login" not in text or "<<" not in text:
            continue
        for mapping in document.mappings:
            for key, value in mapping.entries if mapping.merges else ():
                if is_merge_key(key):
                    yield from _lost(mapping, resolved(value))


def _lost(mapping: Mapping, merged: Node) -> Iterator[tuple[Mapping, Node]]:
    if not isinstance(merged, Sequence):
        return
    earlier: set[str] = set()
    for item in merged.items:
        names = set(values_by_key(item))
        if names & earlier and _logs_in(resolved(item)):
            yield mapping, item
        earlier |= names


def _logs_in(node: Node) -> bool:
    text = node.source.text[node.start : node.end]
    return any(command in text for command in _LOGIN_COMMANDS)
