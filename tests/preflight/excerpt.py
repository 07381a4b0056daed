"""What of CircleCI's published API document the stand-in is made from."""

from __future__ import annotations

import re
from typing import Any

#: The calls that the program makes.
CALLS = {
    "/context": ("get", "post"),
    "/context/{context-id}/environment-variable": ("get",),
    "/context/{context-id}/environment-variable/{env-var-name}": ("put",),
    "/context/{context_id}/restrictions": ("get",),
    "/me/collaborations": ("get",),
    "/pipeline": ("get",),
    "/project/{project-slug}": ("get",),
    "/project/{project-slug}/envvar": ("get",),
    "/project/{provider}/{organization}/{project}/settings": ("get",),
}
_PROSE = frozenset({"x-codeSamples", "description", "summary", "example", "examples", "tags"})
_REFERENCE = re.compile(r"#/components/(\w+)/(\w+)")


def excerpt_of(document: dict[str, Any]) -> dict[str, Any]:
    """Those calls of ``document`` and all that they refer to, without the prose."""
    paths: dict[str, Any] = {}
    for path, methods in CALLS.items():
        found = document["paths"][path]
        paths[path] = {key: _bare(found[key]) for key in ("parameters", *methods) if key in found}
    made = {
        "openapi": document["openapi"],
        "info": {**_bare(document["info"]), "x-source": "https://circleci.com/api/v2/openapi.json"},
        "paths": paths,
        "components": {},
    }
    waiting = _references(paths)
    while waiting:
        kind, name = waiting.pop()
        known = made["components"].setdefault(kind, {})
        if name not in known:
            known[name] = _bare(document["components"][kind][name])
            waiting += _references(known[name])
    made["components"] = {
        kind: dict(sorted(known.items())) for kind, known in sorted(made["components"].items())
    }
    return made


def _bare(node: Any, *, named: bool = False) -> Any:
    """``node`` without prose; ``named``: its keys are names that somebody chose."""
    if isinstance(node, list):
        return [_bare(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _bare(value, named=key == "properties")
        for key, value in node.items()
        if named or key not in _PROSE
    }


def _references(node: Any) -> list[tuple[str, str]]:
    return [(found[1], found[2]) for found in _REFERENCE.finditer(str(node))]
