"""Decides what a file is: a config, a part of one, an orb's source, or something else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

from msgspec import Struct

from cci_migrate.lazy_patterns import lazy_pattern
from cci_migrate.lossless.merging import text_of, value_of, values_by_key
from cci_migrate.lossless.nodes import Document, Mapping, Scalar, walk
from cci_migrate.lossless.source import SourceText


class SourceKind(Enum):
    """The kinds of CircleCI sources."""

    CONFIG = "config"
    ORB = "orb source"
    PACKED_PART = "part of a packed source"


class SomethingElse(Struct, frozen=True):
    """A file that isn't a CircleCI source; ``kind`` says what it is, for people."""

    kind: str


_SECTIONS = frozenset(
    {"jobs", "workflows", "executors", "commands", "orbs", "job-groups", "setup", "parameters"}
)
_ORB_KEYS = frozenset({"description", "display", "examples"})
_EXECUTOR_KEYS = frozenset({"docker", "machine", "macos", "executor"})
_VERSION_1_KEYS = frozenset({"dependencies", "test", "deployment", "machine", "compile"})

#: Marks of template engines. CircleCI's own ``{{ checksum "x" }}`` isn't one.
_TEMPLATE_MARK = lazy_pattern(
    r"\{%-?\s*(?:if|for|raw|set|block|include|end\w+)\b"
    r"|\{\{-?\s*(?:cookiecutter|\.Values|copier)\b"
)
#: Marks at the start of a line.
_TEMPLATE_LINE = lazy_pattern(
    r"\{%|\{\{[#/>^!]|<%|(?:-[ \t]+)?\[\[-?\s*(?:range|if|end|else|with|define)\b"
)
_TEMPLATE_HINTS = ("{%", "{{", "<%", "[[")
_HEADER = lazy_pattern(r"(?:[ \t]*(?:#[^\n]*|---[ \t]*)?\r?\n)*")
_GENERATED = lazy_pattern(
    r"do\s+not\s+(?:manually\s+|directly\s+)?(?:edit|modify|change)|@generated"
    r"|auto(?:matically)?[-\s]?generated|generated\s+(?:automatically|by|from|with|using|via)\b",
    re.IGNORECASE,
)
#: The header that CircleCI's translator of 1.0 configs left in files that are edited by hand since.
_TRANSLATED_ONCE = lazy_pattern(r"generated\s+from\s+a\s+CircleCI\s+1\.0\s+config", re.IGNORECASE)
_URL = lazy_pattern(r"(?<!\w)\w+://\S+")
_FILE_NAME = lazy_pattern(
    r"(?<![\w@.-])(?:[\w@.-]*(?:/[\w@.-]+)+/?|\.*[\w@-]+(?:\.[\w-]+)*\.[a-z]\w{0,5}\b)"
)


def kind_of(document: Document) -> SourceKind | SomethingElse:
    """The kind of ``document``, by its content (and, for an orb's root file, its name)."""
    root = document.root
    name = document.source.path.rpartition("/")[2]
    if root is None:
        return SomethingElse("an empty file")
    if not isinstance(root, Mapping):
        return SomethingElse("not a config: it isn't a mapping")
    keys = values_by_key(root).keys()
    version = text_of(value_of(root, "version"))
    if name.startswith("@orb."):
        return SourceKind.ORB
    if version is not None and version.strip().startswith("2") and keys & _SECTIONS:
        is_orb = bool(keys & _ORB_KEYS) and "workflows" not in keys
        return SourceKind.ORB if is_orb else SourceKind.CONFIG
    if version is None and "services" not in keys and "on" not in keys:
        if keys & _EXECUTOR_KEYS and ("docker" in keys or "steps" in keys):
            return SourceKind.PACKED_PART
        if _looks_like_sections(root):
            return SourceKind.ORB if keys & _ORB_KEYS else SourceKind.CONFIG
    if version is None and keys & _VERSION_1_KEYS and name.startswith("circle."):
        return SomethingElse("a config of CircleCI 1.0, which has not run since 2019")
    return SomethingElse("no CircleCI config")


def _looks_like_sections(root: Mapping) -> bool:
    """Whether some job or executor of ``root`` has a key of CircleCI's jobs or executors."""
    for section in ("jobs", "executors"):
        for element in values_by_key(value_of(root, section)).values():
            if values_by_key(element).keys() & _EXECUTOR_KEYS:
                return True
    return False


def is_template_text(source: SourceText) -> bool:
    """Whether ``source``, which isn't valid YAML, is a template.

    ``{{ checksum "x" }}`` and the like are CircleCI's own, in the keys of caches.
    """
    return next(_template_marks(source), None) is not None


def is_template(document: Document) -> bool:
    """Whether ``document``, which happens to be valid YAML, is a template.

    Marks inside scalars don't count: a step may write a template of its own.
    """
    marks = list(_template_marks(document.source))
    if not marks or document.root is None:
        return bool(marks)
    scalars = [node for node in walk(document.root) if isinstance(node, Scalar)]
    return any(not any(node.start <= mark < node.end for node in scalars) for mark in marks)


def _template_marks(source: SourceText) -> Iterator[int]:
    text = source.text
    for hint in _TEMPLATE_HINTS:
        # Not by an expression for all of them: that takes longer, and most texts have none.
        at = text.find(hint)
        while at >= 0:
            if _TEMPLATE_MARK.match(text, at) or (
                _TEMPLATE_LINE.match(text, at)
                and text[text.rfind("\n", 0, at) + 1 : at].strip() in ("", "-")
            ):
                yield at
            at = text.find(hint, at + len(hint))


class Generated(Struct, frozen=True):
    """A generated file. ``origin`` is the source file that its header names, if any."""

    origin: str | None


def generated(source: SourceText) -> Generated | None:
    """What the comment at the head of ``source`` says if the file is generated; else None."""
    match = _HEADER.match(source.text)
    header = match.group() if match else ""
    if _GENERATED.search(header) is None or _TRANSLATED_ONCE.search(header) is not None:
        return None
    matches: list[str] = _FILE_NAME.findall(_URL.sub(" ", header))
    # A dot after a name ends the sentence.
    names = [
        name for written in matches if (name := written.rstrip(".")) and name not in source.path
    ]
    return Generated(names[0] if names else None)
