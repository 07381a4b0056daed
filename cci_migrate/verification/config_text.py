"""The one text of a config that CircleCI's compiler reads."""

from __future__ import annotations

from collections.abc import Mapping

from cci_migrate.circleci.packing import Group
from cci_migrate.engine.examination import Examination
from cci_migrate.lossless.nodes import Document
from cci_migrate.lossless.plain_data import Bare, Plain, plain_data
from cci_migrate.lossless.scalars import quoted
from cci_migrate.verification.compiled_config import mapping_in


def config_text(examined: Examination) -> str:
    """The file, or what packing the files of a source tree gives.

    https://github.com/CircleCI-Public/circleci-cli (``internal/pack``) says how they are packed.
    """
    group = examined.files.group
    if not group.is_packed:
        return examined.documents[0].source.text
    return _flow(_packed(examined.documents, group)) + "\n"


def _packed(documents: tuple[Document, ...], group: Group) -> Plain:
    mounts: Mapping[str, tuple[str, ...]] = {part.path: part.mount for part in group.parts}
    packed: dict[str, Plain] = {}
    for document in documents:
        place = packed
        for key in mounts[document.source.path]:
            below = place.setdefault(key, {})
            place = below if isinstance(below, dict) else {}
        for key, value in mapping_in(plain_data(document.root)).items():
            known = place.get(key)
            if isinstance(known, dict) and isinstance(value, dict):
                place[key] = {**known, **value}
            else:
                place[key] = value
    return packed


def _flow(value: Plain) -> str:
    """``value`` as YAML in flow style."""
    if isinstance(value, Bare):
        return value.text or "null"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    return f"{{{', '.join(f'{_string(key)}: {_flow(item)}' for key, item in value.items())}}}"


def _string(text: str) -> str:
    return quoted(text, '"')
