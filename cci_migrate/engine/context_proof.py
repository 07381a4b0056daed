"""CONTEXTS: what workflow jobs read stays what it is, and no context is too many.

It looks at the config before and after alone, and by means of its own: at the texts of steps, where
the planner unfolds them. Only which conditions a workflow job's arguments rule out it does not
decide anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from cci_migrate.assessing.conventions import credential_of
from cci_migrate.assessing.credential_values import variables_of
from cci_migrate.assessing.evidence import Evidence
from cci_migrate.circleci.config import Config, WorkflowJob
from cci_migrate.circleci.images import PulledImage
from cci_migrate.circleci.misplaced_contexts import misplaced_contexts_by_job
from cci_migrate.circleci.parameter_values import ParameterValues
from cci_migrate.circleci.steps import Bindings, steps_run_by
from cci_migrate.circleci.workflow_jobs import image_items, job_contexts
from cci_migrate.engine.proof_side import ProofSide
from cci_migrate.findings import ChosenNames, Question
from cci_migrate.lossless.nodes import Node, scalars_in
from cci_migrate.policy.settings import AwsRoleAuth, CredentialStore, GcpAuth, Policy

_REGISTRY = re.compile(r"docker|registry|(?:^|[^t])hub|\bpull", re.IGNORECASE)
_RELEASE = re.compile(
    r"(?<![a-z])(?:releases?|writer?|rw|prod(?:uction)?|deploy(?:ment)?|publish|push)(?![a-z])",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")

Variables = frozenset[str]


class _ContextUse(Struct, frozen=True):
    """A workflow job: its contexts in their order, those it is meant to hold, and what it reads.

    ``images_read`` is what the complete credentials of its images read. ``token_hosts`` are the
    registries whose images have credentials by OpenID Connect, for which a job needs a context.
    """

    entry: WorkflowJob
    contexts: tuple[str, ...]
    meant: frozenset[str]
    reads: frozenset[Variables]
    images_read: Variables
    token_hosts: frozenset[str]

    def reads_all(self, variables: Variables) -> bool:
        return any(variables <= read for read in self.reads)


def contexts_stray(
    before: ProofSide, after: ProofSide, policy: Policy, names: Iterable[ChosenNames]
) -> str | None:
    """Which workflow job of ``after`` has a context too many, or one that hides what it reads."""
    contexts, contexts_before = _contexts(after.config), _contexts(before.config)
    if all(contexts_before.get(route, ()) == values for route, values in contexts.items()):
        return None  # as most changes have it: only images get something
    old = {job.entry.route: job for job in _jobs(before, is_before=True)}
    answered = frozenset(
        finding.place.route
        for finding in before.plan.fixed_findings
        if isinstance(finding.remedy, Question)
    )
    steps = _StepTexts(before.config)
    providers = _ContextProviders(
        tuple(old.values()), before.evidence, policy, tuple(names), answered, steps
    )
    for job in _jobs(after, is_before=False):
        known = old.get(job.entry.route)
        had: tuple[str, ...] = () if known is None else known.contexts
        if [name for name in job.contexts if name in had] != list(had):
            return f"{job.entry.route} would lose a context, or have them in another order"
        gained = [name for name in job.contexts if name not in had]
        for context in gained:
            reason = _too_many(context, job, known, providers)
            if reason is not None:
                return f"{job.entry.route} {reason}"
    return None


def _too_many(
    context: str, job: _ContextUse, known: _ContextUse | None, providers: _ContextProviders
) -> str | None:
    if known is not None and context in known.meant:
        return None
    provided = [read for read in job.reads if providers.provides(context, read)]
    if not provided:
        new_hosts = job.token_hosts - (frozenset() if known is None else known.token_hosts)
        if any(providers.is_for_token(context, host) for host in new_hosts):
            return None
        return f"would get the context {context}, which its job does not need"
    reads_today = known is not None and all(map(known.reads_all, provided))
    if providers.asks_for(context):
        return None
    is_wanted = providers.wants_contexts or job.entry.route in providers.answered
    if reads_today and not is_wanted:
        return f"reads its variables today without {context}"
    if known is None or reads_today:
        return None
    variables = frozenset().union(*provided)
    earlier = set(job.contexts[: job.contexts.index(context)]) & set(known.contexts)
    read_today = providers.named_in(known, variables)
    if read_today and (earlier or not (known.contexts or is_wanted)):
        return f"would read another value for {min(read_today)}, from the context {context}"
    hidden = [
        name
        for name in sorted(earlier)
        if _REGISTRY.search(name) and not providers.is_for_others(name, variables)
    ]
    if hidden:
        return f"has {hidden[0]}, whose variables {context} may hide"
    return None


class _ContextProviders(Struct, frozen=True):
    """What shows which context provides which variables.

    ``answered`` are the routes of the workflow jobs that the user says need a context.
    """

    jobs: tuple[_ContextUse, ...]
    evidence: tuple[Evidence, ...]
    policy: Policy
    names: tuple[ChosenNames, ...]
    answered: frozenset[str]
    steps: _StepTexts

    def named_in(self, job: _ContextUse, variables: Variables) -> Variables:
        """Those of ``variables`` that images of ``job`` read or its steps name."""
        return (variables & job.images_read) | self.steps.named_in(job.entry, variables)

    def provides(self, context: str, variables: Variables) -> bool:
        if self.asks_for(context) or self._is_the_policys(context, variables):
            return True
        if any(
            shown.convention is not None and shown.convention.preferred == context
            for shown in self.evidence
            if variables == set(shown.variables)
        ):
            return True
        return any(
            context in job.meant and self._shows(context, job, variables) for job in self.jobs
        )

    def _shows(self, context: str, job: _ContextUse, variables: Variables) -> bool:
        """Whether ``job`` reads ``variables`` and may have them from its ``context``.

        Steps that only name them may do anything, such as release: they show a context that is
        for the registry alone.
        """
        is_for_registry = _REGISTRY.search(context) is not None
        if job.reads_all(variables):
            return is_for_registry or not self._keeps(job, variables)
        is_for_all = is_for_registry and _RELEASE.search(context) is None
        return is_for_all and self.named_in(job, variables) == variables

    def _keeps(self, job: _ContextUse, variables: Variables) -> bool:
        """Whether all that shows who ``job`` logs in as is to stay in its jobs."""
        shown = [
            pair.allows()
            for pair in self.evidence
            if job.entry.route in pair.entries and variables <= set(pair.variables)
        ]
        return bool(shown) and not any(shown)

    def is_for_token(self, context: str, host: str) -> bool:
        """Whether the policy has it for credentials by OpenID Connect at the registry ``host``."""
        registry = self.policy.registry_for(host)
        return registry is not None and any(
            where == context and isinstance(credential, AwsRoleAuth | GcpAuth)
            for credential, where in registry.accounts
        )

    def asks_for(self, context: str) -> bool:
        """Whether the user wants it everywhere: by the policy, or by name for a fix."""
        named = any(name.context == context for name in self.names)
        return named or (self.wants_contexts and self._is_in_policy(context))

    @property
    def wants_contexts(self) -> bool:
        """Whether the user wants all jobs to have their variables from contexts."""
        return self.policy.credentials is CredentialStore.CONTEXT

    def is_for_others(self, context: str, variables: Variables) -> bool:
        """Whether the context is known to be there for other variables."""
        theirs = list(self._policys_variables(context))
        theirs += [set(read) for job in self.jobs if context in job.contexts for read in job.reads]
        return bool(theirs) and all(variables.isdisjoint(read) for read in theirs)

    def _is_in_policy(self, context: str) -> bool:
        return any(self._policys_variables(context))

    def _is_the_policys(self, context: str, variables: Variables) -> bool:
        return any(variables <= theirs for theirs in self._policys_variables(context))

    def _policys_variables(self, context: str) -> Iterator[set[str]]:
        """The variables of each account that the policy keeps in ``context``."""
        for registry in self.policy.registries:
            for credential, where in registry.accounts:
                if where == context:
                    yield set(variables_of(credential))


class _ImageUse(Struct, frozen=True):
    """What the complete credentials of an image read; its host if they are given for a token."""

    reads: frozenset[Variables]
    token_host: str | None

    @classmethod
    def of(cls, image: PulledImage) -> _ImageUse:
        complete = [frozenset(auth.variables) for auth in image.auths if auth.is_complete]
        is_by_token = any(
            isinstance(credential_of(auth), AwsRoleAuth | GcpAuth) for auth in image.auths
        )
        return cls(frozenset(filter(None, complete)), image.host if is_by_token else None)


def _contexts(config: Config) -> Mapping[str, tuple[str, ...]]:
    """The contexts of each workflow job by its route."""
    return {entry.route: job_contexts(entry).values for entry in config.workflow_jobs}


def _jobs(side: ProofSide, *, is_before: bool) -> Iterator[_ContextUse]:
    """The workflow jobs of ``side``, with what they may read.

    After the change, a new login counts for all workflow jobs of its job: the conditions under
    which it is made depend on its place.
    """
    config = side.config
    values = ParameterValues(config)
    images = {image.item.mapping: _ImageUse.of(image) for image in side.images}
    misplaced = misplaced_contexts_by_job(config)
    for entry in config.workflow_jobs:
        pulled = [
            image
            for item in image_items(entry, config, values)
            if (image := images.get(item.mapping)) is not None
        ]
        reads = frozenset().union(*(image.reads for image in pulled))
        images_read = frozenset().union(*reads)
        docker = side.docker_of.get(entry.route)
        logins = side.logins_by.get(entry.route, ())
        if docker is not None and not is_before:
            logins = tuple(docker.all_logins)
        reads |= frozenset(login.variables for login in logins if login.variables)
        contexts = job_contexts(entry).values
        meant = frozenset((*contexts, *misplaced.get(entry, ())))
        token_hosts = frozenset(image.token_host for image in pulled if image.token_host)
        yield _ContextUse(entry, contexts, meant, reads, images_read, token_hosts)


class _StepTexts:
    """The texts of the steps of workflow jobs, and of the commands that these name."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._commands: Mapping[str, Node] = {
            name: command.steps
            for home in config.body.walk()
            for name, command in home.commands.items()
            if command.steps is not None
        }
        self._known: dict[Node, tuple[str, frozenset[str]]] = {}

    def named_in(self, entry: WorkflowJob, names: Variables) -> Variables:
        """Those of ``names`` that are words in the arguments of ``entry`` or steps that it runs."""
        nodes = [] if entry.arguments is None else [entry.arguments]
        nodes += self._steps_of(entry)
        named: set[str] = set()
        seen: set[str] = set()
        while nodes:
            text, commands = self._in(nodes.pop())
            present = {name for name in names if name in text}
            if present:
                named |= present.intersection(_WORD.findall(text))
            nodes += (self._commands[name] for name in commands - seen)
            seen |= commands
        return frozenset(named)

    def _steps_of(self, entry: WorkflowJob) -> Iterator[Node]:
        """The steps of ``entry``, without those under conditions that its arguments rule out."""
        called = self._config.body.job(entry.calls)
        if called is None or called[1].steps is None:
            return
        home, job = called
        steps = called[1].steps
        if not job.parameters or not self._conditions(steps):
            yield steps
            return
        for step in steps_run_by(self._config, home, job, entry):
            yield step.node
            bindings: Bindings | None = step.bindings
            while bindings is not None:
                yield from bindings.arguments.values()
                defaults = (parameter.default for parameter in bindings.parameters.values())
                yield from filter(None, defaults)
                bindings = bindings.outer

    def _conditions(self, steps: Node) -> bool:
        """Whether ``steps`` or a command of the config may have conditions."""
        lists = (steps, *self._commands.values())
        return any("condition" in node.source.text for node in lists)

    def _in(self, node: Node) -> tuple[str, frozenset[str]]:
        """The text of ``node``, and the commands that it seems to name; jobs share both."""
        if node not in self._known:
            text = "\n".join(scalar.value for scalar in scalars_in(node))
            self._known[node] = text, frozenset(name for name in self._commands if name in text)
        return self._known[node]
