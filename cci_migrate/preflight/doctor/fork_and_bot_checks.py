"""Checks of how pull requests from forks and bots will build.

To use a context, whoever starts the pipeline must be a member of the organisation
(https://circleci.com/docs/guides/security/contexts/). Builds of forks get no secrets unless the
project passes them on (https://circleci.com/docs/guides/integration/oss/).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cci_migrate.preflight.circleci_cache import CircleCiCache, FailedQuery, FailureCause
from cci_migrate.preflight.doctor.check_results import CheckResult, Status, fine, note, unknown
from cci_migrate.preflight.slugs import Project
from cci_migrate.wording import listed

#: The settings files of bots that open pull requests
#: (https://docs.github.com/en/code-security/dependabot/working-with-dependabot/dependabot-options-reference,
#: https://docs.renovatebot.com/configuration-options/).
_BOTS = {
    "Dependabot": (".github/dependabot.yml", ".github/dependabot.yaml"),
    "Renovate": (
        "renovate.json",
        "renovate.json5",
        ".github/renovate.json",
        ".github/renovate.json5",
        ".gitlab/renovate.json",
        ".renovaterc",
        ".renovaterc.json",
    ),
}

_ARE_BUILT = "pull requests from forks are built"
_SEE = "see Project Settings > Advanced"


def configured_bots(read: Callable[[str], bytes | None]) -> tuple[str, ...]:
    """The bots that have a settings file in the repository; ``read`` returns a file or None."""
    return tuple(
        bot for bot, paths in _BOTS.items() if any(read(path) is not None for path in paths)
    )


def check_bots(bots: Sequence[str], jobs: Sequence[str]) -> CheckResult:
    """A note on what ``jobs`` with contexts do when a bot starts them."""
    who = f"{listed(bots)} (configured here)" if bots else "bots such as Dependabot or Renovate"
    return note(
        f"pull requests from {who}: jobs with a context fail with Unauthorized unless the bot's "
        "user is a member of the organisation, which CircleCI's API does not show",
        "make the bot's user a member, or keep these variables in the project's settings",
        tuple(jobs),
    )


def check_forks(
    project: Project,
    jobs: tuple[str, ...],
    circleci: CircleCiCache,
    *,
    has_context: bool,
) -> CheckResult:
    """What ``jobs`` that need secrets do in builds of pull requests from forks.

    ``has_context``: they use contexts, not the project's settings.
    """
    settings, slugs = circleci.fork_settings(project), (project.slug,)
    if isinstance(settings, FailedQuery):
        is_missing = settings.cause is FailureCause.MISSING
        by_name = ", or name the project as CircleCI does: --project" if is_missing else ""
        return CheckResult(
            Status.UNKNOWN if settings.is_refusal else Status.NOT_ASKED,
            f"can't determine whether {_ARE_BUILT}: {settings.why}",
            _SEE + by_name,
            projects=slugs,
        )
    if settings.builds is None:
        text = f"can't determine whether {_ARE_BUILT}: CircleCI's API does not show it"
        return unknown(text, _SEE, projects=slugs)
    if not settings.builds:
        return fine("pull requests from forks are not built", projects=slugs)
    outcome = "the credentials are empty there, and CircleCI does not document what it does then"
    instead = "if they matter, open one from a fork to see"
    if has_context:
        outcome = (
            "jobs with a context fail with Unauthorized if their author is not in the organisation"
        )
        instead = (
            "if they matter, remove the context from these jobs, or keep the variables in the "
            "project's settings"
        )
    if settings.gets_secrets is None:
        shown = "CircleCI's API does not show whether they get secrets"
        return unknown(f"{_ARE_BUILT}; {shown}: {outcome}", _SEE, jobs, slugs)
    if settings.gets_secrets:
        more = f"; {outcome}" if has_context else ""
        return note(
            f"{_ARE_BUILT} with the project's secrets: their authors can read them, the "
            f"registry's password too{more}",
            "use a token that only reads public images as password, or pass no secrets to forks",
            jobs if has_context else (),
            slugs,
        )
    return note(f"{_ARE_BUILT} without secrets: {outcome}", instead, jobs, slugs)
