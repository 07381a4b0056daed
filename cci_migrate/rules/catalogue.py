"""All rules, in the order in which their findings are told."""

from __future__ import annotations

from cci_migrate.rules import (
    incomplete_auth,
    literal_credential,
    misplaced_auth,
    misrouted_credential,
    missing_context,
    orb_pull,
    password_argument,
    pull_before_login,
    sunset_version,
    unauthenticated_image,
    undecidable_image,
)
from cci_migrate.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    unauthenticated_image.RULE,
    incomplete_auth.RULE,
    misplaced_auth.RULE,
    misrouted_credential.RULE,
    literal_credential.RULE,
    undecidable_image.RULE,
    pull_before_login.RULE,
    password_argument.RULE,
    orb_pull.RULE,
    missing_context.RULE,
    sunset_version.RULE,
)
