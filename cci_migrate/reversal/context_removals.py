"""Removes contexts from workflow jobs that the policy would have added and nothing else needs."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from collections.abc import Mapping as MappingOf
from functools import cached_property

from msgspec import Struct

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.conventions import credential_of
from cci_migrate.assessing.credential_uses import AssessedImage
from cci_migrate.assessing.credential_values import variables_of
from cci_migrate.assessing.image_states import Authenticated
from cci_migrate.circleci.config import WorkflowJob
from cci_migrate.circleci.step_pulls import JobDocker
from cci_migrate.circleci.steps import ADDED_STEPS, Step, job_steps
from cci_migrate.circleci.workflow_jobs import JobContexts, image_items, job_contexts
from cci_migrate.findings import Effect, Finding, FindingKey, Fix, NoFix, Place
from cci_migrate.lossless.merging import (
    Entry,
    entries_of,
    items_or_itself,
    merged_mappings,
    text_of,
    value_of,
)
from cci_migrate.lossless.nodes import Alias, Mapping, Node, Scalar, resolved, scalars_in
from cci_migrate.lossless.nodes import Sequence as SequenceNode
from cci_migrate.lossless.operations import (
    KeepItem,
    MappingToScalar,
    MergeToAlias,
    Operation,
    RemoveEntry,
    RemoveItems,
)
from cci_migrate.policy.settings import RegistryCredential, RegistryPolicy, Revert
from cci_migrate.remedies.context_placement import CONTEXT
from cci_migrate.remedies.context_sharers import argument_users, is_used_elsewhere
from cci_migrate.reversal.credential_removals import (
    CredentialRemovals,
    is_alias_with_one_more,
    is_only_merge,
)
from cci_migrate.reversal.login_removals import LoginRemovals
from cci_migrate.rule_ids import MISSING_CONTEXT
from cci_migrate.wording import listed

#: A registry of the policy, and one of the credentials that the policy has for it.
_Account = tuple[RegistryPolicy, RegistryCredential]


#: https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/
_TOKENS = {"CIRCLE_OIDC_TOKEN", "CIRCLE_OIDC_TOKEN_V2"}


class _Departure(Struct, frozen=True, eq=False):
    """The contexts ``names`` to remove from a workflow job, and those of the policy that stay.

    ``after_all`` are the findings that remove everything that reads the variables. ``needed`` are
    the contexts that stay, each with what reads its variables: "the step test".
    """

    entry: WorkflowJob
    contexts: JobContexts
    names: tuple[str, ...]
    after_all: tuple[FindingKey, ...]
    needed: MappingOf[str, str]


def context_findings(
    assessment: Assessment,
    revert: Revert,
    credentials: CredentialRemovals,
    logins: LoginRemovals,
) -> Iterator[Finding]:
    """What becomes of the policy's contexts, by workflow job: those that go, those that stay.

    One stays where something reads its variables but the ``credentials`` and ``logins`` that go.
    """
    reader = _VariableUses(assessment, revert, credentials, logins)
    departures = [
        departure
        for entry in assessment.uses.entries
        if (departure := reader.departure_of(entry.entry))
    ]
    removal = _ContextRemoval(
        assessment, [departure for departure in departures if departure.names]
    )
    visited: set[Node] = set()
    for departure in departures:
        # Workflows that share a list of jobs through an alias share its entries too.
        if departure.entry.key in visited:
            continue
        visited.add(departure.entry.key)
        if departure.names:
            operation = removal.operation(departure)
            title = f"remove the context {listed(departure.names)}"
            remedy = operation if isinstance(operation, NoFix) else Fix(title, (operation,))
            yield _finding(departure, departure.names, remedy, is_leaving=True)
        if departure.needed:
            reason = f"{next(iter(departure.needed.values()))} also reads the variables"
            yield _finding(departure, tuple(departure.needed), NoFix(reason), is_leaving=False)


def _finding(
    departure: _Departure, names: tuple[str, ...], remedy: Fix | NoFix, *, is_leaving: bool
) -> Finding:
    entry = departure.entry
    group = "job group" if entry.is_in_group else "workflow"
    return Finding(
        rule=MISSING_CONTEXT,
        # Both may be at one job.
        place=Place(entry.key, entry.route if is_leaving else f"{entry.route}.context"),
        message=f"{entry.name} has the policy's context {listed(names)}",
        plural=f"workflow jobs have the policy's context {listed(names)}",
        subject=entry.name,
        owner=f"{group} {entry.workflow}",
        effect=Effect.WARNING if is_leaving else Effect.NOTE,
        because="",
        remedy=remedy,
        after_all=departure.after_all if is_leaving else (),
    )


class _VariableUses:
    """Determines what in a workflow job reads the variables of a context."""

    def __init__(
        self,
        assessment: Assessment,
        revert: Revert,
        credentials: CredentialRemovals,
        logins: LoginRemovals,
    ) -> None:
        self._assessment = assessment
        self._keeps_credentials = revert is Revert.CONTEXTS
        self._credentials = credentials
        self._logins = logins
        #: The policy's accounts by their contexts.
        self._accounts: dict[str, list[_Account]] = defaultdict(list)
        for registry in assessment.policy.registries:
            for credential, context in registry.accounts:
                if context is not None:
                    self._accounts[context].append((registry, credential))

    def departure_of(self, entry: WorkflowJob) -> _Departure | None:
        """The contexts that ``entry`` has because of the policy; None without any."""
        contexts = job_contexts(entry)
        names: list[str] = []
        after_all: dict[FindingKey, None] = {}
        needed: dict[str, str] = {}
        for context, context_accounts in self._accounts.items():
            if context not in contexts.names:
                continue
            reading = self._reading(entry, context_accounts)
            if reading is None:
                continue
            keys, reader = reading
            if reader is not None:
                needed[context] = reader
            else:
                names.append(context)
                after_all.update(dict.fromkeys(keys))
        if not names and not needed:
            return None
        return _Departure(entry, contexts, tuple(names), tuple(sorted(after_all)), needed)

    def _reading(
        self, entry: WorkflowJob, accounts: Sequence[_Account]
    ) -> tuple[tuple[FindingKey, ...], str | None] | None:
        """The findings that remove readers of ``accounts``' variables, and a reader that stays.

        None if no reader is as the policy would write it.
        """
        variables = {name for _, credential in accounts for name in variables_of(credential)}
        # Those by OpenID Connect have none, but need a context for their token.
        by_token = {credential for _, credential in accounts if not variables_of(credential)}
        if by_token:
            variables |= _TOKENS
        images = [*self._images(entry, variables, by_token)]
        docker = self._assessment.dockers.of(entry)
        if not self._is_ours(images, docker, [registry for registry, _ in accounts]):
            return None
        keys: dict[FindingKey, None] = {}
        needed_by: str | None = None
        for reader in self._readers(entry, images, docker, variables):
            if isinstance(reader, str):
                needed_by = needed_by or reader
            else:
                keys[reader] = None
        return tuple(keys), needed_by

    def _images(
        self, entry: WorkflowJob, variables: Set[str], by_token: Set[RegistryCredential]
    ) -> Iterator[AssessedImage]:
        """The images whose credentials read ``variables`` or are ``by_token``."""
        assessment = self._assessment
        for item in image_items(entry, assessment.config, assessment.values):
            assessed = assessment.uses.image_by_item[item.mapping]
            if isinstance(assessed.state, Authenticated):
                auth = assessed.state.auth
                if not variables.isdisjoint(auth.variables) or credential_of(auth) in by_token:
                    yield assessed

    def _is_ours(
        self,
        images: Iterable[AssessedImage],
        docker: JobDocker | None,
        registries: Sequence[RegistryPolicy],
    ) -> bool:
        """Whether one of ``images`` or a login is as the policy would write it."""
        hosts = [] if docker is None else [*self._logins.hosts_of(docker)]
        for assessed in images:
            if self._credentials.key_of(assessed) is not None:
                return True
            if self._keeps_credentials and assessed.image.host is not None:
                hosts.append(assessed.image.host)
        return any(self._assessment.policy.registry_for(host) in registries for host in hosts)

    def _readers(
        self,
        entry: WorkflowJob,
        images: Iterable[AssessedImage],
        docker: JobDocker | None,
        variables: Set[str],
    ) -> Iterator[FindingKey | str]:
        """What reads ``variables``: the finding that removes it, or the name of what stays."""
        for assessed in () if self._keeps_credentials else images:
            key = self._credentials.key_of(assessed)
            yield f"the image {assessed.image.item.text}" if key is None else key
        mentions = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(variables)))})\b")
        for step in self._steps(entry, docker):
            if self._logins.is_written(step):
                key = self._logins.key_of(step)
                if not self._keeps_credentials and key is not None:
                    yield key
                if self._keeps_credentials or key is not None:
                    continue
            if variables and _mentions(step, mentions):
                yield f"the step {step.name}"
        ignored_names = (CONTEXT, *ADDED_STEPS, *self._logins.arguments_of(entry))
        for name, argument in entries_of(entry.arguments).items() if variables else ():
            scalars = () if name in ignored_names else scalars_in(argument.value)
            if any(mentions.search(scalar.value) for scalar in scalars):
                yield f"its argument {name}"
        for login in () if docker is None else docker.logins:
            step = login.moment.step
            if not variables.isdisjoint(login.variables) and not self._logins.is_written(step):
                yield f"the step {step.name}"

    def _steps(self, entry: WorkflowJob, docker: JobDocker | None) -> Iterable[Step]:
        job = self._assessment.config.body.job(entry.calls)
        if job is None:
            return () if docker is None else docker.steps
        return job_steps(self._assessment.config, *job, entry)


def _mentions(step: Step, pattern: re.Pattern[str]) -> bool:
    values = () if step.value is None else scalars_in(step.value)
    return any(pattern.search(text) for text in (step.name, *(value.value for value in values)))


class _ContextRemoval:
    """Finds the operation that removes contexts from a workflow job."""

    def __init__(self, assessment: Assessment, departures: list[_Departure]) -> None:
        self._sharing = assessment.sharing
        self._departures = {departure.entry: departure for departure in departures}
        entries = assessment.config.workflow_jobs
        self._users = argument_users(entries)
        staying = [entry for entry in entries if entry not in self._departures]
        # How the contexts were written before is unknown: follow the file's other jobs, those to
        # which a fix gave their only context among them, else the most common form.
        leaving_one = [
            entry
            for entry, departure in self._departures.items()
            if len(departure.names) == len(departure.contexts.values) == 1
        ]
        self._single_is_list = any(
            isinstance(value, SequenceNode) and len(value.items) == 1
            for entry in (*staying, *leaving_one)
            if (context_entry := job_contexts(entry).entry) is not None
            and (value := resolved(context_entry.value)) is not None
        )
        self._restores_aliases = not any(is_only_merge(entry.arguments) for entry in staying)

    def operation(self, departure: _Departure) -> Operation | NoFix:
        """The operation that makes ``departure``, or why it can't be made."""
        context = departure.contexts.entry
        assert context is not None  # noqa: S101 - it holds the contexts that are to go
        if not self._all_leave(context.holder, departure.names):
            return _shared(context.holder)
        value = resolved(context.value)
        if isinstance(value, Scalar):
            return self._without_key(departure, context)
        if not isinstance(value, SequenceNode):
            return NoFix("its context is a mapping", "remove it by hand")
        staying = [item for item in value.items if text_of(item) not in departure.names]
        if not staying or self._inherits(context, [text_of(item) for item in staying]):
            return self._without_key(departure, context)
        is_written_out = not isinstance(context.value, Alias) and value.anchor is None
        if not is_written_out and not all(
            departure.names in self._names_by_value.get(alias, ())
            for alias in self._sharing.aliases_of(value)
        ):
            return _shared(value)
        if (
            is_written_out
            and len(staying) == 1
            and (context.holder.is_flow or not value.is_flow)
            and not self._single_is_list
            and not _has_comment_lines(context)
            and isinstance(staying[0], Scalar)
        ):
            return KeepItem(value, value.items.index(staying[0]))
        removed = [
            index for index, item in enumerate(value.items) if text_of(item) in departure.names
        ]
        return RemoveItems(value, tuple(removed))

    def _without_key(self, departure: _Departure, context: Entry) -> Operation | NoFix:
        holder = context.holder
        is_own = departure.entry.arguments is holder
        node = resolved(departure.entry.node)
        if len(holder.entries) == 1:
            has_own = is_own and holder.anchor is None
            if has_own and isinstance(node, Mapping) and len(node.entries) == 1:
                return MappingToScalar(node)
            what = f"under {departure.entry.name}"
            if holder.anchor is not None:
                what = f"of the anchor &{holder.anchor}"
            return NoFix(f"it is the only key {what}", "remove it by hand")
        if self._restores_aliases and is_own and is_alias_with_one_more(holder):
            return MergeToAlias(holder)
        return RemoveEntry(holder, CONTEXT)

    def _inherits(self, context: Entry, staying: list[str | None]) -> bool:
        """Whether the entry would inherit exactly the contexts ``staying`` without its own key."""
        for merged in merged_mappings(context.holder):
            inherited = value_of(merged, CONTEXT)
            if inherited is not None:
                return [text_of(item) for item in items_or_itself(inherited)] == staying
        return False

    def _all_leave(self, holder: Mapping, names: tuple[str, ...]) -> bool:
        """Whether all workflow jobs whose contexts come from ``holder`` lose ``names``."""
        users = self._users.of(holder)
        for user in users:
            entry = job_contexts(user).entry
            departure = self._departures.get(user)
            has_it_from_here = entry is not None and entry.holder is holder
            if has_it_from_here and (departure is None or departure.names != names):
                return False
        return not is_used_elsewhere(holder, users, self._sharing)

    @cached_property
    def _names_by_value(self) -> MappingOf[Node, set[tuple[str, ...]]]:
        """The contexts that workflow jobs lose, by the value of their ``context`` key."""
        names: dict[Node, set[tuple[str, ...]]] = defaultdict(set)
        for departure in self._departures.values():
            if departure.contexts.entry is not None:
                names[departure.contexts.entry.value].add(departure.names)
        return names


def _has_comment_lines(entry: Entry) -> bool:
    """Whether lines of the value of ``entry`` are comments: it was a list before, as they need."""
    lines = entry.key.source.text[entry.key.end : entry.value.end].splitlines()
    return any(line.lstrip().startswith("#") for line in lines)


def _shared(node: Mapping | SequenceNode) -> NoFix:
    name = "the entry" if node.anchor is None else f"the anchor &{node.anchor}"
    return NoFix(f"{name} is shared with workflow jobs that keep the context", "remove it by hand")
