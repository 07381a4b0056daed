"""Removes what the policy would have added: credentials, contexts and logins.

A config does not show what it had before the fixes, so everything that is as the policy would write
it is removed, except what something else needs. The findings have the ids of the rules whose fixes
they revert.
"""

from __future__ import annotations

from collections.abc import Iterator

from typing_extensions import assert_never

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.image_states import Authenticated
from cci_migrate.findings import Finding, FindingKey
from cci_migrate.policy.settings import Revert
from cci_migrate.reversal.context_removals import context_findings
from cci_migrate.reversal.credential_removals import CredentialRemovals
from cci_migrate.reversal.login_removals import LoginRemovals


def findings(assessment: Assessment, revert: Revert) -> Iterator[Finding]:
    """The findings whose fixes revert the policy's; those that others depend on come first."""
    logins = LoginRemovals(assessment)
    credentials = CredentialRemovals(assessment, logins.other_credentials)
    match revert:
        case Revert.ALL:
            yield from credentials.findings()
            yield from logins.findings()
        case Revert.CONTEXTS:
            pass
        case _:
            assert_never(revert)
    yield from context_findings(assessment, revert, credentials, logins)


def authenticated_after(assessment: Assessment, taken: frozenset[FindingKey]) -> int:
    """The number of images that still have credentials after the findings ``taken`` are fixed."""
    removals = CredentialRemovals(assessment, LoginRemovals(assessment).other_credentials)
    return sum(
        1
        for image in assessment.images
        if isinstance(image.state, Authenticated) and removals.key_of(image) not in taken
    )
