"""Which variables images and logins read as credentials, or will read once they are fixed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.assessing.credential_values import values_of, variables_among, variables_of
from cci_migrate.assessing.image_states import (
    Authenticated,
    ImageState,
    Incomplete,
    Misplaced,
    Proposed,
    Unauthenticated,
    Unmirrored,
    finding_key,
    half_of_another_pair,
)
from cci_migrate.assessing.login_needs import LoginNeeds
from cci_migrate.assessing.step_assessment import MissingLogin, variables_by_registry
from cci_migrate.circleci.config import Config, WorkflowJob
from cci_migrate.circleci.images import PulledImage
from cci_migrate.circleci.misplaced_contexts import misplaced_contexts_by_job
from cci_migrate.circleci.value_origins import Origin, named_variable
from cci_migrate.circleci.workflow_jobs import JobContexts, job_contexts, runs_nothing
from cci_migrate.docker.registries import normalise_host
from cci_migrate.findings import FindingKey
from cci_migrate.groups import grouped
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.lossless.nodes import Scalar
from cci_migrate.policy.settings import PasswordAuth, Policy
from cci_migrate.rule_ids import (
    INCOMPLETE_AUTH,
    LITERAL_CREDENTIAL,
    MISPLACED_AUTH,
    UNAUTHENTICATED_IMAGE,
)


class AssessedImage(Struct, frozen=True, eq=False):
    """An image and the state of its credentials.

    ``misrouted_to`` is the other registry (a host or a pattern) that its credentials belong to.
    """

    image: PulledImage
    state: ImageState
    misrouted_to: str | None = None

    @property
    def registry(self) -> str | None:
        """The registry that it comes from, or will come from; None if unknown."""
        return self.state.host if isinstance(self.state, Unmirrored) else self.image.host

    def key(self, rule: str) -> FindingKey:
        """The key of a finding of ``rule`` about it."""
        return finding_key(self.image, rule)


class CredentialUse(Struct, frozen=True):
    """A workflow job reads ``variables``, for the registry ``host``.

    ``after`` is the key of the finding whose fix makes it read them; None if it does already.
    ``in_steps``: a login in its steps reads them, otherwise an image's credentials.
    ``is_misrouted``: the credentials of ``host`` are sent to another registry.
    """

    host: str
    variables: tuple[str, ...]
    after: FindingKey | None = None
    in_steps: bool = False
    is_misrouted: bool = False


class AssessedEntry(Struct, frozen=True, eq=False):
    """A workflow job, its contexts and the credentials that it reads.

    ``only_for_forks``: only builds of forks run it, and they get no contexts. ``misplaced`` are
    contexts that are meant for it but are where CircleCI does not look for them.
    """

    entry: WorkflowJob
    contexts: JobContexts
    uses: tuple[CredentialUse, ...]
    only_for_forks: bool = False
    misplaced: tuple[str, ...] = ()

    @property
    def intended(self) -> JobContexts:
        """Its contexts, with those that are in the wrong place."""
        if not self.misplaced:
            return self.contexts
        return replace(self.contexts, values=(*self.contexts.values, *self.misplaced))

    def reads_today(self, variables: Iterable[str]) -> bool:
        """Whether one of its images or logins reads all of ``variables`` already."""
        names = set(variables)
        return any(use.after is None and names <= set(use.variables) for use in self.uses)


class CredentialUses(Struct, frozen=True, eq=False, dict=True):
    """What the images of a config and the steps of its workflow jobs read."""

    config: Config
    policy: Policy
    images: tuple[AssessedImage, ...]
    logins: LoginNeeds

    @cached_property
    def image_by_item(self) -> Mapping[MappingNode, AssessedImage]:
        """The images by the mappings of their items."""
        return {image.image.item.mapping: image for image in self.images}

    @cached_property
    def images_by_secret(self) -> Mapping[Scalar, list[AssessedImage]]:
        """The images by the written-out secret in their credentials; an anchor may share one.

        There is one finding for each secret, at its first image.
        """
        return grouped(
            (image.state.literal.value, image)
            for image in self.images
            if isinstance(image.state, Authenticated) and image.state.literal is not None
        )

    @cached_property
    def entries(self) -> tuple[AssessedEntry, ...]:
        """Every workflow job that runs something."""
        misplaced = misplaced_contexts_by_job(self.config)
        return tuple(
            AssessedEntry(
                entry,
                job_contexts(entry),
                tuple(self._uses(entry)),
                self.logins.entries_for_forks.get(entry, False),
                misplaced.get(entry, ()),
            )
            for entry in self.config.workflow_jobs
            if not runs_nothing(entry, self.config)
        )

    @cached_property
    def _entries_by_item(self) -> Mapping[MappingNode, Sequence[AssessedEntry]]:
        return grouped(
            (item.mapping, assessed)
            for assessed in self.entries
            for item in self.logins.runs.items[assessed.entry]
        )

    def entries_that_pull(self, *images: PulledImage) -> Sequence[AssessedEntry]:
        """The workflow jobs that pull one of ``images``, in their order."""
        pulling = {
            assessed
            for image in images
            for assessed in self._entries_by_item.get(image.item.mapping, ())
        }
        return sorted(pulling, key=self._place_of_entry.__getitem__)

    @cached_property
    def _place_of_entry(self) -> Mapping[AssessedEntry, int]:
        return {assessed: place for place, assessed in enumerate(self.entries)}

    def credentials_read_by(self, entry: WorkflowJob) -> frozenset[str]:
        """What the images and logins of a workflow job read today, for any registry."""
        auths = (
            auth
            for item in self.logins.runs.items[entry]
            for auth in self.image_by_item[item.mapping].image.auths
        )
        names = {name for auth in auths if auth.is_complete for name in auth.variables}
        logins = self.logins.dockers.logins_by(entry)
        return frozenset(names).union(*(login.variables for login in logins))

    def of_image(self, image: AssessedImage) -> CredentialUse | None:
        """What the credentials of ``image`` read, or will read; None if unknown."""
        return self.by_item.get(image.image.item.mapping)

    def _uses(self, entry: WorkflowJob) -> Iterator[CredentialUse]:
        of_images = (self.by_item[item.mapping] for item in self.logins.runs.items[entry])
        yield from filter(None, dict.fromkeys(of_images))
        docker = self.logins.dockers.of(entry)
        if docker is None:
            return
        logins = self.logins.dockers.logins_by(entry)
        for registry, variables in variables_by_registry(logins).items():
            host = registry if "*" not in registry else ""
            if self.policy.registry_for(host) is not None and variables:
                yield CredentialUse(host, variables, in_steps=True)
        for missing in self.logins.missing_by_job.get(docker.job, []):
            use = self._of_missing(missing)
            if use is not None and self.logins.dockers.gets(entry, missing):
                yield use

    def _of_missing(self, missing: MissingLogin) -> CredentialUse | None:
        """What ``missing`` will read once it is made; None if it isn't, or reads nothing."""
        credential = self.logins.credential(missing)
        read = () if credential is None else variables_of(credential)
        if not read or self.logins.readdressing(missing):
            return None
        return CredentialUse(normalise_host(missing.host), read, missing.key, in_steps=True)

    @property
    def without_workflow(self) -> tuple[CredentialUse, ...]:
        """What the jobs of a config without workflows read, or will read after the fixes.

        Their images' credentials and the logins that their steps lack.
        """
        of_images = (
            self.by_item[item.mapping]
            for job in self.config.body.jobs.values()
            for item in job.runs_on.docker or ()
        )
        of_logins = map(self._of_missing, self.logins.missing)
        return tuple(filter(None, dict.fromkeys((*of_images, *of_logins))))

    @property
    def of_images(self) -> tuple[CredentialUse, ...]:
        """What all images read, or will read, no matter which jobs run them."""
        return tuple(dict.fromkeys(use for use in self.by_item.values() if use is not None))

    @cached_property
    def by_item(self) -> Mapping[MappingNode, CredentialUse | None]:
        """What each item of `image_by_item` reads: once, as workflow jobs share items."""
        return {item: self._use_of(image) for item, image in self.image_by_item.items()}

    def _use_of(self, image: AssessedImage) -> CredentialUse | None:
        # Credentials that are sent to the wrong registry are still read.
        host = image.registry if image.misrouted_to is None else image.misrouted_to
        if host is None:
            return None
        if self.policy.registry_for(host) is None:
            # For a registry outside the policy the context of its variables is unknown.
            return None
        read = self._read_by(image)
        if read is None:
            return None
        variables, after = read
        return CredentialUse(host, variables, after, is_misrouted=image.misrouted_to is not None)

    def _read_by(self, image: AssessedImage) -> tuple[tuple[str, ...], FindingKey | None] | None:
        """The variables in an image's credentials, and the finding whose fix adds them, if any."""
        match image.state:
            case Authenticated(auth, literal):
                # No context provides CircleCI's own variables.
                names = tuple(
                    name
                    for name in auth.variables
                    if named_variable(name).origin is not Origin.BUILT_IN
                )
                key = None
                if literal is not None and literal.variable is not None:
                    names = (*names, *variables_among((literal.variable,)))
                    first, *_ = self.images_by_secret[literal.value]
                    key = first.key(LITERAL_CREDENTIAL)
            case (
                Unauthenticated(proposed=Proposed() as proposed)
                | Unmirrored(proposed=Proposed() as proposed)
            ):
                names, key = variables_of(proposed.credential), image.key(UNAUTHENTICATED_IMAGE)
            case Incomplete(auth, proposed=Proposed(credential)):
                if half_of_another_pair(auth, values_of(credential)) is not None:
                    return None
                names, key = variables_of(credential), image.key(INCOMPLETE_AUTH)
            case Misplaced(proposed=PasswordAuth() as credential):
                names, key = variables_of(credential), image.key(MISPLACED_AUTH)
            case _:
                return None
        return (names, key) if names else None
