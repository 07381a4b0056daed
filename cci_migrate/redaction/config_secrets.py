"""The secrets that are written out in a config, as its structure shows them. Pure.

Values under keys that name a secret, however they are written (blocks, flows, folded lines,
escapes, behind an alias); what a login in a script reads from a here-document or from an earlier
line; and values of the variables that are used for passwords.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum

from cci_migrate.lossless.nodes import Alias, Document, Mapping, Node, Scalar, Sequence, resolved
from cci_migrate.redaction.secret_names import is_secret_value, names_a_secret
from cci_migrate.redaction.secret_text import password_words, secrets_in_line

#: Keys of a parameter's description that hold values of it.
_PARAMETER_VALUES = frozenset(("default", "enum", "value"))
#: Keys of an ``auth`` mapping that hold no secret.
_USERNAME = re.compile(r"(?i)u?ser?_?-?na?me?|user|login|account|email|u")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)")
_CONTINUED = re.compile(r"\\\r?\n[ \t]*|(?<=\|)[ \t]*\r?\n[ \t]*")
_HEREDOC = re.compile(r"<<-?[ \t]*([\"']?)([A-Za-z_]\w*)\1")
_LOGS_IN = re.compile(r"\blogin\b|password-stdin")
_ASSIGNED = re.compile(r"(?:^|[\s;&(])(?:export[ \t]+)?([A-Za-z_]\w*)=(\S+)")
_HASHED = re.compile(r"#[^\s#]")
_OPTION = re.compile(r"--?(?!no-)([A-Za-z][\w\-]*)")
_INDICATOR = re.compile(r"[|>][+\-\d]*")
_QUOTES = "\"'"


class _Under(Enum):
    """What a node is under."""

    NOTHING = "no key that says anything"
    NAME = "a key that names a secret"
    AUTH = "auth"
    CREDENTIAL = "auth, and a key that may hold a password"


def config_secrets(documents: Iterable[Document]) -> frozenset[str]:
    """The secrets in ``documents``, each line of one by itself, as value and as it is written.

    What may be an ordinary word is left out, unless it is the password of a login.
    """
    finder = _Finder()
    roots = [document.root for document in documents if document.root is not None]
    for root in roots:
        finder.look_at(root)
    for root in roots if finder.variables else ():
        finder.look_for_variables(root)
    return frozenset(finder.secrets)


class _Finder:
    def __init__(self) -> None:
        self.secrets: set[str] = set()
        #: Variables that are used for passwords.
        self.variables: set[str] = set()

    def look_at(self, root: Node) -> None:
        """Look at everything in ``root``."""
        stack = [(root, _Under.NOTHING)]
        while stack:
            node, under = stack.pop()
            match node:
                case Mapping():
                    if under is _Under.NOTHING and not any(map(_tells, node.entries)):
                        stack += [(value, under) for _, value in node.entries]
                    else:
                        stack += self._entries(node, under)
                case Sequence():
                    stack += self._items(node, under)
                case Scalar():
                    if under is not _Under.NOTHING:
                        self._take(node, is_sure=under is _Under.CREDENTIAL)
                    elif "\n" in node.value:
                        self._script(node.value)
                case Alias():
                    if under is not _Under.NOTHING and isinstance(node.target, Scalar):
                        self._take(node.target, is_sure=under is _Under.CREDENTIAL)

    def _entries(self, mapping: Mapping, under: _Under) -> Iterator[tuple[Node, _Under]]:
        names = [key.value if isinstance(key, Scalar) else "" for key, _ in mapping.entries]
        named_beside = "value" in names and any(
            isinstance(value, Scalar) and names_a_secret(value.value)
            for name, (_, value) in zip(names, mapping.entries, strict=True)
            if name in ("name", "key")
        )
        for name, (_, value) in zip(names, mapping.entries, strict=True):
            target = resolved(value)
            if name == "auth":
                yield value, _Under.AUTH if isinstance(target, Mapping) else _Under.CREDENTIAL
            elif under is _Under.AUTH and isinstance(target, Scalar):
                if not _USERNAME.fullmatch(name):
                    yield value, _Under.CREDENTIAL
            elif name == "orbs" and isinstance(value, Mapping):
                yield from ((inner, _Under.NOTHING) for _, inner in value.entries)
            elif (
                names_a_secret(name)
                or (under is _Under.NAME and name in _PARAMETER_VALUES)
                or (named_beside and name == "value")
            ):
                yield value, _Under.NAME
            else:
                yield value, _Under.NOTHING

    def _items(self, sequence: Sequence, under: _Under) -> Iterator[tuple[Node, _Under]]:
        is_option = False
        for item in sequence.items:
            yield item, _Under.NAME if is_option else under
            is_option = isinstance(item, Scalar) and _takes_a_secret(item.value)

    def _take(self, scalar: Scalar, *, is_sure: bool) -> None:
        source = scalar.source
        written = source.text[scalar.start : scalar.end]
        if not scalar.value and not scalar.style:
            # ``password: &hunter2`` is an anchor, a tag or a comment, and meant as a password.
            behind = source.text[scalar.end : source.line_end(scalar.end)].strip()
            for text in (written, behind if _HASHED.match(behind) else ""):
                self._add(text.strip().lstrip("&!#"), is_sure=True)
            return
        self.variables.update(_VARIABLE.findall(scalar.value))
        if is_secret_value(scalar.value):
            for line in (*scalar.value.splitlines(), *written.splitlines()):
                self._add(line.strip().strip(_QUOTES), is_sure=is_sure)

    def _add(self, text: str, *, is_sure: bool) -> None:
        text = text.strip()
        is_distinct = len(text) >= 8 or (len(text) >= 6 and not text.isalpha())
        if (is_sure or is_distinct) and is_secret_value(text) and not _INDICATOR.fullmatch(text):
            self.secrets.add(text)

    def _script(self, script: str) -> None:
        """What the logins of ``script`` read that no single line shows."""
        if not _LOGS_IN.search(script):
            return
        lines = iter(_CONTINUED.sub(" ", script).splitlines())
        for line in lines:
            if not _LOGS_IN.search(line):
                continue
            for span in secrets_in_line(line):
                self._add(line[span.start : span.end], is_sure=True)
            for span in password_words(line):
                self.variables.update(_VARIABLE.findall(line[span.start : span.end]))
            heredoc = _HEREDOC.search(line) if "password-stdin" in line else None
            if heredoc is not None:
                self._here_document(lines, heredoc[2])

    def _here_document(self, lines: Iterator[str], delimiter: str) -> None:
        for line in lines:
            text = line.strip()
            if text == delimiter:
                return
            self._add(text, is_sure=True)

    def look_for_variables(self, root: Node) -> None:
        """The values that `variables` are given in the environment or in scripts."""
        stack: list[Node] = [root]
        while stack:
            node = stack.pop()
            match node:
                case Mapping():
                    for key, value in node.entries:
                        if isinstance(key, Scalar) and key.value in self.variables:
                            target = resolved(value)
                            if isinstance(target, Scalar):
                                self._take_value(target.value)
                        stack.append(value)
                case Sequence():
                    stack += node.items
                case Scalar():
                    if "=" in node.value:
                        for name, value in _ASSIGNED.findall(node.value):
                            if name in self.variables:
                                self._take_value(value.strip(_QUOTES))
                case Alias():
                    pass

    def _take_value(self, value: str) -> None:
        if is_secret_value(value, of_variable=True):
            self._add(value, is_sure=False)


def _tells(entry: tuple[Node, Node]) -> bool:
    """Whether the key of ``entry`` may say something of what is below it, or beside it."""
    key = entry[0]
    return isinstance(key, Scalar) and (
        key.value in ("auth", "orbs", "value") or names_a_secret(key.value)
    )


def _takes_a_secret(word: str) -> bool:
    """Whether ``word`` of a command is an option whose value is a secret."""
    option = _OPTION.fullmatch(word)
    return option is not None and (option[1] == "p" or names_a_secret(option[1]))
