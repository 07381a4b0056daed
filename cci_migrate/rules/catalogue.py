"""All rules, in the order in which their findings are told."""

from __future__ import annotations

from cci_migrate.rules.rule import Rule

RULES: tuple[Rule, ...] = ()
