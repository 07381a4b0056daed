"""Checks that registries accept the credentials of this machine."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

from typing_extensions import assert_never

from cci_migrate.assessing.impact import registry_name
from cci_migrate.groups import grouped
from cci_migrate.preflight.docker_credentials import DockerCredential, credential_for
from cci_migrate.preflight.doctor.check_results import (
    CheckResult,
    about,
    fine,
    not_asked,
    note,
    problem,
    unknown,
)
from cci_migrate.preflight.doctor.checked_repositories import CheckedRepository, contexts_with
from cci_migrate.preflight.doctor.next_steps import NextSteps
from cci_migrate.preflight.login_consent import LoginConsent
from cci_migrate.preflight.registry_login import (
    AnonymousRegistry,
    CredentialRejected,
    Inconclusive,
    LimitReached,
    LoggedIn,
    LoginOutcome,
    PullLimit,
    log_in,
    registry_root,
)
from cci_migrate.preflight.requirements import RegistryLogin
from cci_migrate.transport.known_secrets import redact

#: What Docker Hub allows without an account in six hours
#: (https://docs.docker.com/docker-hub/usage/).
_ANONYMOUS = 100


def check_logins(
    logins: Iterable[RegistryLogin],
    repositories: Sequence[CheckedRepository],
    consent: LoginConsent,
    roots: Mapping[str, str],
    trusted: Collection[str],
    steps: NextSteps,
) -> Iterator[CheckResult]:
    """Whether each registry of ``logins`` accepts the credential that this machine has for it.

    Only variables that ``consent`` allows are sent. ``roots`` are addresses of registries, by their
    hosts; ``trusted`` are further hosts of token services.
    """
    by_host = grouped((login.host, login.credential) for login in dict.fromkeys(logins))
    for host, names in sorted(by_host.items(), key=itemgetter(0)):
        subject = f"registry {registry_name(host)}"
        withheld = {name: consent.reason_to_withhold(host, name, os.environ) for name in names}
        credential = credential_for(host, [name for name in names if withheld[name] is None])
        reasons = [reason for reason in withheld.values() if reason is not None]
        if isinstance(credential, str):
            why = "; ".join(dict.fromkeys(reason.why for reason in reasons))
            text = f"can't check the login: {why or 'this machine has no credential for it'}"
            instead = "; ".join(dict.fromkeys(filter(None, (reason.instead for reason in reasons))))
            options = [word for reason in reasons for word in reason.option]
            command = steps.repeat_with(*options) if options and not instead else ""
            yield unknown(text, instead or credential, command=command, subject=subject)
        else:
            outcome = log_in(host, registry_root(host, roots), credential, trusted)
            results = _login_results(host, outcome, credential, repositories, steps)
            yield from about(subject, results)


def _login_results(
    host: str,
    outcome: LoginOutcome,
    credential: DockerCredential,
    repositories: Sequence[CheckedRepository],
    steps: NextSteps,
) -> Iterator[CheckResult]:
    account = f"the user of {credential.origin}"
    match outcome:
        case LoggedIn(pulls=pulls):
            yield fine(f"accepts {account}")
            if pulls is not None:
                yield _limit_result(pulls)
            elif registry_name(host) != host:
                yield fine("states no pull limit for this account")
        case AnonymousRegistry():
            yield unknown(f"needs no login: can't check {account}")
        case CredentialRejected():
            yield problem(
                f"rejects {account}: every job that logs in with these values fails; renew the "
                "password or token",
                "store the new one where the jobs read it",
                command=_store_command(credential, repositories, steps),
            )
        case LimitReached():
            yield problem(
                f"accepts {account}, but its pull limit is reached",
                "wait, or use an account with a paid plan",
            )
        case Inconclusive(why=why):
            yield not_asked(f"can't check {account}: {redact(why)}")
        case _:
            assert_never(outcome)


def _store_command(
    credential: DockerCredential, repositories: Sequence[CheckedRepository], steps: NextSteps
) -> str:
    """The command that stores ``credential`` anew; empty if jobs read it from several contexts."""
    contexts = contexts_with(repositories, credential.variables) if credential.variables else []
    if len(contexts) != 1:
        return ""
    ((organisation, name),) = contexts
    return steps.create_context(name, organisation, credential.variables, overwrite=True)


def _limit_result(pulls: PullLimit) -> CheckResult:
    hours = f" in {pulls.seconds // 3600} hours" if pulls.seconds >= 3600 else ""
    remaining = "" if pulls.remaining is None else f" ({pulls.remaining} left)"
    text = f"allows this account {pulls.limit} pulls{hours}{remaining}, shared by all its jobs"
    if pulls.remaining == 0:
        return problem(text, "wait, or use an account with a paid plan")
    more = "; no more than without an account" if pulls.limit <= _ANONYMOUS else ""
    return note(text + more, "an account with a paid plan has no such limit")
