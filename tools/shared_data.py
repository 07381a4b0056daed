"""Where the real configs and the maintainers' migrations are, for the tools that run over them.

They lie beside the checkout and are no part of the project; whoever has none runs without.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).resolve().parent.parent


class CorpusFile(Struct, frozen=True):
    """One real file: ``name`` in the corpus, ``path`` in its repository."""

    name: str
    repository: str
    commit: str
    path: str
    data: bytes

    __repr__ = object.__repr__


class Pair(Struct, frozen=True):
    """A config before and after its maintainer added registry authentication by hand."""

    name: str
    path: str
    before: bytes
    after: bytes
    meta: dict[str, object]

    __repr__ = object.__repr__


def shared_folder() -> Path | None:
    """The folder with the reference data, None where there is none."""
    named = os.environ.get("CCI_MIGRATE_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    return folder if folder.is_dir() else None


def corpus_files(shared: Path) -> Iterator[CorpusFile]:
    """All files of the corpus, in the order of its manifest."""
    folder = shared / "corpus"
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as manifest:
        for row in csv.DictReader(manifest, delimiter="\t"):
            yield CorpusFile(
                name=row["file"],
                repository=row["owner/repo"],
                commit=row["commit"],
                path=row["path"],
                data=(folder / row["file"]).read_bytes(),
            )


def pairs(shared: Path) -> Iterator[Pair]:
    """All pairs, by name."""
    for folder in sorted((shared / "pairs").iterdir()):
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        yield Pair(
            name=folder.name,
            path=str(meta["path"]),
            before=(folder / "before.yml").read_bytes(),
            after=(folder / "after.yml").read_bytes(),
            meta=meta,
        )


def circleci_schema(shared: Path) -> dict[str, object]:
    """CircleCI's own JSON schema of a config."""
    text = (shared / "facts" / "circleci-schema.json").read_text(encoding="utf-8")
    schema: dict[str, object] = json.loads(text)
    return schema
