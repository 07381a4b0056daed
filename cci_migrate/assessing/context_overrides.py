"""Whether a context that is added may override variables that a workflow job has already.

A job gets the variables of the project and of its contexts. A context overrides the project, and
of two contexts the later wins (https://circleci.com/docs/guides/security/contexts/).
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.assessing.context_names import is_about_a_registry
from cci_migrate.assessing.credential_uses import AssessedEntry
from cci_migrate.assessing.known_contexts import KnownContexts
from cci_migrate.policy.settings import CredentialStore


class ContextOverrides(Struct, frozen=True, eq=False):
    """What workflow jobs have already: from their contexts, or from the project."""

    known: KnownContexts

    def may_overlap(
        self, assessed: AssessedEntry, context: str, variables: tuple[str, ...]
    ) -> bool:
        """Whether one of a workflow job's contexts may provide what ``context`` does too.

        That is ``variables`` and what else jobs may have from it. Where the job reads nothing of
        that yet, contexts known to provide other variables don't count.
        """
        provided = self.known.variables_in(context).union(variables)
        if self.known.job_variables.mentioned(assessed.entry, provided):
            return bool(assessed.contexts.values)
        others = self.known.for_others(frozenset(variables))
        values = tuple(value for value in assessed.contexts.values if value not in others)
        if not values:
            return False
        if any(map(is_about_a_registry, replace(assessed.contexts, values=values).names)):
            return True
        return self.known.job_variables.may_publish_unseen(assessed.entry)

    def may_have_all(self, assessed: AssessedEntry, variables: Iterable[str]) -> bool:
        """Whether the job has contexts and its images and steps read all of ``variables`` today.

        One of its contexts or the project may provide them; another context would override that.
        """
        return bool(assessed.contexts.values) and self.known.names_all(
            assessed, frozenset(variables)
        )

    def of_project(self, assessed: AssessedEntry, variables: frozenset[str]) -> frozenset[str]:
        """Those of ``variables`` that the job, which has no contexts, reads today.

        They are the project's then, unless the policy says that contexts provide all credentials.
        """
        if self.known.policy.credentials is CredentialStore.CONTEXT or assessed.contexts.values:
            return frozenset()
        return self.known.job_variables.mentioned(assessed.entry, variables)
