"""What the user has to do outside the config for its fixes to work, and notes on the config."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.conventions import credential_of
from cci_migrate.assessing.credential_uses import AssessedEntry, CredentialUse
from cci_migrate.assessing.credential_values import variables_of
from cci_migrate.assessing.image_states import Authenticated
from cci_migrate.assessing.impact import registry_name
from cci_migrate.circleci.config import Config, WorkflowJob
from cci_migrate.circleci.docker_orb import LOGIN_SWITCHES
from cci_migrate.circleci.fork_jobs import jobs_only_for_forks
from cci_migrate.circleci.images import USERNAME, ImageAuth, variable_in
from cci_migrate.circleci.workflow_jobs import job_contexts
from cci_migrate.docker.registries import DOCKER_HUB
from cci_migrate.engine.authenticated_images import no_account_because
from cci_migrate.engine.outcomes import Cause, Refused
from cci_migrate.engine.planning import Plan
from cci_migrate.engine.uncovered_pulls import notes_on_uncovered_pulls
from cci_migrate.findings import FindingKey, Fix
from cci_migrate.lossless.nodes import Scalar
from cci_migrate.lossless.operations import (
    AddEntry,
    AddItem,
    Content,
    Items,
    Operation,
    ReplaceText,
)
from cci_migrate.policy.settings import DEFAULT_DOCKER_HUB, Platform, Revert
from cci_migrate.redaction.config_secrets import names_a_variable
from cci_migrate.rule_ids import LITERAL_CREDENTIAL, PULL_BEFORE_LOGIN
from cci_migrate.rules.whole_fix import contexts_without_workflow, takes_workflow
from cci_migrate.wording import listed


def todos(assessment: Assessment, plan: Plan) -> tuple[str, ...]:
    """What the user has to do outside the config, at CircleCI mostly, for ``plan`` to work.

    None for a reversal, but that of contexts alone, which leaves pulls that read their variables.
    """
    return tuple(dict.fromkeys(_todos(assessment, plan)))


def _todos(assessment: Assessment, plan: Plan) -> Iterator[str]:
    revert = assessment.policy.revert
    if revert is None:
        yield from _of_contexts(assessment, plan)
        yield from _of_mirror(assessment, plan)
        yield from _of_variables(assessment, plan)
        yield from _of_orb_logins(plan)
        yield from _of_secrets(assessment, plan)
    elif revert is Revert.CONTEXTS and plan.fixed:
        yield (
            "The project's environment variables must replace those of the contexts: the pulls "
            "still read them. Builds from forks get them only if the project passes secrets to "
            "forks."
        )


def _of_contexts(assessment: Assessment, plan: Plan) -> Iterator[str]:
    """What contexts must provide, and what it means that workflow jobs get them."""
    in_context: dict[str, dict[str, None]] = defaultdict(dict)
    in_some: dict[tuple[str, ...], dict[str, None]] = defaultdict(dict)
    for grant in plan.contexts:
        in_context[grant.context].update(dict.fromkeys(() if grant.among else grant.variables))
        if grant.among:
            in_some[grant.among].update(dict.fromkeys(grant.variables))
    uses = _without_workflow(assessment, plan)
    if uses and _adds_workflow(assessment):
        read = dict.fromkeys(name for use in uses for name in use.variables)
        in_context.update(dict.fromkeys(contexts_without_workflow(assessment), read))
    for context, variables in in_context.items():
        yield (
            f"The context {context} must exist in your organisation"
            + (f" and provide {listed(list(variables))}." if variables else ".")
        )
    for contexts, variables in in_some.items():
        yield (
            f"{listed(contexts)} must provide {listed(list(variables))} between them: the config "
            "doesn't show which context provides which."
        )
    if in_context:
        yield (
            "Builds from forks, and from people without access to the context, fail with "
            "Unauthorized."
        )
    if assessment.policy.platform is Platform.SERVER and any(
        job_contexts(grant.entry).values for grant in plan.contexts
    ):
        yield (
            "Some workflow jobs now have several contexts, and CircleCI's manual says that Server "
            "allows one. Try it on yours, or add the variables to the context that the jobs had."
        )


def _of_mirror(assessment: Assessment, plan: Plan) -> Iterator[str]:
    """What a mirror must serve, if something is pulled from it that was not before."""
    mirror = assessment.policy.mirror
    if mirror is not None and any(
        isinstance(operation, ReplaceText) and operation.text.startswith(f"{mirror}/")
        for operation in plan.operations
    ):
        yield (
            f"{mirror} must serve Docker Hub's images to the machines that run "
            "the jobs, official ones under library/. Pull one of each kind from it first."
        )


def _of_variables(assessment: Assessment, plan: Plan) -> Iterator[str]:
    """Where variables must come from that no context in the config is known to provide."""
    elsewhere = list(dict.fromkeys(_read_elsewhere(assessment, plan.fixed)))
    if elsewhere:
        yield (
            f"The workflow jobs that use this file must get {listed(elsewhere)} from one of their "
            "contexts, or from the project's environment variables."
        )
    for (name, contexts), needed in _read_from_others(assessment, plan).items():
        yield (
            f"{name} must get {listed(list(needed))} from its contexts ({listed(contexts)}), or "
            "from the project's environment variables."
        )
    in_project = list(dict.fromkeys(_read_from_the_project(assessment, plan)))
    if in_project:
        no_place = _has_no_workflow(assessment.config)
        why = " (the config has no workflow to add a context to)" if no_place else ""
        yield (
            f"The project's environment variables must provide {listed(in_project)}{why}. "
            "Builds from forks get them only if the project passes secrets to forks."
        )


def _of_orb_logins(plan: Plan) -> Iterator[str]:
    """What the logins of the Docker orb do in builds that do not get their variables."""
    added = [
        operation
        for finding in plan.fixed_findings
        if finding.rule == PULL_BEFORE_LOGIN and isinstance(finding.remedy, Fix)
        for operation in finding.remedy.operations
    ]
    for what, is_added in (
        ("The orb's own login", any(map(_switches_login_on, added))),
        ("docker/check", any(map(_adds_check, added))),
    ):
        if is_added:
            yield (
                f"{what} fails if its variables are empty. If builds from forks matter, use "
                "--login cli, whose step then skips the login."
            )


def _of_secrets(assessment: Assessment, plan: Plan) -> Iterator[str]:
    """That a secret must be revoked, if a value is replaced that is more than a variable's name."""
    replaced = (
        finding.place.node for finding in plan.fixed_findings if finding.rule == LITERAL_CREDENTIAL
    )
    documents = assessment.config.documents
    if any(
        isinstance(node, Scalar) and not names_a_variable(node.value, documents)
        for node in replaced
    ):
        yield (
            "The config contained a secret. Revoke it at the registry: the repository's history "
            "keeps it."
        )


def _has_no_workflow(config: Config) -> bool:
    return not config.has_workflows and not config.is_orb_source


def _without_workflow(assessment: Assessment, plan: Plan) -> Sequence[CredentialUse]:
    """What ``plan`` makes jobs read in a config that has no workflow to add a context to."""
    if not _has_no_workflow(assessment.config):
        return ()
    fixed = plan.fixed
    return [use for use in assessment.uses.without_workflow if use.after in fixed]


def _adds_workflow(assessment: Assessment) -> bool:
    return assessment.policy.add_workflow and takes_workflow(assessment.config)


def _newly_read(
    assessment: Assessment, plan: Plan
) -> Iterator[tuple[AssessedEntry, CredentialUse]]:
    """What ``plan`` makes workflow jobs read without giving them a context for it."""
    fixed = plan.fixed
    granted = {(grant.entry, grant.variables) for grant in plan.contexts}
    for assessed in assessment.uses.entries:
        for use in assessed.uses if not assessed.only_for_forks else ():
            if use.after in fixed and (assessed.entry, use.variables) not in granted:
                yield assessed, use


def _read_from_the_project(assessment: Assessment, plan: Plan) -> Iterator[str]:
    """The variables that ``plan`` makes jobs read which no context of theirs provides."""
    for assessed, use in _newly_read(assessment, plan):
        if not _may_come_from_held(assessment, assessed, use):
            yield from use.variables
    if not _adds_workflow(assessment):
        for use in _without_workflow(assessment, plan):
            yield from use.variables


def _read_from_others(
    assessment: Assessment, plan: Plan
) -> dict[tuple[str, tuple[str, ...]], dict[str, None]]:
    """The variables that ``plan`` makes workflow jobs read and contexts of theirs may provide.

    By the job's name and contexts; without those that one of its contexts is known to provide.
    """
    needed: dict[tuple[str, tuple[str, ...]], dict[str, None]] = defaultdict(dict)
    for assessed, use in _newly_read(assessment, plan):
        convention = assessment.contexts.known.of(use.variables)
        is_provided = convention is not None and convention.is_provided(assessed.contexts)
        if not is_provided and _may_come_from_held(assessment, assessed, use):
            key = (assessed.entry.name, assessed.contexts.values)
            needed[key].update(dict.fromkeys(use.variables))
    return needed


def _may_come_from_held(
    assessment: Assessment, assessed: AssessedEntry, use: CredentialUse
) -> bool:
    """Whether a workflow job may have what ``use`` reads from a context that it holds."""
    convention = assessment.contexts.known.of(use.variables)
    if convention is not None and convention.may_come_from(assessed.contexts):
        return True
    return assessment.contexts.overrides.may_have_all(assessed, use.variables)


def _read_elsewhere(assessment: Assessment, fixed: frozenset[FindingKey]) -> Iterator[str]:
    """The variables that the images of a part of a config read, whose workflow jobs are elsewhere.

    An orb's source, and a file of executors that another program puts together, are such parts.
    """
    config = assessment.config
    if config.has_workflows or (config.body.jobs and not config.is_orb_source):
        return
    for use in assessment.uses.of_images:
        if use.after is None or use.after in fixed:
            yield from use.variables


def _adds_check(operation: Operation) -> bool:
    """Whether it adds a login that is the Docker orb's."""
    from cci_migrate.remedies.login_steps import is_orb_login

    return any(map(is_orb_login, _added_items(operation)))


def _added_items(operation: Operation) -> Sequence[Content]:
    """The items of lists that ``operation`` adds."""
    if isinstance(operation, AddItem):
        return (operation.content,)
    if isinstance(operation, AddEntry) and isinstance(operation.content, Items):
        return operation.content.items
    return ()


def _switches_login_on(operation: Operation) -> bool:
    """Whether it asks an orb's job to log in by itself."""
    own = {switch.enable for switch in LOGIN_SWITCHES if switch.steps is None}
    return isinstance(operation, AddEntry) and operation.key in own


def notes(assessment: Assessment, plan: Plan, refused: Refused | None) -> tuple[str, ...]:
    """What the user ought to know of the config, though nothing is to be done about it.

    ``refused`` is why it must not be edited, if it must not.
    """
    if assessment.policy.revert is not None:
        return tuple(_kept(assessment, plan))
    texts = [*_notes(assessment, plan), *dict.fromkeys(_names_left_alone(plan))]
    if refused is not None and refused.cause is Cause.DUPLICATE_KEYS:
        texts.append(f"{refused.paths[0]}: {refused.reason}. CircleCI may refuse the config.")
    return tuple(texts)


def _names_left_alone(plan: Plan) -> Iterator[str]:
    """The credentials of the config that a fix did not follow, where it writes the policy's."""
    for finding in plan.fixed_findings:
        names = finding.names
        if names is not None and names.path is None:
            for ignored in names.ignored:
                yield f"Ignored: {ignored}. The fix uses the policy's: {names.names}."


def _kept(assessment: Assessment, plan: Plan) -> Iterator[str]:
    """Which credentials a reversal leaves because they have other names than the policy's."""
    reported = {resolution.finding.place.route for resolution in plan.resolutions}
    names: dict[str, dict[str, None]] = defaultdict(dict)
    for assessed in assessment.images:
        host, state = assessed.image.host, assessed.state
        if host is None or not isinstance(state, Authenticated) or assessed.image.route in reported:
            continue
        registry = assessment.policy.registry_for(host)
        credential = credential_of(state.auth)
        if registry is not None and credential not in (None, registry.credential):
            names[host].update(dict.fromkeys(_names_in(state.auth)))
    for host, names_there in names.items():
        if names_there:
            yield (
                f"Credentials for {registry_name(host)} that aren't the policy's stay: "
                f"{listed(list(names_there))}. To remove them, set them in the policy."
            )


def _names_in(auth: ImageAuth) -> Iterator[str]:
    """The user name, which may be written out, and the variables."""
    username = auth.text(USERNAME)
    if username is not None and variable_in(username) is None:
        yield username
    yield from (f"${name}" for name in auth.variables)


def _not_mirrored(assessment: Assessment) -> Iterator[str]:
    """What a mirror leaves as it is: credentials for Docker Hub must not reach it."""
    count = sum(
        isinstance(assessed.state, Authenticated) and assessed.image.host == DOCKER_HUB
        for assessed in assessment.images
    )
    if assessment.policy.mirror is not None and count:
        images = "1 image has" if count == 1 else f"{count} images have"
        yield (
            f"{images} credentials for Docker Hub, which must not reach the mirror: not changed. "
            "To use the mirror for them too, remove their auth and run again."
        )


def _unplaced(assessment: Assessment) -> Iterator[str]:
    """Which credentials of the file no more images get: which context provides them is unknown."""
    for host, own in assessment.unplaced.items():
        for account in own.accounts:
            variables = variables_of(account.credential)
            convention = assessment.contexts.known.of(variables)
            contexts = sorted(convention.contexts) if convention is not None else []
            if contexts:
                yield (
                    f"The fixes don't use the file's {_dollars(variables)} for "
                    f"{registry_name(host)}: can't determine which of the contexts "
                    f"{listed(contexts)} provides them. To use them, set them and their context "
                    "in a policy file."
                )


def _left_to_forks(assessment: Assessment) -> Iterator[str]:
    jobs = jobs_only_for_forks(assessment.logins.entries_for_forks, assessment.config)
    names = [job.name for job in jobs]
    shared = {
        assessed.entry.name: None
        for assessed in assessment.uses.entries
        if assessed.only_for_forks and assessed.uses and assessed.entry.calls not in names
    }
    if shared:
        yield (
            f"Only builds of forks run {listed(list(shared))}: no context is added, and "
            "credentials that other jobs share are empty there."
        )
    if names:
        yield (
            f"Only builds of forks run {listed(names)}: no credentials are added, as such "
            "builds don't get them."
        )


def _without_account(assessment: Assessment) -> Iterator[str]:
    for assessed in assessment.images:
        if not isinstance(assessed.state, Authenticated):
            continue
        reason = no_account_because(assessed.state.auth)
        if reason is not None:
            yield (
                f"{assessed.image.item.text} ({assessed.image.owners[0].title}) doesn't count as "
                f"authenticated: {reason}."
            )


def _from_nowhere_visible(assessment: Assessment, plan: Plan) -> Iterator[str]:
    """Which images' credentials are read today by jobs that hold no context."""
    jobs: dict[tuple[str, ...], dict[str, None]] = defaultdict(dict)
    granted: dict[WorkflowJob, set[str]] = defaultdict(set)
    for grant in plan.contexts:
        granted[grant.entry].update(grant.variables)
    for assessed in assessment.uses.entries:
        if not assessed.intended.values and not any(assessment.contexts.missing(assessed)):
            for use in assessed.uses:
                is_granted = granted[assessed.entry].issuperset(use.variables)
                if use.after is None and not use.in_steps and not is_granted:
                    jobs[use.variables][assessed.entry.name] = None
    for variables, names in jobs.items():
        which = listed(list(names)) if len(names) <= _FEW else f"{len(names)} workflow jobs"
        reads = "reads" if len(names) == 1 else "read"
        yield (
            f"{which} {reads} {_dollars(variables)} without a context: the project's environment "
            "variables must provide them."
        )


#: Up to how many jobs are named, rather than counted.
_FEW = 4


def _dollars(names: Iterable[str]) -> str:
    return listed([f"${name}" for name in names])


def _notes(assessment: Assessment, plan: Plan) -> Iterator[str]:
    yield from notes_on_uncovered_pulls(assessment)
    yield from _not_mirrored(assessment)
    yield from _unplaced(assessment)
    yield from _left_to_forks(assessment)
    yield from _from_nowhere_visible(assessment, plan)
    yield from _without_account(assessment)
    convention = assessment.conventions.get(DOCKER_HUB)
    if convention is not None and convention.credential is not None:
        asked = assessment.policy.docker_hub.credential
        if DEFAULT_DOCKER_HUB.credential != asked != convention.credential:
            names = _dollars(variables_of(convention.credential))
            yield (
                f"The fixes use the file's own {names} for {registry_name(DOCKER_HUB)}, not the "
                "ones that you chose."
            )
