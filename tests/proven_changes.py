"""Changes as the proof makes them, for tests of what is done with them."""

from __future__ import annotations

from cci_migrate.engine.proof import ProvenFile
from cci_migrate.lossless.edits import Edit
from cci_migrate.lossless.source import SourceText, Span


def whole_edit(before: str, after: str) -> Edit:
    """The edit that puts ``after`` in the place of all of ``before``."""
    return Edit(Span(0, len(before)), before, after)


def proven_file(path: str, before: bytes, after: bytes) -> ProvenFile:
    """A file that becomes ``after``, whatever a proof would say."""
    texts = (SourceText.decode(path, data).text for data in (before, after))
    return ProvenFile(path, before, after, (whole_edit(*texts),))
