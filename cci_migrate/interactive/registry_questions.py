"""Asking for the credentials of registries other than Docker Hub, for a policy file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from msgspec import Struct

from cci_migrate.docker.registries import (
    AMAZON_ECR,
    DOCKER_HUB,
    GOOGLE_ARTIFACT_REGISTRY,
    Registry,
    registry_at,
)
from cci_migrate.engine.explanation import Access, ExplainedPull
from cci_migrate.engine.outcomes import Examined, Outcome
from cci_migrate.interactive.general_choices import name_input
from cci_migrate.interactive.policy_questions import most_common, problem_of, problem_with
from cci_migrate.interactive.prompter import BACK, LineInput, Menu, MenuOption, Prompter
from cci_migrate.interactive.reviews import Topic
from cci_migrate.interactive.screen import Screen
from cci_migrate.interactive.shown_lines import BLANK, Look, Prose
from cci_migrate.policy.setting_kinds import settings_of
from cci_migrate.policy.settings import (
    AwsKeyAuth,
    AwsRoleAuth,
    GcpAuth,
    PasswordAuth,
    RegistryCredential,
    RegistryPolicy,
)
from cci_migrate.wording import counted

_Form = type[PasswordAuth] | type[AwsRoleAuth] | type[AwsKeyAuth] | type[GcpAuth]

_LEAVE_OUT = MenuOption("n", "leave this registry out")
_PASSWORD = ("p", "a user name and a password", PasswordAuth)
_FORMS: dict[Registry, tuple[tuple[str, str, _Form], ...]] = {
    AMAZON_ECR: (
        ("o", "a role, by OpenID Connect", AwsRoleAuth),
        ("k", "an access key", AwsKeyAuth),
    ),
    GOOGLE_ARTIFACT_REGISTRY: (
        ("o", "a service account, by OpenID Connect", GcpAuth),
        _PASSWORD,
    ),
}
#: Parts of a host that say nothing of whose registry it is.
_COMMON_PARTS = frozenset({"registry", "docker", "containers", "hub", "cr", "www"})


class RegistryUse(Struct, frozen=True):
    """A registry that configs pull from, without Docker Hub.

    ``names`` are the variables that most authenticated pulls read, ``context`` is that of their
    jobs.
    """

    host: str
    pulls: int
    authenticated: int
    names: tuple[str, ...] = ()
    context: str = ""


def registries_in(outcomes: Sequence[tuple[str, Outcome]]) -> tuple[RegistryUse, ...]:
    """The registries that the configs with ``outcomes`` pull from and that take credentials."""
    by_host: dict[str, dict[tuple[str, int, str], ExplainedPull]] = {}
    for name, outcome in outcomes:
        for pull in outcome.pulls if isinstance(outcome, Examined) else ():
            host = pull.registry
            if host not in (None, DOCKER_HUB) and not registry_at(host).public_only:
                by_host.setdefault(host, {})[name + pull.path, pull.line, pull.image] = pull
    return tuple(_use(host, list(pulls.values())) for host, pulls in sorted(by_host.items()))


def _use(host: str, pulls: Sequence[ExplainedPull]) -> RegistryUse:
    known = [pull for pull in pulls if pull.access is Access.AUTHENTICATED]
    names = most_common(pull.variables for pull in known if len(pull.variables) == 2)
    context = most_common(pull.contexts[0] for pull in known if len(pull.contexts) == 1)
    return RegistryUse(host, len(pulls), len(known), names or (), context or "")


def ask_for_registries(
    uses: Sequence[RegistryUse], screen: Screen, prompter: Prompter, *, in_contexts: bool
) -> Iterator[RegistryPolicy]:
    """The registries of ``uses`` that the user wants covered, each with what was answered.

    ``in_contexts``: the policy keeps variables in contexts, so that one is asked for.
    """
    for use in uses:
        while True:
            pulls = f"{counted(use.pulls, 'pull')}, {use.authenticated} authenticated"
            screen.show([BLANK, Prose(f"{use.host}: {pulls}.", Look.QUIET)])
            form = _asked_form(use, prompter)
            if form is None:
                break
            answered = _asked(use, form, prompter, in_contexts)
            if answered is not None:
                yield answered
                break


def _asked_form(use: RegistryUse, prompter: Prompter) -> _Form | None:
    forms = _FORMS.get(registry_at(use.host), (_PASSWORD,))
    options = [MenuOption(letter, label) for letter, label, _ in forms]
    letter = prompter.choose(
        Menu(f"Credentials for {use.host}?", (*options, _LEAVE_OUT), _LEAVE_OUT.letter)
    )
    return next((form for known, _, form in forms if known == letter), None)


def _asked(
    use: RegistryUse, form: _Form, prompter: Prompter, in_contexts: bool
) -> RegistryPolicy | None:
    """The answers for one registry; None to go back to the choice of its credentials."""
    values: dict[str, str] = {}
    for number, setting in enumerate(settings_of(form)):
        default = _default(use, form, number)
        if form is PasswordAuth:
            entry = name_input(Topic(setting.key), default)
        else:
            title = setting.key.replace("-", " ").capitalize()
            entry = LineInput(f"{title}:", default, partial(problem_of, setting.read_text))
        text = prompter.enter(entry)
        if text == BACK:
            return None
        values[setting.field] = setting.read_text(text)
    context: str | None = None
    if in_contexts:
        entry = LineInput(
            "Context with the variables (empty: none):",
            use.context,
            lambda text: problem_with(Topic.CONTEXT, text) if text else None,
        )
        text = prompter.enter(entry)
        if text == BACK:
            return None
        context = text or None
    credential: RegistryCredential = form(**values)
    return RegistryPolicy(use.host, credential, context)


def _default(use: RegistryUse, form: _Form, number: int) -> str:
    if form is AwsKeyAuth:
        return ("$AWS_ACCESS_KEY_ID", "$AWS_SECRET_ACCESS_KEY")[number]
    if form is not PasswordAuth:
        return ""
    if use.names:
        return f"${use.names[number]}"
    parts = [part for part in use.host.split(":")[0].split(".")[:-1] if part not in _COMMON_PARTS]
    stem = (parts or ["registry"])[0].upper().replace("-", "_")
    return f"${stem}_{('USERNAME', 'PASSWORD')[number]}"
