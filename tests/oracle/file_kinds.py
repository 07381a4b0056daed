"""What sort of file a file is, told without the project's own judgement of it."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import PurePosixPath

from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import DocumentStartEvent

from tests.oracle.plain_yaml import Data, UnreadableError, mapping_of, read, repeats_a_key
from tests.oracle.pulled_images import looks_like_config

GENERATED = re.compile(
    r"^#.*(auto(matically)?[ -]*generated|generated (by|from)|do not edit)", re.IGNORECASE
)
#: CircleCI's own one-time translation of 1.0 configs left this; people have edited them since.
TRANSLATED = "generated from a CircleCI 1.0"
#: Delimiters of template languages, where they stand alone on a line or begin a value.
TEMPLATE = re.compile(
    r"^\s*(\{%|\{\{[^}]*\}\}\s*$|<%|\[\[-?\s*(if|range|end|define)\b)"
    r"|\{\{\s*cookiecutter|\{%-?\s*(if|for|raw)\b",
    re.MULTILINE,
)
OLD_KEYS = frozenset({"machine", "dependencies", "test", "deployment", "compile", "checkout"})


class FileKind(Enum):
    """The sorts of files that lie where CircleCI configs do."""

    CONFIG = "config"
    GENERATED = "generated config"
    TEMPLATE = "template"
    UNREADABLE = "not readable as YAML"
    SEVERAL_DOCUMENTS = "several documents"
    DUPLICATE_KEYS = "a key twice in one mapping"
    ORB_SOURCE = "orb source"
    VERSION_1 = "CircleCI 1.0"
    OTHER = "something else"


class FileReading(Struct, frozen=True):
    """The sort of a file and, where it can be read, its data."""

    kind: FileKind
    data: Data = None
    problem: str = ""


def read_file(path: str, content: bytes) -> FileReading:
    """What the file at ``path`` is."""
    try:
        data = read(content)
        documents = _documents(content)
    except (UnreadableError, YAMLError) as error:
        is_template = TEMPLATE.search(content.decode("utf-8", "replace")) is not None
        kind = FileKind.TEMPLATE if is_template else FileKind.UNREADABLE
        return FileReading(kind, problem=str(error))
    if documents > 1:
        return FileReading(FileKind.SEVERAL_DOCUMENTS, data)
    kind = _kind_of_data(path, content, mapping_of(data))
    if kind in (FileKind.CONFIG, FileKind.ORB_SOURCE) and repeats_a_key(content):
        kind = FileKind.DUPLICATE_KEYS
    return FileReading(kind, data)


def _kind_of_data(path: str, content: bytes, data: dict[str, Data]) -> FileKind:
    if PurePosixPath(path).stem == "@orb" or _is_orb(data):
        return FileKind.ORB_SOURCE
    if not looks_like_config(data):
        is_old = "version" not in data and bool(OLD_KEYS & data.keys())
        return FileKind.VERSION_1 if is_old else FileKind.OTHER
    return FileKind.GENERATED if _says_generated(content) else FileKind.CONFIG


def _is_orb(data: dict[str, Data]) -> bool:
    # A config has workflows, or else a job ``build``; pipeline parameters are a config's alone.
    if {"workflows", "setup", "parameters"} & data.keys() or str(data.get("version")) != "2.1":
        return False
    if "build" in mapping_of(data, "jobs"):
        return False
    return bool({"description", "display", "examples", "commands"} & data.keys())


def _says_generated(content: bytes) -> bool:
    # Generators say so at the top of what they write.
    for line in content.decode("utf-8-sig").splitlines():
        if line.strip() and not line.startswith(("#", "---", "%")):
            return False
        if GENERATED.search(line) and TRANSLATED not in line:
            return True
    return False


def _documents(content: bytes) -> int:
    if b"---" not in content:
        return 1
    try:
        return _count_documents(content, pure=False)
    except YAMLError:
        return _count_documents(content, pure=True)


def _count_documents(content: bytes, *, pure: bool) -> int:
    events = YAML(typ="safe", pure=pure).parse(content.decode("utf-8-sig"))
    return sum(isinstance(event, DocumentStartEvent) for event in events)
