"""What CircleCI's compiler answers for a config."""

from __future__ import annotations

from msgspec import Struct

from cci_migrate.escaping.hidden_fields import repr_without


class CompiledText(Struct, frozen=True):
    """The config with its orbs, commands, parameters and matrices unfolded, as YAML."""

    text: str

    __repr__ = repr_without("text")


class CompileErrors(Struct, frozen=True):
    """Why it does not compile, in the compiler's words; ``instead`` is what may help."""

    messages: tuple[str, ...]
    instead: str = ""


class NoAnswer(Struct, frozen=True):
    """Why the compiler could not be asked, and what may help."""

    reason: str
    instead: str


Compilation = CompiledText | CompileErrors | NoAnswer
