"""The values of a script's variables, as far as its text determines them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cci_migrate.docker.container_tools import has_tool
from cci_migrate.docker.shell.facts import Word
from cci_migrate.docker.shell.flow import Place, PlacedCommand, surely_before
from cci_migrate.docker.word_sets import names

if TYPE_CHECKING:
    from tree_sitter import Node

_SETTERS = names("read mapfile readarray printf getopts")
#: What the text of each assignment has: nothing else is looked through.
_MAY_SET = re.compile(rf"=|\b(?:for|select|unset|unsetenv|{'|'.join(sorted(_SETTERS))})\b")


class Variables:
    """The value of each variable at the current command, whose place is `at`.

    A variable is known if the script sets it only once, and surely before; if a loop over literal
    words binds it; if it is an argument of the current function call; or, if the script never sets
    it, if the step's environment does.
    """

    def __init__(self, text: str, environment: Mapping[str, str]) -> None:
        self._text = text
        self._environment = environment
        self._assigned: dict[str, tuple[str, Place]] = {}
        self._lists: dict[str, tuple[Sequence[Word], Place]] = {}
        self._bound: dict[str, str] = {}
        self._times: dict[str, int] = {}
        self._kept: dict[str, set[int]] = {}
        self._arguments: list[Sequence[Word] | None] = []
        #: The commands of Docker that variables may hold; ``@`` is any argument of a function.
        self.held: dict[str, str] = {}
        for name, value in environment.items():
            self._hold(name, value)
        self.at: Place = ()

    def _hold(self, name: str, value: str) -> None:
        if has_tool(value):
            self.held[name] = value

    def count_assignments(self, root: Node) -> None:
        """Count the assignments to each variable: one that is set twice is unknown."""
        stack = [root] if self._may_set(root) else []
        while stack:
            node = stack.pop()
            kind = node.type
            if kind == "command" and not self._may_set(node):
                continue
            children = node.children
            if kind == "variable_assignment":
                parent = node.parent
                if parent is None or parent.type != "command":
                    self._count(children[0])
            elif kind in ("for_statement", "unset_command"):
                for child in children:
                    if child.type == "variable_name":
                        self._count(child)
            elif kind == "command" and len(children) > 1:
                first = children[0]
                if self._text[first.start_byte : first.end_byte] in _SETTERS:
                    for child in children[1:]:
                        self._count(child)
            stack.extend([child for child in children if child.child_count])

    def _may_set(self, node: Node) -> bool:
        return _MAY_SET.search(self._text, node.start_byte, node.end_byte) is not None

    @property
    def assigned(self) -> frozenset[str]:
        """The variables that the script sets to another value than their own (``X=$X``)."""
        return frozenset(
            name
            for name, times in self._times.items()
            if name.isidentifier() and times > len(self._kept.get(name, ()))
        )

    def _count(self, node: Node) -> None:
        name = self._text[node.start_byte : node.end_byte]
        self._times[name] = self._times.get(name, 0) + 1

    def assign(self, name: str, value: str, place: Place, start: int) -> None:
        """Record ``name=value``, which begins at ``start``, at ``place``."""
        self._assigned[name] = value, place
        self._hold(name, value)
        if value in (f"${name}", f"${{{name}}}"):
            self._kept.setdefault(name, set()).add(start)

    def assign_list(self, name: str, words: Sequence[Word], place: Place) -> None:
        """Record ``name=(...)``, an array of ``words``, at ``place``."""
        self._lists[name] = words, place
        self._hold(name, " ".join(word.value for word in words))

    @contextmanager
    def bound(self, name: str, value: str | None) -> Iterator[None]:
        """Within one iteration of a loop: bind its variable ``name``; None is unknown."""
        outer = self._bound.pop(name, None)
        if value is not None:
            self._bound[name] = value
            self._hold(name, value)
        yield
        self._bound.pop(name, None)
        if outer is not None:
            self._bound[name] = outer

    @property
    def in_loop(self) -> bool:
        """Whether the current command is in a loop."""
        return bool(self._bound)

    @contextmanager
    def call(self, arguments: Sequence[Word], *, is_known: bool) -> Iterator[None]:
        """Within a function call: bind its arguments, if it is known which are left at the time."""
        self._arguments.append(arguments if is_known else None)
        self._hold("@", " ".join(word.value for word in arguments))
        yield
        self._arguments.pop()

    @property
    def in_function(self) -> bool:
        """Whether the current command is in a function."""
        return bool(self._arguments)

    def shift(self, count: str) -> None:
        """Drop the first ``count`` arguments of the current function call; if unknown, all are."""
        if self._arguments and self._arguments[-1] is not None:
            known = self._arguments[-1]
            self._arguments[-1] = known[int(count) :] if count.isdecimal() else None

    def words_of(self, name: str) -> Sequence[Word] | None:
        """The words of the array ``name``, or with ``@`` those of ``$@``; None if unknown."""
        if name in ("@", "*"):
            return self._arguments[-1] if self._arguments else None
        if name not in self._lists or self._times.get(name) != 1:
            return None
        words, place = self._lists[name]
        return words if self._has_run(place) else None

    def lookup(self, name: str) -> str | None:
        """The value of ``name``; None if unknown."""
        if name in ("@", "*") or name.isdecimal():
            arguments = self.words_of("@")
            if arguments is None:
                return None
            if not name.isdecimal():
                return " ".join(word.value for word in arguments)
            index = int(name) - 1
            return arguments[index].value if 0 <= index < len(arguments) else None
        if name in self._bound:
            return self._bound[name]
        times = self._times.get(name, 0)
        if times == 0:
            return self._environment.get(name)
        if times > 1 or name not in self._assigned:
            return None
        value, place = self._assigned[name]
        return value if self._has_run(place) else None

    def _has_run(self, place: Place) -> bool:
        return surely_before([PlacedCommand(place)], self.at)
