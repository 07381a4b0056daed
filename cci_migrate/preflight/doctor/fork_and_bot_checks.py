"""Checks of how pull requests from forks and bots will build.

To use a context, whoever starts the pipeline must be a member of the organisation
(https://circleci.com/docs/guides/security/contexts/). Builds of forks get no secrets unless the
project passes them on (https://circleci.com/docs/guides/integration/oss/).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cci_migrate.preflight.circleci_cache import CircleCiCache, FailedQuery, FailureCause
from cci_migrate.preflight.doctor.check_results import CheckResult, Status, note
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
    settings = circleci.fork_settings(project)

    def answer(status: Status, text: str, instead: str = "", *, names: bool = False) -> CheckResult:
        return CheckResult(status, text, instead, jobs if names else (), (project.slug,))

    if isinstance(settings, FailedQuery):
        return answer(
            Status.UNKNOWN if settings.is_refusal else Status.NOT_ASKED,
            f"can't determine whether pull requests from forks are built: {settings.why}",
            "see Project Settings > Advanced, or name the project as CircleCI does: --project"
            if settings.cause is FailureCause.MISSING
            else "see Project Settings > Advanced",
        )
    if settings.builds is None:
        return answer(
            Status.UNKNOWN,
            "can't determine whether pull requests from forks are built: CircleCI's API does not "
            "show it",
            "see Project Settings > Advanced",
        )
    if not settings.builds:
        return answer(Status.FINE, "pull requests from forks are not built")
    outcome = (
        "jobs with a context fail with Unauthorized if their author is not in the organisation"
        if has_context
        else "the credentials are empty there, and CircleCI does not document what it does then"
    )
    if settings.gets_secrets is None:
        return answer(
            Status.UNKNOWN,
            "pull requests from forks are built; CircleCI's API does not show whether they get "
            f"secrets: {outcome}",
            "see Project Settings > Advanced",
            names=True,
        )
    if settings.gets_secrets:
        more = f"; {outcome}" if has_context else ""
        return answer(
            Status.NOTE,
            "pull requests from forks are built with the project's secrets: their authors can "
            f"read them, the registry's password too{more}",
            "use a token that only reads public images as password, or pass no secrets to forks",
            names=has_context,
        )
    return answer(
        Status.NOTE,
        f"pull requests from forks are built without secrets: {outcome}",
        "if they matter, remove the context from these jobs, or keep the variables in the "
        "project's settings"
        if has_context
        else "if they matter, open one from a fork to see",
        names=True,
    )
