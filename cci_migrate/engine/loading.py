"""From the bytes of a group of files to their config, or the outcome if they are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cci_migrate.bounds.allowance import TooComplexError
from cci_migrate.circleci.config import Config
from cci_migrate.circleci.config_reading import MountedDocument, read_config
from cci_migrate.circleci.packing import CONFIG_FOLDER, Group, Part, group_by_name
from cci_migrate.circleci.source_kinds import (
    SomethingElse,
    SourceKind,
    generated,
    is_template,
    is_template_text,
    kind_of,
)
from cci_migrate.engine.outcomes import Cause, Failed, NotAConfig, Refused, Unexamined
from cci_migrate.lossless import nodes
from cci_migrate.lossless.expansion import expands_beyond
from cci_migrate.lossless.merging import duplicate_keys, text_of
from cci_migrate.lossless.nodes import Document, Node
from cci_migrate.lossless.parsing import YamlError, parse
from cci_migrate.lossless.source import NotUtf8Error, Position, SourceText
from cci_migrate.redaction.excerpts import excerpt_of_unparsed

#: CircleCI takes no config of more than 8 MB with its aliases expanded
#: (https://support.circleci.com/hc/en-us/articles/360045043634); so many values have some 16 bytes
#: each in it.
MOST_REPEATED = 500_000

_FIX_YAML = "correct it, then run again"
_EDIT_TEMPLATE = "run cci-migrate on the rendered file, or edit the template by hand"


def load(group: Group, files: Mapping[str, bytes]) -> Config | Unexamined:
    """Read the files of ``group``."""
    sources: list[SourceText] = []
    for part in group.parts:
        try:
            sources.append(SourceText.decode(part.path, files[part.path]))
        except NotUtf8Error as error:
            return Failed(
                (part.path,), str(error), "save it as UTF-8 text", Position(error.line, 1)
            )
    return load_texts(group, sources)


def load_texts(group: Group, sources: Sequence[SourceText]) -> Config | Unexamined:
    """Read ``sources``, the texts of the files of ``group`` in its order.

    Raises TooComplexError.
    """
    paths = tuple(source.path for source in sources)
    by_path = {source.path: source for source in sources}
    trees = _Trees(by_path)
    parts: list[MountedDocument] = []
    kinds: list[SourceKind] = []
    others: list[SomethingElse] = []
    for part in group.parts:
        source = by_path[part.path]
        try:
            document = trees.document(part.path)
        except YamlError as error:
            return _not_yaml(source, error)
        if document.has_more_documents:
            return _several_documents(document)
        if expands_beyond(document, MOST_REPEATED):
            raise TooComplexError(
                f"its aliases and merge keys repeat more than {MOST_REPEATED:,} values"
            )
        kind = SourceKind.PACKED_PART if part.mount else kind_of(document)
        if isinstance(kind, SomethingElse):
            others.append(kind)
            if group.is_packed and document.root is not None:
                parts.append(MountedDocument(document, part.mount))
            continue
        kinds.append(kind)
        parts.append(MountedDocument(document, _mount(part, document, kind)))
    if not kinds:
        return NotAConfig(paths, others[0].kind if others else "an empty file")
    is_orb = group.is_orb or SourceKind.ORB in kinds
    if not group.is_packed and kinds == [SourceKind.PACKED_PART]:
        is_orb = CONFIG_FOLDER not in paths[0].split("/")
    return read_config(parts, is_orb_source=is_orb)


def is_packed_from(config: Config, files: Mapping[str, bytes]) -> bool:
    """Whether ``config`` is what packing the tree of ``files`` gives: it has all their jobs."""
    for group in group_by_name(files):
        tree = load(group, files) if group.is_packed else None
        if isinstance(tree, Config):
            jobs = tree.body.jobs.keys()
            if jobs and jobs <= config.body.jobs.keys():
                return True
    return False


class _Trees:
    """The trees of a group's files; an alias may mean an anchor of another file of the group."""

    def __init__(self, sources: Mapping[str, SourceText]) -> None:
        self._sources = sources
        self._done: dict[str, Document] = {}
        self._open: set[str] = set()

    def document(self, path: str) -> Document:
        if path not in self._done:
            self._open.add(path)
            outer = self._anchor_elsewhere if len(self._sources) > 1 else None
            self._done[path] = parse(self._sources[path], outer=outer)
            self._open.discard(path)
        return self._done[path]

    def _anchor_elsewhere(self, name: str) -> nodes.Scalar | nodes.Mapping | nodes.Sequence | None:
        for path, source in self._sources.items():
            if path in self._open or f"&{name}" not in source.text:
                continue
            try:
                anchored = self.document(path).anchored
            except YamlError:
                # Its own turn comes, and says so.
                self._open.discard(path)
                continue
            for node in anchored:
                if node.anchor == name:
                    return node
        return None


def _mount(part: Part, document: Document, kind: SourceKind) -> tuple[str, ...]:
    if part.mount or kind is not SourceKind.PACKED_PART:
        return part.mount
    # A job or an executor on its own: what it is called is the name of its file.
    stem = part.path.rpartition("/")[2].rpartition(".")[0]
    root = document.root
    is_job = isinstance(root, nodes.Mapping) and "steps" in root.values
    return ("jobs" if is_job else "executors", stem)


def _not_yaml(source: SourceText, error: YamlError) -> Refused | Failed:
    position = source.position(error.offset)
    if is_template_text(source):
        return Refused(
            (source.path,),
            Cause.TEMPLATE,
            "a template, not YAML yet",
            _EDIT_TEMPLATE,
        )
    if source.text.startswith("<<<<<<< ") or "\n<<<<<<< " in source.text:
        return Failed(
            (source.path,), "it has merge conflict markers", "resolve the conflict", position
        )
    excerpt = excerpt_of_unparsed(source, error.offset)
    problem = f"not valid YAML: {error.problem}"
    return Failed((source.path,), problem, _hint(source, error), position, excerpt)


def _hint(source: SourceText, error: YamlError) -> str:
    """What to do about the error: special advice for frequent mistakes, else a general one."""
    start = source.line_start(error.offset)
    line = source.text[start : source.line_end(start)].strip()
    above = source.text[source.line_start(max(0, start - 1)) : start].strip()
    below_name = line.startswith(("context:", "requires:", "filters:"))
    if below_name and above.startswith("- ") and not above.endswith(":"):
        return f"a job with keys below it needs a colon: write {above}:"
    if line.startswith("auth:"):
        return "indent auth like image, and put it under image"
    return _FIX_YAML


def _several_documents(document: Document) -> Refused | NotAConfig:
    path = document.source.path
    if isinstance(kind_of(document), SomethingElse):
        return NotAConfig((path,), "several YAML documents, not a config")
    return Refused(
        (path,),
        Cause.SEVERAL_DOCUMENTS,
        "several YAML documents; CircleCI reads only one",
        "split it, or remove the others",
    )


def refusal_of(config: Config) -> Refused | None:
    """Why ``config`` must not be edited; None if it may."""
    for document in config.documents:
        source = document.source
        paths = (source.path,)
        origin = generated(source)
        if origin is not None:
            where = origin.origin or "what generates it"
            reason = "marked as generated"
            return Refused(paths, Cause.GENERATED, reason, f"change {where} instead")
        if is_template(document):
            return Refused(paths, Cause.TEMPLATE, "a template", _EDIT_TEMPLATE)
        duplicates = [
            pair
            for mapping in document.mappings
            if len(mapping.values) < len(mapping.entries)
            for pair in duplicate_keys(mapping)
        ]
        if duplicates:
            return _with_duplicates(source, duplicates)
    return None


def _with_duplicates(source: SourceText, duplicates: Sequence[tuple[Node, Node]]) -> Refused:
    # Which of them counts is the reader's choice: CircleCI once took the last one, and has begun to
    # refuse such configs. Whether a pull is authenticated must not hang on that.
    earlier, later = duplicates[0]
    name = text_of(earlier) or "null"
    line, again = source.position(earlier.start).line, source.position(later.start).line
    lines = f"line {line}" if line == again else f"lines {line} and {again}"
    what, which = f"the key {name} appears twice, on {lines}", "of the two"
    if len(duplicates) > 1:
        what, which = f"{len(duplicates)} keys appear twice, first {name} on {lines}", "of each"
    advice = f"remove one {which}; CircleCI may refuse the config too"
    return Refused((source.path,), Cause.DUPLICATE_KEYS, what, advice)
