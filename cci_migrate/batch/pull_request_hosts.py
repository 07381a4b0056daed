"""What GitLab and Bitbucket have in common: seen by git, changed by their REST APIs.

Their limits for git are ten times those of their APIs (GitLab.com 10,000 a minute, Bitbucket
60,000 an hour), and one blobless fetch shows configs and branch at once; so the API is asked only
for what git does not tell.
"""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from cci_migrate.batch.git_remotes import GitClones
from cci_migrate.batch.host import Delivery, HostError, Page, Proposal, RefusedError
from cci_migrate.batch.http import Api, MissingError, OverloadedError
from cci_migrate.batch.pace import OTHER, Lane
from cci_migrate.batch.repository import (
    Blocker,
    Branch,
    PullRequest,
    RepositoryRef,
    Sighting,
    Snapshot,
    Traits,
    Unseen,
)

#: Repositories whose API and git requests alternate.
CHUNK = 16


@dataclass(frozen=True, slots=True)
class Project:
    """What the API says of a repository. ``node`` is its id there."""

    ref: RepositoryRef
    default_branch: str
    traits: Traits
    node: str = ""


class PullRequestHost(ABC):
    """A host with a REST API for changes. ``user`` is the name that goes with the token in git."""

    user: str

    def __init__(self, api: Api, token: str, lane: Lane, branch: str) -> None:
        self._api = api
        self._lane = lane
        self._branch = branch
        self._clones = GitClones(branch, git_login(api.root, self.user, token))
        self._projects: dict[str, Project] = {}

    @property
    def delivery(self) -> Delivery:
        """Pull requests."""
        return Delivery.PULL_REQUEST

    def look(self, refs: Sequence[RepositoryRef]) -> Iterator[Sighting]:
        """Each of ``refs``: what the API knows, then what git does."""
        for start in range(0, len(refs), CHUNK):
            known: dict[str, tuple[Project, PullRequest | None]] = {}
            for ref in refs[start : start + CHUNK]:
                try:
                    project = self._projects.pop(ref.key, None) or self.project(ref)
                    known[ref.key] = (project, self.pull_request(project))
                except MissingError as error:
                    yield Unseen(ref, Blocker.NOT_FOUND, str(error))
                except RefusedError as error:
                    yield Unseen(ref, Blocker.FORBIDDEN, str(error))
                except (HostError, OverloadedError) as error:
                    yield Unseen(ref, Blocker.FAILED, str(error))
            empty = [project for project, _ in known.values() if project.traits.empty]
            yield from (Snapshot(project.ref, traits=project.traits) for project in empty)
            full = [project for project, _ in known.values() if not project.traits.empty]
            for sighting in self._clones.see_all([(p.ref, self.git_url(p.ref)) for p in full]):
                yield _completed(sighting, *known[sighting.ref.key])

    def read(self, snapshot: Snapshot, paths: Sequence[str]) -> Mapping[str, bytes | None]:
        """Other files at the snapshot's head."""
        return self._clones.read(snapshot, self.git_url(snapshot.ref), paths)

    def write(self, snapshot: Snapshot, proposal: Proposal) -> Branch | None:
        """Bring the branch to one commit of ours on top of the head.

        Files with other modes than the plain one go by git, since the APIs do not take modes.
        """
        if any(path in snapshot.modes for path in proposal.contents):
            oid = self._clones.commit(snapshot, self.git_url(snapshot.ref), proposal)
            self._lane.take(OTHER)
            self._clones.push(snapshot, self.git_url(snapshot.ref), oid)
        else:
            oid = self.commit(snapshot, proposal)
        return Branch(oid, proposal.message)

    def decorate(self, snapshot: Snapshot, proposal: Proposal) -> None:
        """Labels and reviewers went with the pull request when it was opened."""
        del snapshot, proposal

    def end(self) -> None:
        """Close the connections and remove the scratch clones."""
        self._api.close()
        self._clones.end()

    def listed(self, projects: Sequence[Project], cursor: str) -> Page:
        """A page of projects, whose traits are kept until they are looked at."""
        self._projects.update({project.ref.key: project for project in projects})
        return Page(tuple(project.ref for project in projects), (), cursor)

    @abstractmethod
    def git_url(self, ref: RepositoryRef) -> str:
        """Where git finds a repository."""

    @abstractmethod
    def owner_pages(self, owner: str, cursor: str) -> Iterator[Page]:
        """All repositories of a group or workspace."""

    @abstractmethod
    def project(self, ref: RepositoryRef) -> Project:
        """What the API says of one repository."""

    @abstractmethod
    def pull_request(self, project: Project) -> PullRequest | None:
        """The newest pull request from the branch."""

    @abstractmethod
    def commit(self, snapshot: Snapshot, proposal: Proposal) -> str:
        """Make the commit and the branch by the API; the commit's id."""


class Owner:
    """A group or workspace as a source."""

    def __init__(self, host: PullRequestHost, ref: RepositoryRef) -> None:
        self._host = host
        self._owner = ref.name
        self.name = ref.key

    def pages(self, cursor: str) -> Iterator[Page]:
        """Its repositories."""
        return self._host.owner_pages(self._owner, cursor)


def git_login(root: str, user: str, token: str) -> dict[str, str]:
    """What git needs to be let in, by its environment: other users cannot see it, nor any file.

    https://git-scm.com/docs/git-config#ENVIRONMENT, ``http.<url>.extraHeader``.
    """
    parts = urlsplit(web_root(root))
    login = base64.b64encode(f"{user}:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{parts.scheme}://{parts.netloc}/.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {login}",
    }


def web_root(root: str) -> str:
    """The address that people know, from that of the API."""
    parts = urlsplit(root)
    return f"{parts.scheme}://{parts.netloc.removeprefix('api.')}"


def _completed(sighting: Sighting, project: Project, pull: PullRequest | None) -> Sighting:
    if isinstance(sighting, Unseen):
        return sighting
    traits = replace(project.traits, empty=sighting.traits.empty)
    return replace(
        sighting,
        traits=traits,
        default_branch=project.default_branch,
        node=project.node,
        pull=pull,
    )
