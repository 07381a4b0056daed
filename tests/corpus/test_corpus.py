"""The tool over real configs of the reference corpus, judged by the oracle.

A tenth of the repositories, the same in each run; ``make corpus`` does the same with all of them.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from zlib import crc32

import pytest

from tools.corpus import by_repository, check_group
from tools.shared_data import CorpusFile, corpus_files

pytestmark = pytest.mark.corpus
PARTS = 2
SHARE = 10


@pytest.mark.parametrize("part", range(PARTS))
def test_no_file_falls_short(corpus: Path, part: int) -> None:
    shared = corpus.parent
    groups: list[list[CorpusFile]] = [
        group
        for group in by_repository(corpus_files(shared))
        if crc32(group[0].repository.encode()) % (PARTS * SHARE) == part
    ]
    short: dict[str, list[str]] = defaultdict(list)
    examined = 0
    for group in groups:
        tally = check_group(shared, group)
        examined += tally.numbers["files"]
        for shortfall in tally.shortfalls:
            short[f"{shortfall.check}: {shortfall.detail}"].append(
                f"{shortfall.file}: {shortfall.place}"
            )
    assert examined == sum(map(len, groups)) > 0
    assert dict(short) == {}
