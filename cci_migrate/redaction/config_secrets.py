"""Finds the literal secrets in a config by its structure. Pure.

Values under keys that name a secret, in any style (blocks, flows, folded lines, escapes, behind an
alias); what a login in a script reads from a here-document or an earlier line; and the values of
variables used as passwords.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from functools import lru_cache
from itertools import chain

from cci_migrate.lazy_patterns import lazy_pattern
from cci_migrate.lossless.nodes import Alias, Document, Mapping, Node, Scalar, Sequence, resolved
from cci_migrate.redaction.line_secrets import password_words, secrets_in_line
from cci_migrate.redaction.secret_names import is_secret_value, names_a_secret

#: Keys of a parameter's declaration whose values are values of the parameter.
_PARAMETER_VALUES = frozenset(("default", "enum", "value"))
#: Keys of an ``auth`` mapping whose values are no secrets.
_USERNAME = lazy_pattern(r"(?i)u?ser?_?-?na?me?|user|login|account|email|u")
_VARIABLE = lazy_pattern(r"\$\{?([A-Za-z_]\w*)")
_CONTINUED = lazy_pattern(r"\\\r?\n[ \t]*|(?<=\|)[ \t]*\r?\n[ \t]*")
_HEREDOC = lazy_pattern(r"<<-?[ \t]*([\"']?)([A-Za-z_]\w*)\1")
_LOGS_IN = lazy_pattern(r"\blogin\b|password-stdin")
_ASSIGNED = lazy_pattern(r"(?:^|[\s;&(])(?:export[ \t]+)?([A-Za-z_]\w*)=(\S+)")
_HASHED = lazy_pattern(r"#[^\s#]")
_OPTION = lazy_pattern(r"--?(?!no-)([A-Za-z][\w\-]*)")
_INDICATOR = lazy_pattern(r"[|>][+\-\d]*")
_QUOTES = "\"'"


class _KeyKind(Enum):
    """The kind of key that a node is under."""

    NOTHING = "no key that says anything"
    NAME = "a key that names a secret"
    AUTH = "auth"
    CREDENTIAL = "auth, and a key that may hold a password"


def variables_in(text: str) -> list[str]:
    """The names of variables that ``text`` expands: ``$NAME``, ``${NAME``."""
    return _VARIABLE.findall(text)


def names_a_variable(value: str, documents: Iterable[Document]) -> bool:
    """Whether ``value`` of a password is the name of a variable, whose ``$`` was forgotten.

    It is written like one, and ``documents`` expand a variable of that name.
    """
    return not is_secret_value(value) and any(
        value in variables_in(document.source.text) for document in documents
    )


def config_secrets(documents: Iterable[Document]) -> frozenset[str]:
    """The secrets in ``documents``: each line of one separately, as a value and as written.

    Leaves out what may be an ordinary word, unless it is the password of a login.
    """
    finder = _Finder()
    trees = tuple(documents)
    for document in trees:
        finder.scan(document)
    for document in trees if finder.variables else ():
        finder.scan_assignments(document)
    return frozenset(finder.secrets)


class _Finder:
    def __init__(self) -> None:
        self.secrets: set[str] = set()
        #: Variables used as passwords.
        self.variables: set[str] = set()

    def scan(self, document: Document) -> None:
        """Collect the secrets and the variables used as passwords in ``document``."""
        telling = frozenset(filter(_says_something, document.keys))
        #: What an orb is called says nothing.
        orbs: set[Node] = set()
        for mapping in document.mappings if telling else ():
            if not telling.isdisjoint(mapping.values) and mapping not in orbs:
                orbs.update(
                    value
                    for key, value in mapping.entries
                    if isinstance(key, Scalar) and key.value == "orbs"
                )
                self._below(self._entries(mapping, _KeyKind.NOTHING))
        for scalar in document.multiline:
            self._script(scalar.value)
        with_options = [
            sequence
            for sequence in document.sequences
            for item in sequence.items
            if type(item) is Scalar and item.value[:1] == "-"
        ]
        for sequence in dict.fromkeys(with_options):
            self._below(self._items(sequence, _KeyKind.NOTHING))

    def _below(self, nodes: Iterable[tuple[Node, _KeyKind]]) -> None:
        """Collect the secrets in ``nodes`` that are under a key that says so."""
        stack = list(nodes)
        while stack:
            node, kind = stack.pop()
            if kind is _KeyKind.NOTHING:
                continue
            target = node.target if type(node) is Alias else node
            if type(target) is Scalar:
                self._take(target, is_sure=kind is _KeyKind.CREDENTIAL)
            elif type(node) is Mapping:
                stack += self._entries(node, kind)
            elif type(node) is Sequence:
                stack += self._items(node, kind)

    def _entries(self, mapping: Mapping, kind: _KeyKind) -> Iterator[tuple[Node, _KeyKind]]:
        names = [key.value if isinstance(key, Scalar) else "" for key, _ in mapping.entries]
        named_beside = "value" in names and any(
            isinstance(value, Scalar) and names_a_secret(value.value)
            for name, (_, value) in zip(names, mapping.entries, strict=True)
            if name in ("name", "key")
        )
        for name, (_, value) in zip(names, mapping.entries, strict=True):
            target = resolved(value)
            if name == "auth":
                yield value, _KeyKind.AUTH if isinstance(target, Mapping) else _KeyKind.CREDENTIAL
            elif kind is _KeyKind.AUTH and isinstance(target, Scalar):
                if not _USERNAME.fullmatch(name):
                    yield value, _KeyKind.CREDENTIAL
            elif (
                names_a_secret(name)
                or (kind is _KeyKind.NAME and name in _PARAMETER_VALUES)
                or (named_beside and name == "value")
            ):
                yield value, _KeyKind.NAME

    def _items(self, sequence: Sequence, kind: _KeyKind) -> Iterator[tuple[Node, _KeyKind]]:
        is_option = False
        for item in sequence.items:
            yield item, _KeyKind.NAME if is_option else kind
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
        self.variables.update(variables_in(scalar.value))
        if is_secret_value(scalar.value):
            for line in (*scalar.value.splitlines(), *written.splitlines()):
                self._add(line.strip().strip(_QUOTES), is_sure=is_sure)

    def _add(self, text: str, *, is_sure: bool) -> None:
        text = text.strip()
        is_distinct = len(text) >= 8 or (len(text) >= 6 and not text.isalpha())
        if (is_sure or is_distinct) and is_secret_value(text) and not _INDICATOR.fullmatch(text):
            self.secrets.add(text)

    def _script(self, script: str) -> None:
        """Collect what the logins of ``script`` read, over several lines."""
        if "login" not in script and "password-stdin" not in script:
            return
        lines = iter(_CONTINUED.sub(" ", script).splitlines())
        for line in lines:
            if not _LOGS_IN.search(line):
                continue
            for span in secrets_in_line(line):
                self._add(line[span.start : span.end], is_sure=True)
            for span in password_words(line):
                self.variables.update(variables_in(line[span.start : span.end]))
            heredoc = _HEREDOC.search(line) if "password-stdin" in line else None
            if heredoc is not None:
                self._here_document(lines, heredoc[2])

    def _here_document(self, lines: Iterator[str], delimiter: str) -> None:
        for line in lines:
            text = line.strip()
            if text == delimiter:
                return
            self._add(text, is_sure=True)

    def scan_assignments(self, document: Document) -> None:
        """Collect the values that `variables` get in the environment or in scripts."""
        assignments = tuple(f"{name}=" for name in self.variables)
        values = [value for mapping in document.mappings for _, value in mapping.entries]
        items = chain.from_iterable([sequence.items for sequence in document.sequences])
        scalars = [node for node in chain(values, items) if type(node) is Scalar]
        for text in [scalar.value for scalar in scalars if "=" in scalar.value]:
            if any(start in text for start in assignments):
                for name, value in _ASSIGNED.findall(text):
                    if name in self.variables:
                        self._take_value(value.strip(_QUOTES))
        for mapping in () if document.keys.isdisjoint(self.variables) else document.mappings:
            for key, value in mapping.entries:
                if isinstance(key, Scalar) and key.value in self.variables:
                    target = resolved(value)
                    if isinstance(target, Scalar):
                        self._take_value(target.value)

    def _take_value(self, value: str) -> None:
        if is_secret_value(value, of_variable=True):
            self._add(value, is_sure=False)


@lru_cache(maxsize=8192)
def _says_something(key: str) -> bool:
    """Whether ``key`` may mean a secret below it or beside it."""
    return key in ("auth", "orbs", "value") or names_a_secret(key)


def _takes_a_secret(word: str) -> bool:
    """Whether ``word`` of a command is an option whose value is a secret."""
    option = _OPTION.fullmatch(word) if word.startswith("-") else None
    return option is not None and (option[1] == "p" or names_a_secret(option[1]))
