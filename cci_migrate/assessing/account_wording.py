"""Credentials, and the jobs that use them, in the words of messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cci_migrate.assessing.conventions import Account
from cci_migrate.assessing.credential_values import values_of
from cci_migrate.circleci.images import SECRET_KEYS, variable_in
from cci_migrate.policy.settings import RegistryCredential
from cci_migrate.wording import listed, shortened


def credential_names(credential: RegistryCredential) -> str:
    """The names in ``credential``: ``$HUB_USER, $HUB_TOKEN``. A written-out secret is hidden."""
    return ", ".join(
        "(written out)" if key in SECRET_KEYS and variable_in(value) is None else value
        for key, value in values_of(credential).items()
    )


def job_names(routes: Iterable[str]) -> str:
    """``jobs build and test``, from the routes of jobs; at most three are named."""
    names = sorted(route.rpartition("jobs.")[2] for route in routes)
    if len(names) < 2:
        return f"job {names[0]}" if names else "no job"
    return f"jobs {shortened(names, 3) if len(names) > 3 else listed(names)}"


def several_accounts(accounts: Sequence[Account]) -> str:
    """The reason for no fix if it is unclear which of ``accounts`` a pull should use."""
    for account in accounts:
        if account.taken_by is not None:
            return (
                f"{account.taken_by.place.owner} uses {credential_names(account.credential)} for "
                f"{account.taken_by.host}, and the values may be for that registry"
            )
    return f"the config has several accounts for this registry: {account_uses(accounts)}"


def account_uses(accounts: Iterable[Account]) -> str:
    """The names and jobs of each account: ``$U, $P (job build); $V, $Q (jobs deploy and test)``."""
    uses = (
        f"{credential_names(account.credential)} "
        f"({job_names(account.jobs) if account.evidence else 'policy'})"
        for account in accounts
    )
    return "; ".join(uses)


def which_account(host: str, accounts: Sequence[Account]) -> str:
    """What the user can do to tell ``accounts`` of ``host`` apart."""
    if any(account.taken_by is not None for account in accounts):
        return (
            f"choose other variables for {host} in the policy, or for this job in "
            f'[[registries."{host}".jobs]]'
        )
    if not any(account.evidence for account in accounts):
        return "define the image separately for each account"
    return f'assign jobs to accounts in the policy: [[registries."{host}".jobs]]'
