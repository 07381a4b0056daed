"""Branches on GitHub, in a repository or its fork: what one adds, and how one is written."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from contextlib import suppress
from urllib.parse import quote

from msgspec.structs import replace

from cci_migrate.forges.branch_content import compare_with_plan
from cci_migrate.forges.config_listing import PLAIN
from cci_migrate.forges.github import queries
from cci_migrate.forges.github.files import RepositoryFiles
from cci_migrate.forges.github.reading import BranchReply, Compared, NetworkComparison, Tip
from cci_migrate.forges.repository import Branch, BranchContent, FileHash, Snapshot
from cci_migrate.transport.graphql import Graphql
from cci_migrate.transport.host_errors import HostError, RefusedError, StaleSnapshot
from cci_migrate.transport.http import Api, MissingError

#: What a deleted branch points to.
_NO_COMMIT = "0" * 40


class Branches:
    """Branches of the repositories, or forks, of snapshots."""

    def __init__(self, api: Api, graphql: Graphql, files: RepositoryFiles) -> None:
        self._api = api
        self._graphql = graphql
        self._files = files

    def content(
        self, snapshot: Snapshot, branch: str, tip: str, files: Sequence[FileHash]
    ) -> BranchContent:
        """What ``branch`` of the repository or its fork, which is at ``tip``, adds.

        https://docs.github.com/en/graphql/reference/objects#commit

        The commit must change each of the planned files, and no others.
        """
        home = snapshot.branch_home.name
        owner, name = home.split("/", 1)
        paths = {f"p{at}": file.path for at, file in enumerate(files)}
        is_in_fork = snapshot.fork is not None
        head = {} if is_in_fork else {"head": branch}
        reply = self._graphql.ask_for_all(
            queries.branch_content(len(files), is_in_fork=is_in_fork),
            {"owner": owner, "name": name, "oid": tip, **head, **paths},
            BranchReply,
            "repository",
        )
        compared = self._in_network(snapshot, branch) if is_in_fork else reply.compared
        if compared is None or compared.tip != tip:
            return BranchContent.OTHER
        if compared.ahead_by == 0:
            return BranchContent.NOTHING
        if reply.commit is None or reply.files is None:
            return BranchContent.OTHER
        parents = reply.commit.parents.present
        is_one_commit = compared.ahead_by == 1 and len(parents) == 1
        if not is_one_commit or reply.commit.changed_files_if_available != len(files):
            return BranchContent.OTHER
        for at in range(len(files)):
            before, after = parents[0].get(f"f{at}"), reply.files.get(f"f{at}")
            if before is None or after is None or not after.is_edit_of(before):
                return BranchContent.OTHER
        return compare_with_plan(
            files,
            self._files.read(replace(snapshot, head=tip, renamed_to=home), list(paths.values())),
        )

    def commit(
        self, snapshot: Snapshot, branch: str, message: str, contents: Mapping[str, bytes]
    ) -> str:
        """Set ``branch``, which is as in ``snapshot``, to one signed commit on top of the head."""
        self._sync_fork(snapshot)
        self._set_branch(snapshot, branch, snapshot.head)
        headline, _, body = message.partition("\n\n")
        return self._graphql.mutate(
            queries.CREATE_COMMIT,
            {
                "branch": {
                    "repositoryNameWithOwner": snapshot.branch_home.name,
                    "branchName": branch,
                },
                "message": {"headline": headline, "body": body},
                "expectedHeadOid": snapshot.head,
                "fileChanges": {
                    "additions": [
                        {"path": path, "contents": base64.b64encode(content).decode()}
                        for path, content in contents.items()
                    ]
                },
            },
            str,
            "commit",
            "oid",
        )

    def commit_at_once(
        self,
        snapshot: Snapshot,
        branch: str,
        message: str,
        contents: Mapping[str, bytes],
    ) -> str:
        """`commit` by single blobs and a tree, with the files' modes and without a signature.

        Nothing is visible until the branch points there.
        """
        self._sync_fork(snapshot)
        entries = []
        for path, content in contents.items():
            encoded = base64.b64encode(content).decode()
            blob = self._made(snapshot, "blobs", {"content": encoded, "encoding": "base64"})
            mode = snapshot.modes.get(path, PLAIN)
            entries.append({"path": path, "mode": mode, "type": "blob", "sha": blob})
        tree = self._made(snapshot, "trees", {"base_tree": snapshot.head, "tree": entries})
        fields = {"message": message, "tree": tree, "parents": [snapshot.head]}
        commit = self._made(snapshot, "commits", fields)
        self._set_branch(snapshot, branch, commit)
        return commit

    def _made(self, snapshot: Snapshot, kind: str, fields: Mapping[str, object]) -> str:
        """The id of a blob, tree or commit made of ``fields``: https://docs.github.com/en/rest/git"""
        path = f"/repos/{snapshot.branch_home.name}/git/{kind}"
        return self._api.write("POST", path, json=fields).body(str, "sha")

    def delete(self, snapshot: Snapshot, name: str, branch: Branch) -> None:
        """Delete the branch ``name`` if it still is as ``branch``."""
        self._update_branch(snapshot, name, branch, _NO_COMMIT)

    def _in_network(self, snapshot: Snapshot, branch: str) -> Compared | None:
        """The fork's branch compared with the repository's default branch, which GraphQL can't do.

        None if they have no common ancestor.
        https://docs.github.com/en/rest/commits/commits#compare-two-commits
        """
        owner, fork_owner = (
            name.partition("/")[0] for name in (snapshot.current_name, snapshot.branch_home.name)
        )
        compared = quote(f"{owner}:{snapshot.default_branch}...{fork_owner}:{branch}", safe="/:")
        path = f"/repos/{snapshot.current_name}/compare/{compared}"
        try:
            return self._api.read("GET", path).body(NetworkComparison).compared
        except MissingError:
            return None

    def _sync_fork(self, snapshot: Snapshot) -> None:
        """Bring the default branch of a fork that is behind up to date: it may lack the head.

        Only if that adds no merge commit to it; otherwise the fork may have the head all the same.
        https://docs.github.com/en/rest/branches/branches#sync-a-fork-branch-with-the-upstream-repository
        """
        if snapshot.fork is None or snapshot.fork.is_current:
            return
        compared = self._in_network(snapshot, snapshot.default_branch)
        if compared is not None and compared.ahead_by == 0:
            path = f"/repos/{snapshot.fork.name}/merge-upstream"
            with suppress(HostError, RefusedError, StaleSnapshot):
                self._api.write("POST", path, json={"branch": snapshot.default_branch})

    def _set_branch(self, snapshot: Snapshot, name: str, oid: str) -> None:
        """Create the branch called ``name`` at ``oid``, or move it there."""
        if snapshot.branch is None:
            arguments = {
                "repositoryId": snapshot.branch_home.node,
                "name": f"refs/heads/{name}",
                "oid": oid,
            }
            try:
                self._graphql.mutate(queries.CREATE_REF, arguments, Tip, "ref", "target")
            except (HostError, StaleSnapshot) as error:
                if snapshot.fork is None or "does not exist" not in str(error):
                    raise
                raise HostError(
                    f"{snapshot.fork.name} lacks the newest commits of {snapshot.current_name}; "
                    "sync that fork, then run it again"
                ) from None
        elif snapshot.branch.oid != oid:
            self._update_branch(snapshot, name, snapshot.branch, oid)

    def _update_branch(self, snapshot: Snapshot, name: str, branch: Branch, oid: str) -> None:
        """Move the branch ``name`` to ``oid``, or delete it, if it still is as in ``snapshot``.

        https://docs.github.com/en/graphql/reference/mutations#updaterefs
        """
        update = {
            "name": f"refs/heads/{name}",
            "beforeOid": branch.oid,
            "afterOid": oid,
            "force": True,
        }
        arguments = {"repositoryId": snapshot.branch_home.node, "refUpdates": [update]}
        try:
            self._graphql.mutate(queries.UPDATE_REF, arguments, dict[str, object])
        except HostError as error:
            raise StaleSnapshot(f"the branch cannot be moved: {error}") from None
