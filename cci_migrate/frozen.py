"""`dataclass`: what the standard decorator makes, but quick to make.

Every run of the program makes all its classes anew. The standard decorator writes and compiles
six methods for a frozen class: with two hundred classes that was half of the time that a run over
one small file took. Here only ``__init__`` is compiled; equality, hash and repr are written once,
below, for all classes.

To a type checker this is the standard decorator, and it holds every frozen value frozen. The
interpreter does not: a check at every assignment would make each value three times as slow to make.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    import dataclasses
    from operator import attrgetter

    def dataclass(*, frozen: bool = False, slots: bool = False, eq: bool = True, repr: bool = True):
        """As `dataclasses.dataclass`. Frozen values can be keys, others only where ``eq`` is not.

        ``eq`` False: a value equals only itself.
        """

        def make(cls: type) -> type:
            if cls.__doc__ is None:
                # Else it would be made from the signature, which takes longer than all the rest.
                cls.__doc__ = cls.__name__
            made = dataclasses.dataclass(slots=slots, eq=False, repr=False)(cls)
            if repr:
                made.__repr__ = _shown
            if eq:
                made._content = attrgetter(*(made.__match_args__ or ("__class__",)))
                made.__eq__ = _is_equal
                made.__hash__ = _hash if frozen else None
            return made

        return make

    def _is_equal(self: object, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return self is other or self._content(self) == self._content(other)

    def _hash(self: object) -> int:
        return hash(self._content(self))

    def _shown(self: object) -> str:
        fields = (one for one in dataclasses.fields(self) if one.repr)
        parts = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields)
        return f"{self.__class__.__qualname__}({parts})"
