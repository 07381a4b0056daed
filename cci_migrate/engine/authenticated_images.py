"""Which images have credentials once a plan is made, and whether the config provides these."""

from __future__ import annotations

from collections.abc import Iterable

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.credential_uses import AssessedEntry, AssessedImage
from cci_migrate.assessing.image_states import Authenticated, Unmirrored
from cci_migrate.circleci.config import WorkflowJob
from cci_migrate.circleci.images import USERNAME, ImageAuth
from cci_migrate.circleci.value_origins import Origin, credential_value, named_variable
from cci_migrate.engine.planning import Plan
from cci_migrate.findings import ContextGrant
from cci_migrate.policy.settings import CredentialStore
from cci_migrate.rules.catalogue import rules_providing
from cci_migrate.rules.rule import Provision


def authenticated_images(assessment: Assessment, plan: Plan) -> tuple[AssessedImage, ...]:
    """The images that have credentials once ``plan`` is made."""
    fixed, rules = plan.fixed, rules_providing(Provision.CREDENTIALS)
    return tuple(
        image
        for image in assessment.images
        if _has_credentials(image)
        or (_gets_credentials(image) and any(image.key(rule) in fixed for rule in rules))
    )


def no_account_because(auth: ImageAuth) -> str | None:
    """Why ``auth`` is nobody's account; None if it may be an account.

    Documentation shows its user name, or it reads CircleCI's own variables.
    """
    username = auth.text(USERNAME)
    if credential_value(username, is_secret=False).origin is Origin.PLACEHOLDER:
        return f"its user name {username} is {Origin.PLACEHOLDER.value}"
    for name in auth.variables:
        if named_variable(name).origin is Origin.BUILT_IN:
            return f"its ${name} is {Origin.BUILT_IN.value}"
    return None


def unprovided_images(
    assessment: Assessment, images: Iterable[AssessedImage], contexts: Iterable[ContextGrant]
) -> tuple[AssessedImage, ...]:
    """Those of ``images`` for whose variables some job holds no context.

    ``contexts`` are those that workflow jobs get. The project must hold these variables, which the
    config does not show.
    """
    if assessment.policy.credentials is CredentialStore.PROJECT:
        return ()
    granted = {(grant.entry, frozenset(grant.variables)) for grant in contexts}
    return tuple(image for image in images if _is_unprovided(assessment, image, granted))


def _is_unprovided(
    assessment: Assessment, image: AssessedImage, granted: set[tuple[WorkflowJob, frozenset[str]]]
) -> bool:
    use = assessment.uses.of_image(image)
    if use is None or not use.variables:
        return False
    if not assessment.config.has_workflows:
        return True
    variables = frozenset(use.variables)
    return any(
        (assessed.entry, variables) not in granted and _lacks(assessment, assessed, variables)
        for assessed in assessment.uses.entries_that_pull(image.image)
    )


def _lacks(assessment: Assessment, assessed: AssessedEntry, variables: frozenset[str]) -> bool:
    convention = assessment.contexts.known.of(variables)
    if assessed.only_for_forks or not assessed.intended.values:
        return True
    return convention is not None and convention.may_be_lacked_by(assessed.intended)


def _has_credentials(image: AssessedImage) -> bool:
    return isinstance(image.state, Authenticated) and no_account_because(image.state.auth) is None


def _gets_credentials(image: AssessedImage) -> bool:
    """Whether the fix of ``image`` gives it credentials: many a mirror asks for none."""
    return not isinstance(image.state, Unmirrored) or image.state.proposed is not None
