"""GitHub as a source of repositories and as a host that changes are delivered to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from cci_migrate.forges.access import TokenAccess
from cci_migrate.forges.campaign_identity import is_own_comment
from cci_migrate.forges.extras import Extras, MissingExtra
from cci_migrate.forges.github import queries
from cci_migrate.forges.github.access import read_access, token_problem
from cci_migrate.forges.github.app import InstallationToken
from cci_migrate.forges.github.branches import Branches
from cci_migrate.forges.github.extras import GitHubExtras
from cci_migrate.forges.github.files import RepositoryFiles
from cci_migrate.forges.github.pull_request_reviews import GitHubReviews, no_answer
from cci_migrate.forges.github.reading import (
    Comment,
    ForkedRepository,
    ForkNode,
    OwnerReply,
    PullNode,
    RepositoryChecks,
    RepositoryNode,
    RevertedRepository,
    checks_of,
    own_pull,
    read_outline,
    read_repository,
    tip_of,
    with_fork,
    without_fork,
)
from cci_migrate.forges.host import (
    DeliveredChange,
    Delivery,
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
from cci_migrate.forges.reverting import (
    files_before,
    foreign_branch,
    merged_pull,
    reversal_url,
    revert_message,
    reverting_pull,
)
from cci_migrate.transport.graphql import Graphql, GraphqlError
from cci_migrate.transport.host_errors import HostError, OverloadedError
from cci_migrate.transport.http import Api, documented
from cci_migrate.transport.page_size import PageSize
from cci_migrate.transport.parallel_reads import asking_for_less, read_chunks, read_pages
from cci_migrate.transport.write_kinds import WriteKind

if TYPE_CHECKING:
    from concurrent.futures import Future

#: Repositories that are listed without files in one request: the most that GitHub allows.
LISTED_TOGETHER = 100
#: The types of errors that say why a repository, or its fork, is not in an answer.
_BLOCKERS = {"NOT_FOUND": Blocker.NOT_FOUND, "FORBIDDEN": Blocker.FORBIDDEN}
#: Comments of one page.
_COMMENTS = 100


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

    delivery = Delivery.PULL_REQUEST
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
        self._graphql = Graphql(api, graphql_url(api.root))
        self._host = host
        self._branch = branch
        self._page = PageSize()
        self._listed = PageSize(LISTED_TOGETHER)
        self._extras = GitHubExtras(api)
        self._files = RepositoryFiles(api, self._graphql)
        self._branches = Branches(api, self._graphql, self._files)
        self.reviews = GitHubReviews(api, self._graphql)

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
        return read_chunks(
            self._api.threads,
            self._page,
            self._observe_chunk,
            refs,
            asking_for_less(self._page, self._api.pause),
            no_answer,
        )

    def read(self, snapshot: Snapshot, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        """The content of ``paths`` at the snapshot's head, in one request."""
        return self._files.read(snapshot, paths)

    def begin_reading(
        self, wanted: Sequence[WantedFiles]
    ) -> Future[Mapping[str, Mapping[str, bytes | None]]]:
        """Read the wanted files of several repositories, in one request."""
        return self._api.threads.begin(partial(self._files.read_together, wanted))

    def base_checks(self, snapshot: Snapshot) -> Checks:
        """The result of CI for the head of the default branch."""
        owner, name = snapshot.current_name.split("/", 1)
        variables = {"owner": owner, "name": name}
        checked = self._graphql.ask_for_all(
            queries.HEAD_CHECKS, variables, RepositoryChecks, "repository"
        )
        return checks_of(None, checked.default_branch_ref)

    def branch_content(
        self, snapshot: Snapshot, tip: str, files: Sequence[FileHash]
    ) -> BranchContent:
        """What the branch adds to the default branch."""
        return self._branches.content(snapshot, self._branch, tip, files)

    # -- writing

    def write(self, snapshot: Snapshot, proposal: Proposal) -> Branch | None:
        """Set the branch to one commit of ours on top of the head.

        A commit made by GraphQL is signed by GitHub, and has plain file modes; files with unusual
        modes, and the branch of an open pull request, are committed by the REST API for git data.
        """
        is_odd = any(path in snapshot.modes for path in proposal.contents)
        # Without a commit of its own, even for a moment, GitHub would close the pull request.
        is_at_once = is_odd or snapshot.pull is not None
        commit = self._branches.commit_at_once if is_at_once else self._branches.commit
        oid = commit(snapshot, proposal.branch, proposal.message, proposal.contents)
        return Branch(oid, BranchContent.PLANNED)

    def open_pull_request(self, snapshot: Snapshot, opening: NewPullRequest) -> PullRequest:
        """Open the pull request from the repository, or from its fork."""
        head = {} if snapshot.fork is None else {"headRepositoryId": snapshot.fork.node}
        return self._graphql.mutate(
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
            write=WriteKind.PULL_REQUEST,
        ).pull

    def fork(self, snapshot: Snapshot, organization: str | None) -> str:
        """Fork the repository, which GitHub does once for each account, and goes on to fill later.

        https://docs.github.com/en/rest/repos/forks#create-a-fork
        """
        fields: dict[str, object] = {"default_branch_only": True}
        if organization is not None:
            fields["organization"] = organization
        path = f"/repos/{snapshot.current_name}/forks"
        fork = self._api.write("POST", path, json=fields).body(ForkedRepository)
        if fork.parent.full_name.lower() != snapshot.current_name.lower():
            raise HostError(
                f"{fork.full_name} is a fork of {fork.parent.full_name}, and GitHub makes no other "
                f"of {snapshot.current_name} for that account"
            )
        return fork.full_name

    def impossible_extras(self, owner: str, extras: Extras) -> tuple[MissingExtra, ...]:
        """Those of ``extras`` that no pull request of ``owner`` can have."""
        return tuple(self._extras.impossible(owner, extras))

    def add_extras(self, snapshot: Snapshot, extras: Extras) -> tuple[MissingExtra, ...]:
        """Add ``extras`` to the pull request; returns those that could not be added."""
        if snapshot.pull is None:
            return ()
        return tuple(self._extras.add(snapshot.current_name, snapshot.pull.number, extras))

    def comments(self, snapshot: Snapshot) -> Iterator[str]:
        """The texts of all comments on the pull request."""
        return (comment.body or "" for comment in self._comments(self._comments_path(snapshot)))

    def is_discussed(self, snapshot: Snapshot) -> bool:
        """Whether people have commented on or reviewed the pull request; bots don't count.

        https://docs.github.com/en/rest/pulls/reviews#list-reviews-for-a-pull-request
        """
        comments = self._comments(self._comments_path(snapshot))
        if any(not is_own_comment(comment.body or "") for comment in comments if comment.is_human):
            return True
        path = f"/repos/{snapshot.current_name}/pulls/{snapshot.pull_number}/reviews"
        return any(review.is_human for review in self._comments(path))

    def _comments(self, path: str) -> Iterator[Comment]:
        """https://docs.github.com/en/rest/issues/comments#list-issue-comments"""
        for number in count(1):
            params = {"per_page": _COMMENTS, "page": number}
            comments = self._api.read("GET", path, params=params).body(tuple[Comment, ...])
            yield from comments
            if len(comments) < _COMMENTS:
                return

    def comment(self, snapshot: Snapshot, text: str) -> None:
        """https://docs.github.com/en/rest/issues/comments#create-an-issue-comment"""
        self._api.write("POST", self._comments_path(snapshot), json={"body": text})

    def close(self, snapshot: Snapshot) -> None:
        """Close the pull request, then delete the branch if it is disposable."""
        if snapshot.pull is not None and snapshot.pull.state is PullState.OPEN:
            arguments = {"pullRequestId": snapshot.pull.node}
            self._graphql.mutate(queries.CLOSE_PULL_REQUEST, arguments, dict[str, object])
        if (branch := snapshot.disposable_branch) is not None:
            self._branches.delete(snapshot, self._branch, branch)

    def revert(self, snapshot: Snapshot, delivered: DeliveredChange) -> str:
        """Open the pull request that reverts a merged one; returns its address.

        Raises HostError if the snapshot has no merged one.
        """
        merged = merged_pull(snapshot)
        at_home = replace(snapshot, fork=None)
        if not at_home.may_deliver:
            return self._revert_by_fork(snapshot, merged, delivered)
        head = reverting_pull(merged, self._branch).branch
        repository = self._reverted(snapshot.current_name, head)
        pull = own_pull(repository.pull_requests)
        if pull is not None:
            content = self._reverting(at_home, head, tip_of(repository.branch), delivered)
            return reversal_url(pull, content)
        arguments = {"pullRequestId": merged.node}
        route = ("revertPullRequest", "url")
        return self._graphql.mutate(
            queries.REVERT_PULL_REQUEST, arguments, str, *route, write=WriteKind.PULL_REQUEST
        )

    def _revert_by_fork(
        self, snapshot: Snapshot, merged: PullRequest, delivered: DeliveredChange
    ) -> str:
        """Open the pull request that reverts ``merged`` from the fork; returns its address."""
        if snapshot.fork is None:
            raise HostError(
                f"the fork {snapshot.ref.fork} is gone, and the token can't push to "
                f"{snapshot.current_name}; ask somebody who can to revert {merged.url}"
            )
        opening = reverting_pull(merged, self._branch)
        head = opening.branch
        pulls = self._reverted(snapshot.current_name, head).pull_requests
        tip = tip_of(self._reverted(snapshot.fork.name, head).branch)
        content = self._reverting(snapshot, head, tip, delivered)
        pull = own_pull(pulls, snapshot.fork.name)
        if pull is not None:
            return reversal_url(pull, content)
        if tip and content is BranchContent.OTHER:
            raise foreign_branch(head)
        if content is not BranchContent.PLANNED:
            read = partial(self._files.content, snapshot)
            contents = files_before(snapshot, delivered, merged, read)
            branch = Branch(tip, content) if tip else None
            message = revert_message(merged, contents)
            self._branches.commit(replace(snapshot, branch=branch), head, message, contents)
        return self.open_pull_request(snapshot, opening).url

    def _reverted(self, name: str, head: str) -> RevertedRepository:
        """The branch ``head`` of the repository ``name``, and its pull requests from such ones."""
        owner, _, short = name.partition("/")
        variables = {"owner": owner, "name": short, "head": head, "ref": f"refs/heads/{head}"}
        return self._graphql.ask_for_all(
            queries.REVERTED, variables, RevertedRepository, "repository"
        )

    def _reverting(
        self, snapshot: Snapshot, head: str, tip: str, delivered: DeliveredChange
    ) -> BranchContent:
        """What the branch ``head`` adds, PLANNED if it reverts ``delivered``; OTHER without one."""
        if not tip:
            return BranchContent.OTHER
        return self._branches.content(snapshot, head, tip, delivered.reversed_files)

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

    def _comments_path(self, snapshot: Snapshot) -> str:
        """Those of a pull request are comments on an issue."""
        return f"/repos/{snapshot.current_name}/issues/{snapshot.pull_number}/comments"

    @property
    def _branch_variables(self) -> dict[str, str]:
        return {"ref": f"refs/heads/{self._branch}", "head": self._branch}

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
        reply = self._graphql.ask(queries.OWNER, variables, OwnerReply)
        if reply.data.repository_owner is None:
            raise _owner_error(owner, reply.errors)
        listing = reply.data.repository_owner.repositories
        incomplete = reply.errors_by_item(3)
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
            name = documented(node, str, "nameWithOwner")
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
        query, kind = queries.named(len(refs), forked), dict[str, dict[str, Any] | None]
        reply = self._graphql.ask(query, variables, kind)
        errors = reply.errors_by_item(0)
        for error in errors.values():
            if error.type not in _BLOCKERS:
                raise OverloadedError(error.message)
        observations: list[Observation] = []
        for at, ref in enumerate(refs):
            problem, node = errors.get(f"r{at}"), reply.data.get(f"r{at}")
            if problem is not None:
                blocker = _BLOCKERS[problem.type]
                observations.append(Unreadable(ref, blocker, problem.message))
            elif node is None:
                observations.append(Unreadable(ref, Blocker.NOT_FOUND, "not found"))
            else:
                observations.append(self._observation(node, ref, reply.data.get(f"k{at}")))
        return observations

    def _observation(
        self, node: dict[str, Any], ref: RepositoryRef, fork: dict[str, Any] | None
    ) -> Observation:
        def observed() -> Snapshot:
            repository = documented(node, RepositoryNode)
            snapshot = self._files.with_further_configs(
                read_repository(repository, ref, self._files.raw), is_nested=self._is_nested
            )
            if not ref.fork:
                return snapshot
            if fork is None:
                return without_fork(snapshot, repository)
            return with_fork(snapshot, repository, documented(fork, ForkNode))

        return _attempt(ref, observed)


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
    if errors and errors[0].type not in _BLOCKERS:
        return OverloadedError(errors[0].message)
    detail = f" ({errors[0].message})" if errors else ""
    return HostError(f"{owner}: no organisation or user that the token can see{detail}")
