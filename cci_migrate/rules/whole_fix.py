"""A fix together with what workflow jobs need for it: made whole, or not at all."""

from __future__ import annotations

from collections.abc import Sequence

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.circleci.config import Config
from cci_migrate.findings import ContextGrant, Fix, NoFix
from cci_migrate.lossless.nodes import Mapping
from cci_migrate.lossless.operations import AddEntry, Entries, Items, Operation, Text
from cci_migrate.policy.settings import CredentialStore
from cci_migrate.remedies.context_placement import CONTEXT
from cci_migrate.wording import listed


def whole_fix(
    assessment: Assessment,
    title: str,
    operations: Sequence[Operation],
    contexts: Sequence[ContextGrant],
) -> Fix | NoFix:
    """The fix that applies ``operations`` and adds ``contexts`` to workflow jobs.

    A config without workflows has no place for a context. With ``add_workflow`` it gets a workflow
    of its only job; without, `NoFix` if the policy requires a context.
    """
    config, policy = assessment.config, assessment.policy
    fix = Fix(title, tuple(operations), tuple(contexts))
    is_requested = policy.add_workflow or policy.credentials is CredentialStore.CONTEXT
    root = config.documents[0].root
    if not is_requested or not takes_workflow(config):
        return fix
    names = contexts_without_workflow(assessment)
    if not names or not isinstance(root, Mapping):
        return fix
    job = next(iter(config.body.jobs.values()))
    if not policy.add_workflow:
        return NoFix(
            f"job {job.name} would need context {listed(names)}, and the config has no "
            "workflow to add it to",
            "use --add-workflow, or store the variables in the project's settings "
            "(--credentials project)",
        )
    entry = Entries(((CONTEXT, Items(tuple(Text(name) for name in names))),))
    jobs = Items((Entries(((job.name, entry),)),))
    version = () if config.supports_orbs else (("version", Text("2", is_number=True)),)
    workflow = Entries((*version, (job.name, Entries((("jobs", jobs),)))))
    return Fix(
        f"{title}, and a workflow with one job and context {listed(names)}",
        (*operations, AddEntry(root, "workflows", workflow)),
    )


def takes_workflow(config: Config) -> bool:
    """Whether a workflow can be added to ``config``: it has none, and one job that it would run."""
    root = config.documents[0].root
    has_one_job = len(config.body.jobs) == 1 and isinstance(root, Mapping) and not root.is_flow
    return has_one_job and not config.has_workflows and not config.is_orb_source


def contexts_without_workflow(assessment: Assessment) -> tuple[str, ...]:
    """The contexts that the jobs of a config without workflows would need."""
    if assessment.policy.credentials is CredentialStore.PROJECT:
        return ()
    registries = (
        assessment.policy.registry_for(use.host) for use in assessment.uses.without_workflow
    )
    names = (registry.context for registry in registries if registry is not None)
    return tuple(dict.fromkeys(name for name in names if name is not None))
