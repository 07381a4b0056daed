"""GitHub as a source of repositories and as a host that changes are delivered to."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from msgspec.structs import replace

from cci_migrate.forges.access import TokenAccess
from cci_migrate.forges.blob_text import contents_within_limit
from cci_migrate.forges.branch_content import compare_with_plan, reversal_url
from cci_migrate.forges.campaign_identity import is_own_comment
from cci_migrate.forges.config_paths import find_configs
from cci_migrate.forges.github import queries
from cci_migrate.forges.github.access import read_access, token_problem
from cci_migrate.forges.github.app import InstallationToken
from cci_migrate.forges.github.extras import ExtrasWriter
from cci_migrate.forges.github.pull_request_reviews import GitHubReviews
from cci_migrate.forges.github.reading import (
    BranchReply,
    Comment,
    Compared,
    ForkedRepository,
    ForkNode,
    GitData,
    GitObject,
    NetworkComparison,
    OwnerReply,
    PullNode,
    RepositoryChecks,
    RepositoryName,
    RepositoryNode,
    RevertedRepository,
    Tip,
    TreeListing,
    blob_bytes,
    own_pull,
    read_outline,
    read_repository,
    with_fork,
    without_fork,
)
from cci_migrate.forges.host import (
    DeliveredChange,
    Delivery,
    Extras,
    NewPullRequest,
    Proposal,
    RepositoryPage,
    WantedFiles,
)
from cci_migrate.forges.repository import (
    Blocker,
    Branch,
    BranchContent,
    Checks,
    FileHash,
    Kind,
    Observation,
    PullRequest,
    PullState,
    RepositoryRef,
    Snapshot,
    Unreadable,
)
from cci_migrate.forges.repository_errors import FATAL_ERRORS, describe_error
from cci_migrate.forges.reverted_files import files_before, revert_message
from cci_migrate.transport.graphql import GraphqlError, ask, ask_for_all, mutate
from cci_migrate.transport.host_errors import (
    HostError,
    OverloadedError,
    RefusedError,
    StaleSnapshot,
)
from cci_migrate.transport.http import Api, MissingError, documented
from cci_migrate.transport.pace import OTHER, PULL_REQUEST
from cci_migrate.transport.page_size import PageSize
from cci_migrate.transport.parallel_reads import asking_for_less, read_chunks, read_pages
from cci_migrate.transport.reading_threads import PendingRead

_Result = TypeVar("_Result")

#: Files asked for in one request.
FILES = 50
#: Repositories that are listed without files in one request: the most that GitHub allows.
LISTED_TOGETHER = 100
#: Comments of one page.
_COMMENTS = 100
#: What a deleted branch points to.
_NO_COMMIT = "0" * 40
_RAW = {"Accept": "application/vnd.github.raw+json"}


def graphql_url(root: str) -> str:
    """The GraphQL address that belongs to a REST root.

    https://docs.github.com/en/enterprise-server@latest/graphql/guides/managing-enterprise-accounts
    """
    return f"{root.removesuffix('/v3')}/graphql"


class GitHub:
    """GitHub under one identity. ``branch`` is the campaign's.

    ``is_nested``: search for configs below the root too. ``installation``: of the App that it is
    used as.
    """

    files_together = 200

    def __init__(
        self,
        api: Api,
        host: str,
        branch: str,
        *,
        is_nested: bool = False,
        installation: InstallationToken | None = None,
    ) -> None:
        self._installation = installation
        self._is_nested = is_nested
        self._api = api
        self._url = graphql_url(api.root)
        self._host = host
        self._branch = branch
        self._page = PageSize()
        self._listed = PageSize(LISTED_TOGETHER)
        self._extras = ExtrasWriter(api)
        self._reviews = GitHubReviews(api, self._url)

    @property
    def reviews(self) -> GitHubReviews:
        """Its pull requests."""
        return self._reviews

    @property
    def delivery(self) -> Delivery:
        """Pull requests."""
        return Delivery.PULL_REQUEST

    # -- reading

    def owner_pages(
        self, owner: str, cursor: str, known: Sequence[str]
    ) -> Iterator[RepositoryPage]:
        """The pages of all repositories of an organisation or user, without their files."""

        def read(after: str, size: int) -> RepositoryPage:
            return self._owner_page(owner, after, size)

        def recover(asked: int, error: OverloadedError) -> bool:
            self._api.pause(self._listed.shrink(asked, error))
            return True

        return read_pages(self._api.threads, self._listed, read, cursor, known, recover)

    def observe(self, refs: Iterable[RepositoryRef]) -> Iterator[Observation]:
        """The state of each of ``refs``, some forty in a request."""
        recover = asking_for_less(self._page, self._api.pause)
        threads = self._api.threads
        for chunk, result in read_chunks(threads, self._page, self._observe_chunk, refs, recover):
            if isinstance(result, OverloadedError):
                yield Unreadable(chunk[0], Blocker.FAILED, f"GitHub does not answer ({result})")
            else:
                yield from result

    def read(self, snapshot: Snapshot, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        """The content of ``paths`` at the snapshot's head, in one request."""
        return self._read_together([WantedFiles(snapshot, tuple(paths))])[snapshot.ref.key]

    def begin_reading(
        self, wanted: Sequence[WantedFiles]
    ) -> PendingRead[Mapping[str, Mapping[str, bytes | None]]]:
        """Read the wanted files of several repositories, in one request."""
        return self._api.threads.begin(partial(self._read_together, wanted))

    def _read_together(
        self, wanted: Sequence[WantedFiles]
    ) -> Mapping[str, Mapping[str, bytes | None]]:
        variables: dict[str, str] = {}
        for at, files in enumerate(wanted):
            variables[f"o{at}"], variables[f"n{at}"] = files.snapshot.current_name.split("/", 1)
            for number, path in enumerate(files.paths):
                variables[f"e{at}_{number}"] = f"{files.snapshot.head}:{path}"
        query = queries.files([len(files.paths) for files in wanted])
        blobs = ask_for_all(
            self._api, self._url, query, variables, dict[str, dict[str, GitObject | None]]
        )
        return {
            files.snapshot.ref.key: {
                path: self._file(blobs[f"r{at}"].get(f"f{number}"), files.snapshot)
                for number, path in enumerate(files.paths)
            }
            for at, files in enumerate(wanted)
        }

    def _file(self, blob: GitObject | None, snapshot: Snapshot) -> bytes | None:
        if blob is None or blob.byte_size is None or blob.is_too_large:
            return None
        return blob_bytes(blob, snapshot.current_name, self._raw)

    def base_checks(self, snapshot: Snapshot) -> Checks:
        """The result of CI for the head of the default branch."""
        owner, name = snapshot.current_name.split("/", 1)
        variables = {"owner": owner, "name": name}
        return ask_for_all(
            self._api, self._url, queries.HEAD_CHECKS, variables, RepositoryChecks, "repository"
        ).base

    def branch_content(self, snapshot: Snapshot, files: Sequence[FileHash]) -> BranchContent:
        """What the branch adds to the default branch."""
        if snapshot.branch is None:
            return BranchContent.NOTHING
        return self._content(snapshot, self._branch, snapshot.branch.oid, files)

    # -- writing

    def write(self, snapshot: Snapshot, proposal: Proposal) -> Branch | None:
        """Set the branch to one commit of ours on top of the head.

        A commit made by GraphQL is signed by GitHub, and has plain file modes; files with unusual
        modes, and the branch of an open pull request, are committed by the REST API for git data.
        """
        self._sync_fork(snapshot)
        is_odd = any(path in snapshot.modes for path in proposal.contents)
        # Without a commit of its own, even for a moment, GitHub would close the pull request.
        if is_odd or snapshot.pull is not None:
            oid = self._commit_git_data(snapshot, proposal)
            return Branch(oid, BranchContent.PLANNED)
        oid = self._commit(snapshot, proposal.branch, proposal.message, proposal.contents)
        return Branch(oid, BranchContent.PLANNED)

    def open_pull_request(self, snapshot: Snapshot, proposal: Proposal) -> PullRequest:
        """Open the pull request from the campaign's branch, with the texts of ``proposal``."""
        return self._open(
            snapshot,
            NewPullRequest(proposal.branch, proposal.title, proposal.body, proposal.draft),
        )

    def fork(self, snapshot: Snapshot, owner: str) -> str:
        """Fork the repository, which GitHub does once for each account, and goes on to fill later.

        https://docs.github.com/en/rest/repos/forks#create-a-fork
        """
        fields: dict[str, object] = {"default_branch_only": True}
        if owner:
            fields["organization"] = owner
        path = f"/repos/{snapshot.current_name}/forks"
        fork = self._api.write(OTHER, "POST", path, json=fields).body(ForkedRepository)
        if fork.parent.full_name.lower() != snapshot.current_name.lower():
            raise HostError(
                f"{fork.full_name} is a fork of {fork.parent.full_name}, and GitHub makes no other "
                f"of {snapshot.current_name} for that account"
            )
        return fork.full_name

    def impossible_extras(self, owner: str, extras: Extras) -> tuple[str, ...]:
        """Why for each of ``extras`` that no pull request of ``owner`` can have."""
        return tuple(self._extras.impossible(owner, extras))

    def add_extras(self, snapshot: Snapshot, extras: Extras) -> tuple[str, ...]:
        """Add ``extras`` to the pull request; returns why for each that could not be added."""
        if snapshot.pull is None:
            return ()
        return tuple(self._extras.add(snapshot.current_name, snapshot.pull.number, extras))

    def comments(self, snapshot: Snapshot) -> Iterator[str]:
        """The texts of all comments on the pull request."""
        return (comment.body or "" for comment in self._comments(_comments_path(snapshot)))

    def is_discussed(self, snapshot: Snapshot) -> bool:
        """Whether people have commented on or reviewed the pull request; bots don't count.

        https://docs.github.com/en/rest/pulls/reviews#list-reviews-for-a-pull-request
        """
        comments = self._comments(_comments_path(snapshot))
        if any(not is_own_comment(comment.body or "") for comment in comments if comment.is_human):
            return True
        number = snapshot.pull.number if snapshot.pull is not None else 0
        reviews = self._comments(f"/repos/{snapshot.current_name}/pulls/{number}/reviews")
        return any(review.is_human for review in reviews)

    def _comments(self, path: str) -> Iterator[Comment]:
        """https://docs.github.com/en/rest/issues/comments#list-issue-comments"""
        number = 1
        comments: tuple[Comment, ...] = ()
        while number == 1 or len(comments) == _COMMENTS:
            params = {"per_page": _COMMENTS, "page": number}
            comments = self._api.read("GET", path, params=params).body(tuple[Comment, ...])
            yield from comments
            number += 1

    def comment(self, snapshot: Snapshot, text: str) -> None:
        """https://docs.github.com/en/rest/issues/comments#create-an-issue-comment"""
        self._api.write(OTHER, "POST", _comments_path(snapshot), json={"body": text})

    def close(self, snapshot: Snapshot) -> None:
        """Close the pull request, then delete the branch if it is disposable."""
        if snapshot.pull is not None and snapshot.pull.state is PullState.OPEN:
            arguments = {"pullRequestId": snapshot.pull.node}
            self._mutate(OTHER, queries.CLOSE_PULL_REQUEST, arguments, dict[str, object])
        if snapshot.branch is not None and snapshot.branch.content.is_disposable:
            self._update_branch(snapshot, self._branch, snapshot.branch, _NO_COMMIT)

    def revert(self, snapshot: Snapshot, delivered: DeliveredChange) -> str:
        """Open the pull request that reverts a merged one; returns its address.

        Raises HostError if the snapshot has no merged one.
        """
        if snapshot.pull is None or snapshot.pull.state is not PullState.MERGED:
            raise HostError("there is no merged pull request")
        at_home = replace(snapshot, fork=None)
        if not at_home.may_deliver:
            return self._revert_by_fork(snapshot, snapshot.pull, delivered)
        # GitHub's name for the branch of a reverting pull request.
        head = f"revert-{snapshot.pull.number}-{self._branch}"
        repository = self._reverted(snapshot.current_name, head)
        pull = own_pull(repository.pull_requests)
        if pull is not None:
            content = self._reverting(at_home, head, repository.tip, delivered)
            return reversal_url(pull, content)
        arguments = {"pullRequestId": snapshot.pull.node}
        route = ("revertPullRequest", "url")
        return self._mutate(PULL_REQUEST, queries.REVERT_PULL_REQUEST, arguments, str, *route)

    def _revert_by_fork(
        self, snapshot: Snapshot, merged: PullRequest, delivered: DeliveredChange
    ) -> str:
        """Open the pull request that reverts ``merged`` from the fork; returns its address."""
        if snapshot.fork is None:
            raise HostError(
                f"the fork {snapshot.ref.fork} is gone, and the token can't push to "
                f"{snapshot.current_name}; ask somebody who can to revert {merged.url}"
            )
        head = f"revert-{merged.number}-{self._branch}"
        pulls = self._reverted(snapshot.current_name, head).pull_requests
        tip = self._reverted(snapshot.fork.name, head).tip
        content = self._reverting(snapshot, head, tip, delivered)
        pull = own_pull(pulls, snapshot.fork.name)
        if pull is not None:
            return reversal_url(pull, content)
        if tip and content is BranchContent.OTHER:
            raise HostError(f"the branch {head} exists, but does not revert the change")
        if content is not BranchContent.PLANNED:

            def read(commit: str, path: str) -> bytes:
                return self._content_at(replace(snapshot, head=commit), path)

            contents = files_before(snapshot, delivered, merged, read)
            branch = Branch(tip, content) if tip else None
            self._sync_fork(snapshot)
            message = revert_message(merged, contents)
            self._commit(replace(snapshot, branch=branch), head, message, contents)
        title = f"Revert the change of {merged.number}"
        return self._open(snapshot, NewPullRequest(head, title, f"Reverts {merged.url}.")).url

    def _reverted(self, name: str, head: str) -> RevertedRepository:
        """The branch ``head`` of the repository ``name``, and its pull requests from such ones."""
        owner, _, short = name.partition("/")
        variables = {"owner": owner, "name": short, "head": head, "ref": f"refs/heads/{head}"}
        return ask_for_all(
            self._api, self._url, queries.REVERTED, variables, RevertedRepository, "repository"
        )

    def _reverting(
        self, snapshot: Snapshot, head: str, tip: str, delivered: DeliveredChange
    ) -> BranchContent:
        """What the branch ``head`` adds, PLANNED if it reverts ``delivered``; OTHER without one."""
        if not tip:
            return BranchContent.OTHER
        return self._content(snapshot, head, tip, delivered.reversed_files)

    @property
    def token_problem(self) -> str:
        """What the token lacks for any write."""
        if self._installation is not None:
            return self._installation.problem
        return token_problem(self._api.token() or "", self._api.scopes)

    def access(self, snapshot: Snapshot) -> TokenAccess:
        """What the token may do in the repository, from answers that are there."""
        if self._installation is not None:
            return self._installation.access
        return read_access(snapshot, self._api.token() or "", self._api.scopes)

    def access_by_fork(self, snapshot: Snapshot) -> TokenAccess:
        """What the token may do if the branch is in a fork, which its owner may write to."""
        traits = replace(snapshot.traits, may_write=True)
        return self.access(replace(snapshot, traits=traits))

    def end(self) -> None:
        """Close the connections."""
        self._api.close()

    # -- internals

    @property
    def _branch_variables(self) -> dict[str, str]:
        return {"ref": f"refs/heads/{self._branch}", "head": self._branch}

    def _mutate(
        self, write: str, mutation: str, arguments: dict[str, Any], kind: type[_Result], *route: str
    ) -> _Result:
        return mutate(self._api, self._url, write, mutation, arguments, kind, *route)

    def _owner_page(self, owner: str, after: str, size: int) -> RepositoryPage:
        """A page of the listing. Incomplete repositories are observed by name later.

        Raises OverloadedError if a smaller page may work.
        """
        variables = {
            "login": owner,
            "first": size,
            "after": after or None,
            **self._branch_variables,
        }
        reply = ask(self._api, self._url, queries.OWNER, variables, OwnerReply)
        errors = reply.errors
        if reply.data.repository_owner is None:
            raise _owner_error(owner, errors)
        listing = reply.data.repository_owner.repositories
        if errors and not all(len(error.path) > 3 for error in errors):
            raise OverloadedError(errors[0].message)
        incomplete = {error.path[3] for error in errors}
        observations: list[Observation] = []
        problems: list[str] = []
        outlines = []
        refs = []
        for at, node in enumerate(listing.nodes or ()):
            if node is None:
                if size > 1:
                    raise OverloadedError("a repository came without its name")
                problems.append(
                    f"GitHub does not show one of the repositories of {owner}; the next run lists "
                    "them again"
                )
                continue
            name = documented(node, RepositoryName).name_with_owner
            ref = RepositoryRef(Kind.GITHUB, self._host, name, self._api.root)
            if at in incomplete:
                refs.append(ref)
                continue
            outline = _attempt(ref, partial(_outline, node, ref))
            if isinstance(outline, Snapshot):
                outlines.append(outline)
            else:
                observations.append(outline)
        return RepositoryPage(
            tuple(refs), tuple(observations), listing.cursor, tuple(outlines), tuple(problems)
        )

    def _observe_chunk(self, refs: Sequence[RepositoryRef]) -> list[Observation]:
        variables: dict[str, Any] = dict(self._branch_variables)
        forked = [at for at, ref in enumerate(refs) if ref.fork]
        for at, ref in enumerate(refs):
            variables[f"o{at}"], variables[f"n{at}"] = ref.name.split("/", 1)
        for at in forked:
            variables[f"ko{at}"], variables[f"kn{at}"] = refs[at].fork.split("/", 1)
        reply = ask(
            self._api,
            self._url,
            queries.named(len(refs), forked),
            variables,
            dict[str, dict[str, Any] | None],
        )
        errors: dict[str | int, GraphqlError] = {}
        for error in reply.errors:
            if not error.path:
                raise OverloadedError(error.message)
            errors.setdefault(error.path[0], error)
        observations: list[Observation] = []
        for at, ref in enumerate(refs):
            problem, node = errors.get(f"r{at}"), reply.data.get(f"r{at}")
            fork_problem, fork = errors.get(f"k{at}"), reply.data.get(f"k{at}")
            if fork_problem is not None and fork_problem.type not in ("NOT_FOUND", "FORBIDDEN"):
                raise OverloadedError(fork_problem.message)
            if problem is None and node is not None:
                observations.append(self._observation(node, ref, fork))
            elif problem is None or problem.type == "NOT_FOUND":
                message = problem.message if problem else "not found"
                observations.append(Unreadable(ref, Blocker.NOT_FOUND, message))
            elif problem.type == "FORBIDDEN":
                observations.append(Unreadable(ref, Blocker.FORBIDDEN, problem.message))
            else:
                raise OverloadedError(problem.message)
        return observations

    def _observation(
        self, node: dict[str, Any], ref: RepositoryRef, fork: dict[str, Any] | None
    ) -> Observation:
        def observed() -> Snapshot:
            repository = documented(node, RepositoryNode)
            snapshot = self._with_further_configs(read_repository(repository, ref, self._raw))
            if not ref.fork:
                return snapshot
            if fork is None:
                return without_fork(snapshot, repository)
            return with_fork(snapshot, repository, documented(fork, ForkNode))

        return _attempt(ref, observed)

    def _with_further_configs(self, snapshot: Snapshot) -> Snapshot:
        """``snapshot`` with the targets of links, and if nested with configs below the root.

        https://docs.github.com/en/rest/git/trees#get-a-tree
        """
        if not (self._is_nested or snapshot.has_links) or not snapshot.head:
            return snapshot
        listing = self._api.read(
            "GET",
            f"/repos/{snapshot.current_name}/git/trees/{snapshot.head}",
            params={"recursive": "1"},
        ).body(TreeListing)
        if listing.truncated:
            raise HostError(
                "more files than GitHub lists in one answer; plan it by its git URL instead"
            )
        modes = {entry.path: entry.mode for entry in listing.tree if entry.type == "blob"}
        below = "" if self._is_nested else ".circleci"
        configs = find_configs(modes, lambda path: self._content_at(snapshot, path), below)
        further = [path for path in configs.modes if path not in snapshot.files]
        contents = contents_within_limit(
            (path, data)
            for start in range(0, len(further), FILES)
            for path, data in self.read(snapshot, further[start : start + FILES]).items()
            if data is not None
        )
        return snapshot.with_configs(contents, configs)

    def _content_at(self, snapshot: Snapshot, path: str) -> bytes:
        return self.read(snapshot, [path])[path] or b""

    def _content(
        self, snapshot: Snapshot, branch: str, tip: str, files: Sequence[FileHash]
    ) -> BranchContent:
        """https://docs.github.com/en/graphql/reference/objects#commit

        The commit must change each of the planned files, and no others.
        """
        home = snapshot.branch_home.name
        owner, name = home.split("/", 1)
        paths = {f"p{at}": file.path for at, file in enumerate(files)}
        is_in_fork = snapshot.fork is not None
        head = {} if is_in_fork else {"head": branch}
        reply = ask_for_all(
            self._api,
            self._url,
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
            if before is None or after is None:
                return BranchContent.OTHER
            if before.oid == after.oid or before.mode != after.mode:
                return BranchContent.OTHER
        return compare_with_plan(
            files, self.read(replace(snapshot, head=tip, renamed_to=home), list(paths.values()))
        )

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

    def _raw(self, name: str, oid: str) -> bytes:
        return self._api.read_bytes(f"/repos/{name}/git/blobs/{oid}", headers=_RAW)

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
                self._api.write(OTHER, "POST", path, json={"branch": snapshot.default_branch})

    def _commit(
        self, snapshot: Snapshot, branch: str, message: str, contents: Mapping[str, bytes]
    ) -> str:
        """Set ``branch``, which is as in ``snapshot``, to one signed commit on top of the head."""
        self._set_branch(snapshot, branch, snapshot.head)
        headline, _, body = message.partition("\n\n")
        commit = self._mutate(
            OTHER,
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
            Tip,
            "commit",
        )
        return commit.oid

    def _open(self, snapshot: Snapshot, opening: NewPullRequest) -> PullRequest:
        head = {} if snapshot.fork is None else {"headRepositoryId": snapshot.fork.node}
        return self._mutate(
            PULL_REQUEST,
            queries.CREATE_PULL_REQUEST,
            {
                "repositoryId": snapshot.node,
                **head,
                "baseRefName": snapshot.default_branch,
                "headRefName": opening.branch,
                "title": opening.title,
                "body": opening.body,
                "draft": opening.draft,
            },
            PullNode,
            "pullRequest",
        ).pull

    def _set_branch(self, snapshot: Snapshot, name: str, oid: str) -> None:
        """Create the branch called ``name`` at ``oid``, or move it there."""
        if snapshot.branch is None:
            arguments = {
                "repositoryId": snapshot.branch_home.node,
                "name": f"refs/heads/{name}",
                "oid": oid,
            }
            try:
                self._mutate(OTHER, queries.CREATE_REF, arguments, Tip, "ref", "target")
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
            self._mutate(OTHER, queries.UPDATE_REF, arguments, dict[str, object])
        except HostError as error:
            raise StaleSnapshot(f"the branch cannot be moved: {error}") from None

    def _commit_git_data(self, snapshot: Snapshot, proposal: Proposal) -> str:
        """Commit by single blobs and a tree; nothing is visible until the branch points there.

        https://docs.github.com/en/rest/git
        """
        root = f"/repos/{snapshot.branch_home.name}/git"
        entries = []
        for path, content in proposal.contents.items():
            blob = self._api.write(
                OTHER,
                "POST",
                f"{root}/blobs",
                json={"content": base64.b64encode(content).decode(), "encoding": "base64"},
            ).body(GitData)
            mode = snapshot.modes.get(path, "100644")
            entries.append({"path": path, "mode": mode, "type": "blob", "sha": blob.sha})
        tree = self._api.write(
            OTHER, "POST", f"{root}/trees", json={"base_tree": snapshot.head, "tree": entries}
        ).body(GitData)
        commit = self._api.write(
            OTHER,
            "POST",
            f"{root}/commits",
            json={
                "message": proposal.message,
                "tree": tree.sha,
                "parents": [snapshot.head],
            },
        ).body(GitData)
        self._set_branch(snapshot, proposal.branch, commit.sha)
        return commit.sha


def _comments_path(snapshot: Snapshot) -> str:
    """Those of a pull request are comments on an issue."""
    number = snapshot.pull.number if snapshot.pull is not None else 0
    return f"/repos/{snapshot.current_name}/issues/{number}/comments"


def _attempt(ref: RepositoryRef, observe: Callable[[], Snapshot]) -> Observation:
    """What ``observe`` returns for one of the repositories in an answer, or Unreadable."""
    try:
        return observe()
    except OverloadedError as error:
        return Unreadable(ref, Blocker.FAILED, str(error))
    except FATAL_ERRORS:
        raise
    except Exception as error:  # noqa: BLE001 - the other repositories of the answer go on
        return Unreadable(ref, Blocker.FAILED, describe_error(error))


def _outline(node: dict[str, Any], ref: RepositoryRef) -> Snapshot:
    return read_outline(documented(node, RepositoryNode), ref)


def _owner_error(owner: str, errors: tuple[GraphqlError, ...]) -> Exception:
    if errors and errors[0].type not in ("NOT_FOUND", "FORBIDDEN"):
        return OverloadedError(errors[0].message)
    detail = f" ({errors[0].message})" if errors else ""
    return HostError(f"{owner}: no organisation or user that the token can see{detail}")
