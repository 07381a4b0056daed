"""From GitHub's answers to snapshots."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec.structs import replace

from cci_migrate.bounds.config_sizes import SIZE_LIMIT, TOO_LARGE
from cci_migrate.engine.outcomes import Failed
from cci_migrate.forges.blob_text import exact_bytes, within_limit
from cci_migrate.forges.config_paths import config_paths
from cci_migrate.forges.git_remotes import branch_at
from cci_migrate.forges.repository import (
    Branch,
    Kind,
    PullRequest,
    PullState,
    RepositoryRef,
    Snapshot,
    Traits,
    Visibility,
)

_MAY_WRITE = frozenset({"ADMIN", "MAINTAIN", "WRITE"})
_SYMLINK = 0o120000
_PLAIN = 0o100644

#: Reads a blob by its id where GraphQL gave no text, or not all of it.
RawBlob = Callable[[str, str], bytes]


def ref_of(node: dict[str, Any], host: str, root: str) -> RepositoryRef:
    """The name of a repository in an answer."""
    return RepositoryRef(Kind.GITHUB, host, node["nameWithOwner"], root)


def read_repository(node: dict[str, Any], ref: RepositoryRef, raw: RawBlob) -> Snapshot:
    """The snapshot that the ``repository`` fragment's answer is."""
    default = node["defaultBranchRef"]
    head = default["target"]["oid"] if default else ""
    files, modes, problems = _files(node["circleci"], ref, raw)
    return Snapshot(
        ref=ref,
        head=head,
        default_branch=default["name"] if default else "",
        traits=Traits(
            archived=node["isArchived"],
            fork=node["isFork"],
            empty=node["isEmpty"] or not head,
            visibility=Visibility(node["visibility"].lower()),
            topics=tuple(
                topic["topic"]["name"] for topic in node["repositoryTopics"]["nodes"] or ()
            ),
            may_write=node["viewerPermission"] in _MAY_WRITE,
        ),
        files=files,
        modes=modes,
        problems=problems,
        has_links=_has_links(node["circleci"]),
        branch=_branch(node["branch"], head),
        pull=newest_pull(node["pullRequests"]["nodes"]),
        node=node["id"],
    )


def is_too_large(blob: dict[str, Any]) -> bool:
    """Whether a blob is larger than any file that is read."""
    return bool(blob["byteSize"] > SIZE_LIMIT)


def blob_bytes(blob: dict[str, Any], name: str, raw: RawBlob) -> bytes:
    """The content of a blob, exactly."""
    data = exact_bytes(blob["text"], blob["oid"])
    return raw(name, blob["oid"]) if data is None else data


def _files(
    tree: dict[str, Any] | None, ref: RepositoryRef, raw: RawBlob
) -> tuple[dict[str, bytes], dict[str, str], tuple[Failed, ...]]:
    entries = dict(_walk(tree, ".circleci")) if tree else {}
    found = {path: entries[path] for path in config_paths(entries)}
    too_large = {path for path, entry in found.items() if is_too_large(entry["object"])}
    files = within_limit(
        (path, blob_bytes(entry["object"], ref.name, raw))
        for path, entry in found.items()
        if path not in too_large
    )
    modes = {path: f"{e['mode']:06o}" for path, e in found.items() if e["mode"] != _PLAIN}
    return files, modes, tuple(Failed((path,), TOO_LARGE) for path in sorted(too_large))


def _has_links(tree: dict[str, Any] | None) -> bool:
    """Whether the folder is a link, or has one in it."""
    if tree is None:
        return False
    entries = tree.get("entries")
    if entries is None:
        return "oid" in tree
    return any(
        entry["mode"] == _SYMLINK or (entry["type"] == "tree" and _has_links(entry["object"]))
        for entry in entries
    )


def _walk(tree: dict[str, Any], folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for entry in tree.get("entries") or ():
        path, below = f"{folder}/{entry['name']}", entry["object"] or {}
        if entry["type"] == "tree":
            yield from _walk(below, path)
        elif entry["type"] == "blob" and "text" in below and entry["mode"] != _SYMLINK:
            yield path, entry


def _branch(node: dict[str, Any] | None, head: str) -> Branch | None:
    if node is None:
        return None
    return replace(branch_at(node["target"]["oid"], head), node=node["id"])


def newest_pull(nodes: list[dict[str, Any]] | None) -> PullRequest | None:
    """The newest that comes from the repository itself: a fork may have a branch of that name."""
    own = [node for node in nodes or () if not node["isCrossRepository"]]
    if not own:
        return None
    newest = next((node for node in own if node["state"] == "OPEN"), own[0])
    return PullRequest(
        newest["number"], newest["url"], PullState(newest["state"].lower()), newest["id"]
    )
