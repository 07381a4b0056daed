"""What a setting of the policy can be: its kinds of values, and what a declaration says of it.

A setting is declared once, as an annotated field of a struct of `policy.settings`:

    login: Annotated[LoginMethod, Setting("How a login in steps is written.")] = LoginMethod.ORB

Its key, its values and its default follow from the field. Options, keys of the policy file, JSON
Schema, documentation and the written file are made from what `settings_of` returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import cache
from typing import Any, get_args

from msgspec import Struct
from msgspec.structs import fields, replace
from typing_extensions import assert_never

#: Why a setting cannot be combined with another: always, or by the values of both (None: it can).
Conflict = str | Callable[[Any, Any], str | None]


class WrongValueError(ValueError):
    """A value that a setting cannot have. The text continues the setting's name."""


class EnumValue(Struct, frozen=True):
    """One of the values of an enumeration."""

    members: type[Enum]

    @property
    def values(self) -> tuple[str, ...]:
        """The values, as in a policy file."""
        return tuple(member.value for member in self.members)

    def read(self, value: object) -> Enum:
        """The member with ``value``. Raises WrongValueError."""
        for member in self.members:
            if member.value == value:
                return member
        raise WrongValueError("must be " + " or ".join(f'"{known}"' for known in self.values))

    def written(self, value: Enum) -> str:
        """``value`` as a policy file has it."""
        return str(value.value)


class Flag(Struct, frozen=True):
    """True or false."""

    def read(self, value: object) -> bool:
        """The truth value. Raises WrongValueError."""
        if isinstance(value, bool):
            return value
        raise WrongValueError("must be true or false")

    def written(self, value: bool) -> bool:
        """``value`` as a policy file has it."""
        return value


class TextValue(Struct, frozen=True):
    """A text that ``parse`` accepts: it returns None or raises ValueError for any other.

    ``must_be`` describes such a text, ``pattern`` is its pattern in the JSON Schema.
    ``takes_variables``: it may be a ``$NAME``, which a shell may have replaced by its value.
    ``false_means`` says what ``false`` means, if it is allowed; it is read as None.
    """

    parse: Callable[[str], Any]
    must_be: str
    pattern: str = r"\S"
    metavar: str = "TEXT"
    takes_variables: bool = False
    false_means: str = ""
    max_length: int | None = None

    def read(self, value: object) -> Any:
        """The parsed text. Raises WrongValueError, or the ValueError of ``parse``."""
        if self.false_means and value is False:
            return None
        return self._parsed(value, f", or false {self.false_means}" if self.false_means else "")

    def read_text(self, value: str) -> Any:
        """Like `read`, for a command line, where there is no ``false``."""
        return self._parsed(value, "")

    def _parsed(self, value: object, otherwise: str) -> Any:
        parsed = self.parse(value) if isinstance(value, str) else None
        if parsed is None:
            raise WrongValueError(f"must be {self.must_be}{otherwise}")
        return parsed

    def written(self, value: Any) -> str | bool:
        """``value`` as a policy file has it."""
        return False if value is None else str(value)


class TextList(Struct, frozen=True):
    """A list of strings, read as a ``collection``. ``are_rules``: they are ids of rules.

    ``takes_single``: a single text is a list of that text, and the list must not be empty.
    """

    collection: type[tuple[str, ...]] | type[frozenset[str]]
    must_be: str = 'a list of strings, such as ["...", "..."]'
    are_rules: bool = False
    takes_single: bool = False

    def read(self, value: object) -> tuple[str, ...] | frozenset[str]:
        """The texts. Raises WrongValueError."""
        texts = [value] if self.takes_single and isinstance(value, str) else value
        if (
            isinstance(texts, list)
            and all(isinstance(text, str) and text.strip() for text in texts)
            and (texts or not self.takes_single)
        ):
            return self.collection(texts)
        raise WrongValueError(f"must be {self.must_be}")

    def written(self, value: tuple[str, ...] | frozenset[str]) -> list[str]:
        """``value`` as a policy file has it."""
        return sorted(value) if isinstance(value, frozenset) else list(value)


class Tables(Struct, frozen=True):
    """Tables of a policy file, which `policy.file` reads."""


Values = EnumValue | Flag | TextValue | TextList | Tables


class Setting(Struct, frozen=True):
    """The declaration of one setting.

    ``description`` is for the documentation; ``option`` is the help of the option, None if there is
    none. ``in_file``: the policy file can have it. ``implied_value`` is the value of the option
    without one, if that is allowed. ``conflicts`` are by the keys of other settings.

    The ``values`` of an enumeration follow from the field's type. `settings_of` fills in ``field``,
    ``default``, ``is_required`` and, if it is empty, ``key``.
    """

    description: str
    values: Values = Flag()
    option: str | None = None
    in_file: bool = True
    implied_value: str = ""
    conflicts: Mapping[str, Conflict] = {}
    key: str = ""
    field: str = ""
    default: Any = None
    is_required: bool = False

    def read_text(self, text: str) -> Any:
        """``text``, the value of an option or an answer, as the setting's value.

        Raises ValueError, and TypeError for a setting whose value is no single text.
        """
        match self.values:
            case EnumValue() as choice:
                return choice.read(text)
            case TextValue() as values:
                return values.read_text(text)
            case Flag() | TextList() | Tables():
                raise TypeError(f"{self.key} isn't a single string")
            case _:
                assert_never(self.values)


def conflict_between(settings: Iterable[Setting], values: Mapping[str, Any]) -> str | None:
    """Why two of ``values``, which are by the keys of ``settings``, can't be combined, if so."""
    for setting in settings:
        for other, problem in setting.conflicts.items():
            if setting.key in values and other in values:
                if isinstance(problem, str):
                    return problem
                text = problem(values[setting.key], values[other])
                if text is not None:
                    return text
    return None


@cache
def settings_of(kind: type[Struct]) -> tuple[Setting, ...]:
    """The settings that the fields of ``kind`` declare, in order."""
    settings = []
    for field in fields(kind):
        for declared in getattr(field.type, "__metadata__", ()):
            if isinstance(declared, Setting):
                members = _enumeration(get_args(field.type)[0])
                settings.append(
                    replace(
                        declared,
                        values=declared.values if members is None else EnumValue(members),
                        key=declared.key or field.name.replace("_", "-"),
                        field=field.name,
                        default=None if field.required else field.default,
                        is_required=field.required,
                    )
                )
    return tuple(settings)


def _enumeration(annotation: Any) -> type[Enum] | None:
    """The enumeration in ``annotation``, which may be optional; None if it has none."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, Enum):
            return kind
    return None
