"""What the values of options must be, as callbacks of click: each raises BadParameter."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import click

from cci_migrate.docker.mirrors import InvalidMirrorError, Mirror, parse_mirror
from cci_migrate.policy.file import credential_text, is_context_name, nearest, secret_variable

_Member = TypeVar("_Member", bound=Enum)


def choice(kind: type[Enum]) -> click.Choice[str]:
    """The values of ``kind`` as choices."""
    return click.Choice([member.value for member in kind])


def member(kind: type[_Member]) -> Callable[[Any, Any, str | None], _Member | None]:
    """A callback that gives the member of ``kind`` for its value."""

    def convert(ctx: Any, param: Any, value: str | None) -> _Member | None:
        del ctx, param
        return None if value is None else kind(value)

    return convert


def rules(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> frozenset[str]:
    """The rules that ``values``, lists with commas, name."""
    names = [name.strip() for value in values for name in value.split(",")]
    if not names:
        return frozenset()
    from cci_migrate.rules.catalogue import RULES

    known = frozenset(rule.id for rule in RULES)
    for name in names:
        if name not in known:
            raise click.BadParameter(f"no rule {name!r}{nearest(name, known)}", ctx, param)
    return frozenset(names)


def username(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """A user name, or ``$NAME`` for a variable."""
    if value is None:
        return None
    if not value.strip() or not value.isprintable():
        raise click.BadParameter("it is empty" + _QUOTING.format("USERNAME"), ctx, param)
    return credential_text(value)


def password(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """``$NAME`` for the name of a variable; never the password itself."""
    if value is None:
        return None
    name = secret_variable(value)
    if name is None:
        # What was given may be the password itself, so it is not repeated.
        raise click.BadParameter(
            "the name of a variable is wanted, never the password itself"
            + _QUOTING.format("PASSWORD"),
            ctx,
            param,
        )
    return name


_QUOTING = "; put '$DOCKERHUB_{0}' in single quotes, or leave out the $: DOCKERHUB_{0}"


def context_name(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """A name that CircleCI takes for a context."""
    if value is not None and not is_context_name(value):
        raise click.BadParameter("CircleCI takes no such name for a context", ctx, param)
    return value


def mirror(ctx: click.Context, param: click.Parameter, value: str | None) -> Mirror | None:
    """A mirror of Docker Hub."""
    if value is None:
        return None
    try:
        return parse_mirror(value)
    except InvalidMirrorError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def new_file(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    """A file that can be written."""
    if value is not None:
        from cci_migrate.files.atomic_write import cannot_write

        problem = cannot_write(value)
        if problem is not None:
            raise click.BadParameter(f"{value}: {problem}", ctx, param)
    return value
