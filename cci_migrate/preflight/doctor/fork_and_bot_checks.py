"""Checks of how pull requests from forks and bots will build.

To use a context, whoever starts the pipeline must be a member of the organisation
(https://circleci.com/docs/guides/security/contexts/). Builds of forks get no secrets unless the
project passes them on (https://circleci.com/docs/guides/integration/oss/).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cci_migrate.preflight.circleci_cache import CircleCiCache, FailedQuery
from cci_migrate.preflight.doctor.check_results import CheckResult, Status
from cci_migrate.preflight.slugs import Project
from cci_migrate.rules.wording import listed

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


def check_bots(subject: str, bots: Sequence[str], jobs: Sequence[str]) -> CheckResult:
    """A note on what ``jobs`` with contexts do when a bot starts them."""
    who = f"{listed(bots)} (settings for it are there)" if bots else "Dependabot or Renovate"
    return CheckResult(
        subject,
        Status.NOTE,
        f"pull requests of bots such as {who}: where the bot is no member of the organisation, "
        "jobs with a context end Unauthorized; the API does not say who is one",
        "make the bot's user a member, or keep these variables in the project's settings",
        tuple(jobs),
    )


def check_forks(
    subject: str,
    project: Project,
    jobs: tuple[str, ...],
    known: CircleCiCache,
    *,
    has_context: bool,
) -> CheckResult:
    """What ``jobs`` that need secrets do in builds of pull requests from forks.

    ``has_context``: they use contexts, not the project's settings.
    """
    settings = known.fork_settings(project)

    def answer(status: Status, text: str, instead: str = "", *, names: bool = False) -> CheckResult:
        return CheckResult(subject, status, text, instead, jobs if names else (), (project.slug,))

    if isinstance(settings, FailedQuery):
        return answer(
            Status.UNKNOWN if settings.is_refusal else Status.NOT_ASKED,
            f"whether pull requests of forks are built, and with secrets: {settings.why}",
            "see Project Settings > Advanced",
        )
    if settings.builds is None:
        return answer(
            Status.UNKNOWN,
            "whether pull requests of forks are built: CircleCI does not say",
            "see Project Settings > Advanced",
        )
    if not settings.builds:
        return answer(Status.FINE, "pull requests of forks are not built")
    outcome = (
        "jobs with a context end Unauthorized when somebody outside the organisation opens it"
        if has_context
        else "the credentials are empty there, and what CircleCI does then is not documented"
    )
    if settings.gets_secrets is None:
        return answer(
            Status.UNKNOWN,
            f"pull requests of forks are built, and CircleCI does not say whether with secrets: "
            f"{outcome}",
            "see Project Settings > Advanced",
            names=True,
        )
    if settings.gets_secrets:
        more = f"; {outcome}" if has_context else ""
        return answer(
            Status.NOTE,
            "pull requests of forks are built with the project's secrets: whoever opens one can "
            f"read them, the registry's password too{more}",
            "let the password be a token that only reads public images, or pass no secrets on",
            names=has_context,
        )
    return answer(
        Status.NOTE,
        f"pull requests of forks are built without secrets: {outcome}",
        "if they matter, take the context off these jobs, or keep the variables in the project's "
        "settings"
        if has_context
        else "if they matter, try one",
        names=True,
    )
