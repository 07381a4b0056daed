"""What is left for the user to do outside the config, once its fixes are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.conventions import credential_of, policy_for
from cci_migrate.assessing.credential_values import variables_of
from cci_migrate.assessing.image_states import (
    Authenticated,
    NotCovered,
    Unauthenticated,
    Unmirrored,
)
from cci_migrate.assessing.impact import registry_name
from cci_migrate.assessing.step_assessment import PULL_BEFORE_LOGIN
from cci_migrate.docker.image_reference import DOCKER_HUB
from cci_migrate.docker.mirrors import Mirror
from cci_migrate.findings import Fix, Settled, State
from cci_migrate.lossless.merging import duplicate_keys
from cci_migrate.lossless.nodes import Document, Mapping, collections_in
from cci_migrate.lossless.operations import AddItem, ReplaceText
from cci_migrate.outcomes import ToDo
from cci_migrate.planning import Plan
from cci_migrate.policy import DEFAULT_DOCKER_HUB, CredentialStore, Platform, Revert
from cci_migrate.rules.wording import listed


def todos(assessment: Assessment, plan: Plan) -> tuple[ToDo, ...]:
    """What must exist at CircleCI and at the registries for the changes of ``plan`` to work."""
    return tuple(ToDo(text) for text in dict.fromkeys(_todos(assessment, plan)))


def _todos(assessment: Assessment, plan: Plan) -> Iterator[str]:
    fixed = {one.finding.key for one in plan.settled if one.state is State.FIXED}
    if assessment.policy.revert is not None:
        if assessment.policy.revert is Revert.CONTEXTS and fixed:
            yield (
                "The project's environment variables must hold what the contexts held: the pulls "
                "still read it. Builds of forked pull requests get them only if the project passes "
                "secrets to forks."
            )
        return
    rules = {one.finding.rule for one in plan.settled if one.state is State.FIXED}
    in_context: dict[str, dict[str, None]] = {}
    for entry in assessment.entries:
        for need in entry.needs:
            if f"missing-context:{entry.entry.key.source.path}:{entry.entry.route}" in fixed:
                in_context.setdefault(need.context, {}).update(dict.fromkeys(need.variables))
    no_place = not assessment.config.has_workflows and not assessment.config.is_orb_source
    if no_place and "missing-context" in rules:
        for need in assessment.needs_without_workflow:
            in_context.setdefault(need.context, {}).update(dict.fromkeys(need.variables))
    for context, variables in in_context.items():
        yield (
            f"The context {context} must exist in your organisation and hold "
            f"{listed(list(variables))}."
        )
    if in_context:
        yield (
            "Who may not use a context cannot run the job: builds of forked pull requests and of "
            "people outside the organisation end Unauthorized."
        )
    if assessment.policy.platform is Platform.SERVER and any(
        len(entry.held.names) + len({need.context for need in entry.needs}) > 1
        for entry in assessment.entries
        if entry.needs
    ):
        yield (
            "Some workflow jobs now hold several contexts: CircleCI's manual says that Server "
            "takes one. Try it on yours, or put the variables into the context that is there."
        )
    mirror = assessment.policy.mirror
    if mirror is not None and _is_mirrored(plan, mirror):
        yield (
            f"{mirror} must serve Docker Hub's images to the machines that run "
            "the jobs, official ones below library/: pull one of each kind there first."
        )
    in_project: dict[str, None] = {}
    for image in assessment.images:
        state = image.state
        is_fixed = image.key("unauthenticated-image") in fixed
        if (
            isinstance(state, Unauthenticated | Unmirrored)
            and state.wanted is not None
            and is_fixed
        ):
            convention = assessment.contexts.get(state.host)
            told = assessment.policy.credentials is CredentialStore.PROJECT
            if told or (convention is not None and convention.preferred is None):
                in_project.update(dict.fromkeys(variables_of(state.wanted.credential)))
    for missing in assessment.missing_logins:
        convention = assessment.contexts.get(missing.host)
        in_contexts = convention is not None and convention.preferred is not None
        credential = assessment.login_credential(missing)
        if missing.key in fixed and credential is not None and not in_contexts:
            in_project.update(dict.fromkeys(variables_of(credential)))
    told_context = assessment.policy.credentials is CredentialStore.CONTEXT
    if no_place and not told_context and "missing-context" not in rules:
        for need in assessment.needs_without_workflow:
            if set(need.after) & fixed:
                in_project.update(dict.fromkeys(need.variables))
    if in_project:
        why = " (it has no workflow in which a context could be named)" if no_place else ""
        yield (
            f"The project's environment variables must hold {listed(list(in_project))}{why}. "
            "Builds of forked pull requests get them only if the project passes secrets to forks."
        )
    if PULL_BEFORE_LOGIN in rules and any(_adds_check(one) for one in plan.settled):
        yield (
            "docker/check fails where its variables are empty, and the build with it. Where builds "
            "of forked pull requests matter, take --login cli: its step goes on without a login."
        )
    if "literal-credential" in rules:
        yield (
            "A secret was written out in the config. Take it back at the registry: the "
            "repository's history keeps it."
        )


def _is_mirrored(plan: Plan, mirror: Mirror) -> bool:
    """Whether something is pulled from ``mirror`` once ``plan`` is done that was not before."""
    return any(
        isinstance(operation, ReplaceText) and operation.text.startswith(f"{mirror}/")
        for operation in plan.operations
    )


def _adds_check(one: Settled) -> bool:
    """Whether the login that is added is the Docker orb's."""
    from cci_migrate.remedies.login_placement import is_orb_login

    remedy = one.finding.remedy
    if one.state is not State.FIXED or not isinstance(remedy, Fix):
        return False
    return any(
        isinstance(operation, AddItem) and is_orb_login(operation.content)
        for operation in remedy.operations
    )


def notes(assessment: Assessment, plan: Plan) -> tuple[str, ...]:
    """What the user ought to know of the config, though nothing is to be done about it."""
    if assessment.policy.revert is not None:
        return tuple(_kept(assessment, plan))
    found = list(_notes(assessment))
    found += dict.fromkeys(_names_left_alone(plan))
    if plan.operations:
        found += _duplicates(assessment.config.documents)
    return tuple(found)


def _names_left_alone(plan: Plan) -> Iterator[str]:
    """The credentials of the config that a fix did not follow, where it writes the policy's."""
    for one in plan.settled:
        names = one.finding.names
        if one.state is State.FIXED and names is not None and names.path is None:
            for ignored in names.ignored:
                written = f"The names of the policy are written ({names.names})."
                yield f"Not followed: {ignored}. {written}"


def _kept(assessment: Assessment, plan: Plan) -> Iterator[str]:
    """Which credentials a reversal leaves because they have other names than the policy's."""
    told = {one.finding.place.route for one in plan.settled}
    names: dict[str, dict[str, None]] = {}
    for one in assessment.images:
        host, state = one.image.host, one.state
        if host is None or not isinstance(state, Authenticated) or one.image.route in told:
            continue
        registry = policy_for(host, assessment.policy)
        credential = credential_of(state.auth)
        if registry is not None and credential not in (None, registry.credential):
            variables = (f"${name}" for name in state.auth.variables)
            names.setdefault(host, {}).update(dict.fromkeys(variables))
    for host, names_there in names.items():
        if names_there:
            yield (
                f"Credentials for {registry_name(host)} with names that are not the policy's stay "
                f"({listed(list(names_there))}): give the policy these names to take them out."
            )


def _not_mirrored(assessment: Assessment) -> Iterator[str]:
    """What a mirror leaves as it is: credentials for Docker Hub must not reach it."""
    count = sum(
        isinstance(one.state, Authenticated) and one.image.host == DOCKER_HUB
        for one in assessment.images
    )
    if assessment.policy.mirror is not None and count:
        images = "1 image has" if count == 1 else f"{count} images have"
        yield (
            f"{images} credentials for Docker Hub, which must not go to the mirror: left as they "
            "are. To pull them there too, take their auth out first, then run again."
        )


def _duplicates(documents: Iterable[Document]) -> Iterator[str]:
    for document in documents:
        for node in collections_in(document.root) if document.root is not None else ():
            for _, key in duplicate_keys(node) if isinstance(node, Mapping) else ():
                position = key.source.position(key.start)
                yield (
                    f"{document.source.path}:{position.line}: the key {key.value} stands there "
                    "twice. The last one was taken to count; CircleCI may refuse it."
                )


def _notes(assessment: Assessment) -> Iterator[str]:
    uncovered: Counter[tuple[str, bool]] = Counter(
        (one.state.host, one.state.unknown)
        for one in assessment.images
        if isinstance(one.state, NotCovered)
    )
    for (host, unknown), count in sorted(uncovered.items()):
        images = "1 image" if count == 1 else f"{count} images"
        are = "is" if count == 1 else "are"
        if unknown:
            yield (
                f"{images} of {host} {are} not judged: CircleCI may have credentials for it in the "
                "project's or a context's variables."
            )
        else:
            yield f"{images} of {host} {are} not covered: the policy has no credentials for it."
    yield from _not_mirrored(assessment)
    convention = assessment.conventions.get(DOCKER_HUB)
    registry = policy_for(DOCKER_HUB, assessment.policy)
    if convention is not None and convention.credential is not None and registry is not None:
        asked = registry.credential
        if DEFAULT_DOCKER_HUB.credential != asked != convention.credential:
            names = listed([f"${name}" for name in variables_of(convention.credential)])
            yield (
                f"The file's own names for {registry_name(DOCKER_HUB)} were kept ({names}), not "
                "those that you asked for."
            )
