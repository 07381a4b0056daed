"""Asking for a policy file: the choices that hold for all, from what the configs do already."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from cci_migrate.interactive.general_choices import ask_for_all
from cci_migrate.interactive.overview import overview_of_configs
from cci_migrate.interactive.policy_questions import answered_policy, needs_of_everything
from cci_migrate.interactive.prompter import Menu, MenuOption
from cci_migrate.interactive.registry_questions import ask_for_registries, registries_in
from cci_migrate.interactive.reviews import SessionConfig
from cci_migrate.interactive.screen import Screen
from cci_migrate.interactive.session_reviews import SessionReviews
from cci_migrate.interactive.shown_lines import BLANK, Code, Look, Prose
from cci_migrate.policy.settings import CredentialStore
from cci_migrate.policy.text import policy_text


def ask_for_policy(configs: Sequence[SessionConfig], screen: Screen, name: str) -> str | None:
    """The text of a policy file ``name``, as the user wants it; None if none is to be written.

    Raises KeyboardInterrupt for Ctrl-C and Ctrl-D.
    """
    reviews = SessionReviews(configs)
    if configs:
        screen.show(overview_of_configs(reviews.outcomes))
    prompter = screen.prompter()
    needs = needs_of_everything(reviews.needs())
    answers = ask_for_all(needs, screen, prompter)[-1]
    policy = answered_policy(needs[0], answers)
    others = ask_for_registries(
        registries_in(reviews.outcomes),
        screen,
        prompter,
        in_contexts=policy.credentials is not CredentialStore.PROJECT,
    )
    policy = replace(policy, registries=(*policy.registries, *others))
    text = policy_text(policy)
    screen.show([BLANK, Prose(name, Look.HEADING), *(Code(line) for line in text.splitlines())])
    options = (MenuOption("y", "write it"), MenuOption("n", "write nothing"))
    return text if prompter.choose(Menu(f"Write {name}?", options)) == "y" else None
