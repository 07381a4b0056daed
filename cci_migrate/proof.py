"""The proof that a plan does what it says and nothing else, before a byte is written."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FileChange:
    """The bytes of one file before and after.

    ``secrets`` are the credentials written out in ``before``: whoever shows the change to people
    withholds it while there are any.
    """

    path: str
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class ProvenChange:
    """A change that passed the proof. Only this module makes one; writers take nothing else."""

    files: tuple[FileChange, ...]
