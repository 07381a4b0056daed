"""Taking out again what the policy would have put in: credentials, contexts, logins.

What a config had of its own before cannot be told from what was put in: all that is as the policy
would write it goes. What something else still needs stays, with the reason. The findings carry the
names of the rules whose fixes they take back.
"""

from __future__ import annotations

from collections.abc import Iterator

from typing_extensions import assert_never

from cci_migrate.assessing.assessment import Assessment
from cci_migrate.assessing.image_states import Authenticated
from cci_migrate.findings import Finding, FindingKey
from cci_migrate.policy.model import Revert
from cci_migrate.reversal.context_removals import contexts_to_take_out
from cci_migrate.reversal.credential_removals import CredentialRemovals
from cci_migrate.reversal.login_removals import LoginRemovals


def findings(assessment: Assessment, revert: Revert) -> Iterator[Finding]:
    """One finding for each thing that is to be taken out, those that others rest on first."""
    logins = LoginRemovals(assessment)
    credentials = CredentialRemovals(assessment, logins.names_that_stay)
    match revert:
        case Revert.ALL:
            yield from credentials.findings()
            yield from logins.findings()
        case Revert.CONTEXTS:
            pass
        case _:
            assert_never(revert)
    yield from contexts_to_take_out(assessment, revert, credentials, logins)


def authenticated_after(assessment: Assessment, taken: frozenset[FindingKey]) -> int:
    """How many images have credentials once the findings with the keys ``taken`` are done."""
    removals = CredentialRemovals(assessment, LoginRemovals(assessment).names_that_stay)
    return sum(
        1
        for one in assessment.images
        if isinstance(one.state, Authenticated) and removals.key_of(one) not in taken
    )
