"""Collects the evidence of registries' credentials in a config."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cci_migrate.assessing.auth_forms import Anchored, form_under, holds_auth_alone
from cci_migrate.assessing.context_names import is_about_a_registry, is_named_like_a_release
from cci_migrate.assessing.conventions import credential_of
from cci_migrate.assessing.credential_values import values_of, variables_of
from cci_migrate.assessing.evidence import Evidence, EvidencePlace, Refusal, Use
from cci_migrate.assessing.step_assessment import JobDockers
from cci_migrate.assessing.step_states import hosts_to_log_in
from cci_migrate.circleci.config import Config, WorkflowJob
from cci_migrate.circleci.images import (
    AWS_SECRET,
    PASSWORD,
    SECRET_KEYS,
    USERNAME,
    ImageAuth,
    PulledImage,
    auths_of,
)
from cci_migrate.circleci.job_runs import Runs
from cci_migrate.circleci.misplaced_logins import auth_on_owners, beside_the_image
from cci_migrate.circleci.value_origins import CredentialValue, Origin, credential_value
from cci_migrate.circleci.workflow_jobs import job_contexts, runs_nothing
from cci_migrate.docker.container_tools import Purpose
from cci_migrate.docker.registries import (
    DOCKER_HUB,
    CredentialForm,
    host_matches,
    normalise_host,
    registry_named_by_variable,
)
from cci_migrate.lazy_patterns import lazy_pattern
from cci_migrate.lossless.merging import entry_of, text_of, value_of
from cci_migrate.lossless.nodes import Mapping as MappingNode
from cci_migrate.lossless.nodes import Node, resolved
from cci_migrate.policy.settings import PasswordAuth, Policy, RegistryCredential

if TYPE_CHECKING:
    from cci_migrate.circleci.declared_logins import DeclaredLogin
    from cci_migrate.circleci.step_pulls import JobDocker, StepLogin
_PUBLISHES = lazy_pattern(r"push|publish|release|deploy|upload", re.IGNORECASE)
_HALVES = {PASSWORD: "password", AWS_SECRET: "secret key", USERNAME: "user name"}


def evidence_of(
    config: Config,
    images: tuple[PulledImage, ...],
    misrouted: Mapping[PulledImage, str],
    policy: Policy,
    dockers: JobDockers,
    runs: Runs,
    declared: Callable[[], Sequence[DeclaredLogin]],
    siblings: Callable[[], Iterable[Evidence]],
) -> tuple[Evidence, ...]:
    """The evidence in a config.

    Unused declarations are only collected if the uses show no names for a registry that needs them,
    and evidence of other configs only if the declarations show none either.
    """
    collector = EvidenceCollector(config, runs, dockers)
    collected = [
        *collector.of_images(images, misrouted),
        *collector.of_misplaced(images),
        *collector.of_logins(),
    ]
    collected += collector.of_halves(images, misrouted, collected)
    hosts = {item.host for item in collected if item.allows()}
    needed = {image.host for image in images if image.auth is None or not image.auth.is_complete}
    pulling = (*dockers.all(), *dockers.of_orbs())
    for docker in pulling:
        for pull in docker.pulls:
            needed.update(normalise_host(host) for host in hosts_to_log_in(pull, policy))
    if not needed <= hosts | {None}:
        collected += collector.of_declared_auths(images)
        collected += collector.of_declared_logins(declared())
        hosts.update(item.host for item in collected if item.allows())
    if not needed <= hosts | {None}:
        collected += (sibling for sibling in siblings() if sibling.host not in hosts)
    return tuple(collected)


class EvidenceCollector:
    """Collects the `Evidence` in ``config``, one kind of use at a time."""

    def __init__(self, config: Config, runs: Runs, dockers: JobDockers) -> None:
        self._config = config
        self._runs = runs
        self._dockers = dockers

    def of_images(
        self, images: Iterable[PulledImage], misrouted: Mapping[PulledImage, str]
    ) -> Iterator[Evidence]:
        """The evidence in the complete ``auth`` of images.

        ``misrouted`` has the other registry whose credentials an image sends.
        """
        for image in images:
            auth = image.auth
            if image.host is None or auth is None or auth.is_expression or not auth.is_complete:
                continue
            evidence = _of_auth(image.host, auth, Use.IMAGE, image.owners[0].title)
            other = misrouted.get(image)
            if other is not None:
                evidence = _refused(evidence, Refusal.OTHER_REGISTRY, f"it is for {other}")
            entries = self._runs.entries_with(image)
            evidence = replace(
                evidence, form=form_under(image, auth), jobs=self._runs.jobs_with(image)
            )
            yield _with_entries(evidence, entries)

    def of_halves(
        self,
        images: Iterable[PulledImage],
        misrouted: Mapping[PulledImage, str],
        collected: Sequence[Evidence],
    ) -> Iterator[Evidence]:
        """The evidence in half an ``auth`` that belongs to one account in ``collected``.

        Its fix adds the other half, so the image's jobs have that account as well.
        """
        for image in images:
            auth = image.auth
            if auth is None or auth.is_expression or auth.is_complete or image in misrouted:
                continue
            jobs = self._runs.jobs_with(image)
            halves = {key: text for key in auth.values if (text := auth.text(key))}
            matching = {
                item.credential: item
                for item in collected
                if item.host == image.host
                and item.credential is not None
                and item.allows(jobs)
                and halves
                and halves.items() <= values_of(item.credential).items()
            }
            if len(matching) != 1:
                continue
            (item,) = matching.values()
            evidence = replace(
                item,
                use=Use.IMAGE,
                place=_place(auth.entry.key, image.owners[0].title),
                jobs=jobs,
                refusal=None,
                because="",
            )
            evidence = _with_entries(evidence, self._runs.entries_with(image))
            # Nothing has read the whole from the contexts of its jobs yet.
            yield replace(evidence, contexts=item.contexts)

    def of_misplaced(self, images: Iterable[PulledImage]) -> Iterator[Evidence]:
        """The evidence in credentials where CircleCI does not look for them."""
        for title, _, mapping, _ in auth_on_owners(self._config):
            for auth in auths_of(mapping):
                if auth.is_complete and not auth.is_expression:
                    yield _of_auth(DOCKER_HUB, auth, Use.MISPLACED, title)
        for image in images:
            login = beside_the_image(image.item.mapping)
            if login is None or image.host is None or not login.username or not login.password:
                continue
            place = _place(image.item.image.value, image.owners[0].title)
            yield _of_texts(
                image.host,
                Use.MISPLACED,
                place,
                {USERNAME: login.username, PASSWORD: login.password},
                PasswordAuth(login.username, login.password),
            )

    def of_logins(self) -> Iterator[Evidence]:
        """The evidence in logins, once for each step that a job runs.

        Credentials that steps pass to programs other than Docker are included.
        """
        seen: set[tuple[object, ...]] = set()
        for docker in self._dockers.logging_in():
            for login, purpose in _logins_of(docker):
                for host in login.registries:
                    halves = (login.username_value, login.password_value)
                    key = (login.moment.step.node, docker.job, host, halves)
                    if "*" in host or key in seen:
                        continue
                    seen.add(key)
                    yield self._of_login(host, login, purpose, docker)

    def _of_login(
        self, host: str, login: StepLogin, purpose: Purpose, docker: JobDocker
    ) -> Evidence:
        entries = self._dockers.entries_with(docker, login)
        use = _use_of(login, purpose, docker, host)
        pushes = purpose is not Purpose.LOGIN or _pushes_after(login, docker, host)
        evidence = _of_step_login(
            host, login, use, f"job {docker.job.name}", login.moment.step.node
        )
        if use is Use.LOGIN_BEFORE_PUSH:
            # Assume that an unreadable script does what its job is named after.
            because = "the job only pushes with it" if pushes else "no visible pull uses it"
            if not pushes:
                because = f"{because}, and the name of job {docker.job.name} suggests pushes"
            evidence = _refused(evidence, Refusal.PUSH_ONLY, because)
        elif purpose is Purpose.LOGIN and pushes:
            context = self._context_to_spread(entries)
            if context is not None:
                because = f"the job pushes, and other jobs don't have context {context}"
                evidence = _refused(evidence, Refusal.PUSH_ONLY, because)
        return _with_entries(replace(evidence, jobs=frozenset({docker.job.route})), entries)

    def _context_to_spread(self, entries: Iterable[WorkflowJob]) -> str | None:
        """A context of all ``entries`` that other jobs would need to follow their credentials.

        None if there is no such context, if all jobs share one, or if one is named after a registry
        and not after releases: that is meant for all jobs.
        """
        contexts = _common_contexts(entries) or frozenset()
        pulling = filter(is_about_a_registry, contexts)
        if not contexts or not all(map(is_named_like_a_release, pulling)):
            return None
        of_all = self._contexts_of_all
        return None if of_all is None or contexts & of_all else min(contexts)

    @cached_property
    def _contexts_of_all(self) -> frozenset[str] | None:
        """The contexts that all workflow jobs have that run something; None without such jobs."""
        entries = self._config.workflow_jobs
        return _common_contexts(entry for entry in entries if not runs_nothing(entry, self._config))

    def of_declared_auths(self, images: Iterable[PulledImage]) -> Iterator[Evidence]:
        """The evidence in anchored credentials that no image uses."""
        used: set[Node] = {
            node
            for image in images
            for auth in image.auths
            for node in (resolved(auth.entry.value), auth.entry.holder)
        }
        for document in self._config.documents:
            for node in document.mappings if document.anchored else ():
                if node.anchor is not None:
                    yield from self._of_anchor(node, node.anchor, used)

    def _of_anchor(self, node: MappingNode, anchor: str, used: set[Node]) -> Iterator[Evidence]:
        is_merge = holds_auth_alone(node)
        auth = value_of(node, CredentialForm.AUTH.value) if is_merge else node
        if not isinstance(auth, MappingNode) or not used.isdisjoint((node, auth)):
            return
        texts = {key: text_of(value_of(auth, key)) or "" for key in (USERNAME, PASSWORD)}
        if len(auth.entries) != len(texts) or not all(texts.values()):
            return
        secret = credential_value(texts[PASSWORD], is_secret=True)
        host = (
            registry_named_by_variable(secret.variable or "")
            or registry_named_by_variable(anchor.replace("-", "_"))
            or DOCKER_HUB
        )
        if "*" in host:
            return
        place, credential = _place(node, f"anchor &{anchor}"), PasswordAuth(*texts.values())
        evidence = _of_texts(host, Use.DECLARED_AUTH, place, texts, credential)
        yield replace(evidence, form=Anchored(node, anchor, is_merge=is_merge))

    def of_declared_logins(self, declared: Iterable[DeclaredLogin]) -> Iterator[Evidence]:
        """The evidence in commands and anchored steps that only log in.

        The workflow jobs that run a declared login become its users.
        """
        users: dict[Node, dict[WorkflowJob, None]] = {}
        for docker in self._dockers.logging_in():
            for login in docker.all_logins:
                entries = dict.fromkeys(self._dockers.entries_with(docker, login))
                users.setdefault(resolved(login.moment.step.node), {}).update(entries)
        for declaration in declared:
            entries = users.get(resolved(declaration.login.moment.step.node), {})
            for host in declaration.login.registries:
                if "*" not in host:
                    evidence = _of_step_login(
                        host,
                        declaration.login,
                        Use.DECLARED_LOGIN,
                        declaration.title,
                        declaration.node,
                    )
                    yield _with_entries(evidence, tuple(entries))


def _of_auth(host: str, auth: ImageAuth, use: Use, owner: str) -> Evidence:
    texts = {key: auth.text(key) for key in auth.values}
    return _of_texts(host, use, _place(auth.entry.key, owner), texts, credential_of(auth))


def _of_texts(
    host: str,
    use: Use,
    place: EvidencePlace,
    texts: Mapping[str, str | None],
    credential: RegistryCredential | None,
) -> Evidence:
    values = {
        key: credential_value(text, is_secret=key in SECRET_KEYS) for key, text in texts.items()
    }
    return _judged(host, use, place, values, credential)


def _of_step_login(host: str, login: StepLogin, use: Use, owner: str, node: Node) -> Evidence:
    username, password = login.username_value, login.password_value
    credential = None
    if username.text is not None and password.text is not None:
        credential = PasswordAuth(username.text, password.text)
    values = {USERNAME: username, PASSWORD: password}
    return _judged(host, use, _place(node, owner), values, credential)


def _common_contexts(entries: Iterable[WorkflowJob]) -> frozenset[str] | None:
    """The contexts that all of ``entries`` have; None if there are no entries."""
    contexts = [frozenset(job_contexts(entry).names) for entry in entries]
    return frozenset.intersection(*contexts) if contexts else None


def _place(node: Node, owner: str) -> EvidencePlace:
    return EvidencePlace(node.source.path, node.source.position(node.start).line, owner)


def _refused(evidence: Evidence, refusal: Refusal, because: str) -> Evidence:
    if evidence.refusal is not None:
        return evidence
    return replace(evidence, refusal=refusal, because=because)


def _judged(
    host: str,
    use: Use,
    place: EvidencePlace,
    values: Mapping[str, CredentialValue],
    credential: RegistryCredential | None,
) -> Evidence:
    evidence = Evidence(host, use, place, credential, tuple(values.items()))
    for key, value in values.items():
        reason = _reason_against(key, value)
        if reason is not None:
            return _refused(evidence, *reason)
    if credential is None:
        return _refused(evidence, Refusal.NO_NAMES, "its names are outside the config")
    for value in values.values():
        registry = None if value.variable is None else registry_named_by_variable(value.variable)
        if registry is not None and host == DOCKER_HUB and not host_matches(registry, host):
            because = f"{value.text} is named after another registry"
            return _refused(evidence, Refusal.OTHER_REGISTRY, because)
    return evidence


def _reason_against(key: str, value: CredentialValue) -> tuple[Refusal, str] | None:
    half = _HALVES.get(key, key)
    match value.origin:
        case Origin.PLACEHOLDER:
            return Refusal.PLACEHOLDER, f"{value.text} is a placeholder from documentation"
        case Origin.BUILT_IN:
            return Refusal.BUILT_IN, f"{value.text} is one of CircleCI's own variables"
        case Origin.ASSIGNED:
            return Refusal.ASSIGNED, f"{value.text} is set by {value.setter}"
        case Origin.DERIVED:
            return Refusal.DERIVED, f"its {half} isn't a single variable"
        case Origin.UNKNOWN:
            return Refusal.NO_NAMES, f"its {half} is outside the config"
        case Origin.LITERAL:
            if key in SECRET_KEYS:
                return Refusal.LITERAL_PASSWORD, f"its {half} is written out"
            return None
        case Origin.VARIABLE:
            return None


def _logins_of(docker: JobDocker) -> Iterator[tuple[StepLogin, Purpose]]:
    """The logins of a job's steps, and what each is for."""
    yield from ((login, Purpose.LOGIN) for login in docker.logins)
    for use in docker.client_uses:
        if use.login.names_password:
            yield use.login, use.purpose


def _use_of(login: StepLogin, purpose: Purpose, docker: JobDocker, host: str) -> Use:
    """The use of ``login``: before a pull, only before a push, or unknown."""
    # Most configs have no Docker for their steps, and need nothing that reads scripts.
    from cci_migrate.circleci.step_moments import surely_before

    if purpose is not Purpose.LOGIN:
        return Use.LOGIN_BEFORE_PULL if purpose is Purpose.PULL else Use.LOGIN_BEFORE_PUSH
    for pull in docker.pulls:
        hosts = map(normalise_host, pull.hosts)
        is_unknown_image = pull.undecided is not None and not pull.perhaps
        may_come_from_host = host in hosts or is_unknown_image
        if may_come_from_host and surely_before([login.moment], pull.moment):
            return Use.LOGIN_BEFORE_PULL
    after = _done_after(login, docker, host)
    if Purpose.PULL in after:
        return Use.LOGIN_BEFORE_PULL
    # A script that can't be read does what its job is named after.
    if _pushes_after(login, docker, host) or _PUBLISHES.search(docker.job.name):
        return Use.LOGIN_BEFORE_PUSH
    return Use.LOGIN


def _done_after(login: StepLogin, docker: JobDocker, host: str) -> list[Purpose]:
    """What programs other than Docker do at ``host`` after ``login``."""
    from cci_migrate.circleci.step_moments import surely_before

    return [
        use.purpose
        for use in docker.client_uses
        if use.login.is_to(host) and surely_before([login.moment], use.login.moment)
    ]


def _pushes_after(login: StepLogin, docker: JobDocker, host: str) -> bool:
    """Whether the job seems to push an image after ``login``, even to another registry."""
    from cci_migrate.circleci.pushes import is_push

    # The known steps of an orb's job only pull and log in, so its name decides.
    if docker.home.is_published and _PUBLISHES.search(docker.job.name):
        return True
    pushes = any(is_push(step) for step in docker.steps[login.moment.order :])
    return pushes or Purpose.PUSH in _done_after(login, docker, host)


def _with_entries(evidence: Evidence, entries: tuple[WorkflowJob, ...]) -> Evidence:
    """``evidence`` with the workflow jobs that use it; refused if only releases do."""
    evidence = replace(
        evidence,
        entries=frozenset(entry.route for entry in entries),
        contexts=frozenset(name for entry in entries for name in job_contexts(entry).values),
    )
    if not entries or evidence.credential is None or not all(map(_is_filtered, entries)):
        return evidence
    names = [f"${name}" for name in variables_of(evidence.credential)]
    names += (name for entry in entries for name in job_contexts(entry).names)
    for name in names:
        if is_named_like_a_release(name):
            because = f"{name} looks like one for releases, and only jobs with filters use it"
            return _refused(evidence, Refusal.RELEASE, because)
    return evidence


def _is_filtered(entry: WorkflowJob) -> bool:
    """Whether ``entry`` excludes some branches; a filter of only tags just adds builds of tags."""
    filters = value_of(entry.arguments, "filters")
    return filters is not None and (
        not isinstance(filters, MappingNode) or entry_of(filters, "branches") is not None
    )
