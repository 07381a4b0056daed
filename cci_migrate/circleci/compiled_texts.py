"""Texts of a config against what CircleCI's compiler makes of them.

By looking for the pieces between one ``<< … >>`` and the next, from left to right: a regular
expression would try all ways to share a text between them.
"""

from __future__ import annotations

from functools import lru_cache

from cci_migrate.circleci.expressions import references

#: In a template: any text.
ANYTHING = "<< any >>"


def matches(template: str, compiled: str) -> bool:
    """Whether ``template`` may become ``compiled``: a ``<< … >>`` becomes any text."""
    return _values(template, compiled) is not None


def substituted(old: str, new: str, compiled: str) -> str | None:
    """What ``new`` becomes where ``old`` becomes ``compiled``: with the same values put in.

    None where ``old`` does not become ``compiled``, or ``new`` has a ``<< … >>`` that it lacks.
    """
    values_of_old = _values(old, compiled)
    if values_of_old is None:
        return None
    values = dict(zip(_pieces(old)[1], values_of_old, strict=True))
    (first, *others), names = _pieces(new)
    if not values.keys() >= {*names}:
        return None
    return first + "".join(values[name] + piece for name, piece in zip(names, others, strict=True))


def _values(template: str, compiled: str) -> tuple[str, ...] | None:
    """What was put into ``template``, each as short as it can be; None if it does not fit."""
    (first, *others), names = _pieces(template)
    if not names:
        return () if first == compiled else None
    *middle, last = others
    end = len(compiled) - len(last)
    if not (compiled.startswith(first) and compiled.endswith(last) and len(first) <= end):
        return None
    values: list[str] = []
    at = len(first)
    for piece in middle:
        start = compiled.find(piece, at, end)
        if start < 0:
            return None
        values.append(compiled[at:start])
        at = start + len(piece)
    return (*values, compiled[at:end])


@lru_cache(maxsize=4096)
def _pieces(template: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The texts around the ``<< … >>`` of ``template``, one more than there are, and these."""
    literals: list[str] = []
    names: list[str] = []
    done = 0
    for reference in references(template):
        literals.append(_unescaped(template[done : reference.start]))
        names.append(template[reference.start : reference.end])
        done = reference.end
    return (*literals, _unescaped(template[done:])), tuple(names)


def _unescaped(text: str) -> str:
    return text.replace("\\<<", "<<")
