"""GitLab's GraphQL API over the repositories of a stand-in, as far as the excerpt of its schema."""

# The signature of a resolver is graphql-core's.
# ruff: noqa: ARG001, ARG002

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql import GraphQLSchema, build_schema

from tests.batch.commits import blob, files, message, shown_text
from tests.batch.graphql_answers import execute

if TYPE_CHECKING:
    from tests.batch.rest_stand_ins import Hosted

SCHEMA = Path(__file__).with_name("gitlab_schema.graphql")
#: Of a tree's files, no more than this many are shown at a time.
PAGE = 100


@cache
def excerpt() -> GraphQLSchema:
    """The schema."""
    return build_schema(SCHEMA.read_text())


def answer(
    query: str, variables: dict[str, Any], repositories: Mapping[str, Hosted]
) -> dict[str, Any]:
    """The body of the answer to a request."""
    result = execute(excerpt(), query, _Root(repositories), variables)
    body: dict[str, Any] = {"data": result.data} if result.data is not None else {}
    if result.errors:
        body["errors"] = []
        for error in result.errors:
            assert error.original_error is None, error.original_error
            # GitLab tells what does not fit its schema by a code, and then sends no data.
            body["errors"].append(
                {"message": error.message, "extensions": {"code": "argumentNotAccepted"}}
            )
    return body


class _Root:
    """Query."""

    def __init__(self, repositories: Mapping[str, Hosted]) -> None:
        self._repositories = repositories

    def namespace(self, info: Any, fullPath: str) -> dict[str, Any] | None:
        names = [name for name in self._repositories if name.startswith(f"{fullPath}/")]
        if not names:
            return None

        def projects(
            info: Any, includeSubgroups: bool, first: int, after: str | None = None, **_: Any
        ) -> dict[str, Any]:
            shown = names if includeSubgroups else [n for n in names if n.count("/") == 1]
            start = int(after.removeprefix("at-")) if after else 0
            end = start + first
            return {
                "nodes": [_project(self._repositories[name]) for name in shown[start:end]],
                "pageInfo": {"endCursor": f"at-{end}", "hasNextPage": end < len(shown)},
            }

        return {"fullPath": fullPath, "projects": projects}

    def project(self, info: Any, fullPath: str) -> dict[str, Any] | None:
        found = self._repositories.get(fullPath)
        return None if found is None else _project(found)

    def projects(self, info: Any, fullPaths: list[str], first: int, **_: Any) -> dict[str, Any]:
        assert len(fullPaths) <= 50
        there = [self._repositories[name] for name in fullPaths if name in self._repositories]
        return {"nodes": [_project(project) for project in reversed(there)][:first]}


def _project(hosted: Hosted) -> dict[str, Any]:
    level = 40
    for access in (hosted.traits.get("permissions") or {}).values():
        level = access["access_level"] if access else 0

    def requests(
        info: Any, sourceBranches: list[str], first: int, sort: str, **_: Any
    ) -> dict[str, Any]:
        found = [p for p in reversed(hosted.pulls) if p["source_branch"] in sourceBranches]
        nodes = [
            {
                "iid": str(request["iid"]),
                "webUrl": request["web_url"],
                "state": request["state"],
                "description": request.get("description"),
                "sourceProjectId": request["source_project_id"],
                "targetProjectId": request["target_project_id"],
            }
            for request in found[:first]
        ]
        return {"nodes": nodes}

    return {
        "id": f"gid://gitlab/Project/{hosted.number}",
        "fullPath": hosted.name,
        "archived": hosted.traits.get("archived", False),
        "visibility": hosted.traits.get("visibility", "private"),
        "topics": hosted.traits.get("topics", []),
        "lastActivityAt": hosted.traits.get("last_activity_at"),
        "isForked": "forked_from_project" in hosted.traits,
        "userPermissions": {"pushCode": level >= 30},
        "mergeRequests": requests,
        "repository": _repository(hosted),
    }


def _repository(hosted: Hosted) -> dict[str, Any]:
    def tree(info: Any, path: str, recursive: bool, ref: str = "HEAD") -> dict[str, Any]:
        oid = hosted.oid(ref)
        entries = files(hosted.folder, oid) if oid else {}
        below = {
            name: mode
            for name, (mode, _) in entries.items()
            if (not path or name.startswith(f"{path}/"))
            and (recursive or "/" not in name.removeprefix(f"{path}/"))
        }
        return {
            "lastCommit": {"sha": oid, "message": message(hosted.folder, oid)} if oid else None,
            "blobs": _page({"path": name, "mode": mode} for name, mode in below.items()),
        }

    def blobs(info: Any, paths: list[str], ref: str = "HEAD", **_: Any) -> dict[str, Any]:
        oid = hosted.oid(ref)
        entries = files(hosted.folder, oid) if oid else {}
        found = []
        for path in paths:
            if path in entries:
                blob_id = entries[path][1]
                text = shown_text(blob(hosted.folder, blob_id))
                found.append({"path": path, "oid": blob_id, "rawTextBlob": text})
        return _page(found)

    head = hosted.oid("HEAD")
    return {
        "empty": head is None,
        "exists": True,
        "rootRef": "main" if head else None,
        "tree": tree,
        "blobs": blobs,
    }


def _page(nodes: Iterable[dict[str, Any]]) -> dict[str, Any]:
    every = list(nodes)
    return {
        "nodes": every[:PAGE],
        "pageInfo": {"hasNextPage": len(every) > PAGE, "hasPreviousPage": False},
    }
