"""All rules, in the order in which their findings are reported.

Each module of this package except those in ``_NO_RULES`` is a rule and defines ``RULE``.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from cci_migrate import rules
from cci_migrate.rules.rule import Provision, Rule

_NO_RULES = frozenset({"account_question", "catalogue", "owners", "page", "rule", "whole_fix"})


def _discovered() -> Iterator[Rule]:
    for module in iter_modules(rules.__path__):
        if module.name not in _NO_RULES:
            rule = import_module(f"{rules.__name__}.{module.name}").RULE
            assert isinstance(rule, Rule)  # noqa: S101 - what a module of a rule holds
            yield rule


#: Sorted so that findings come after those that they depend on.
RULES: tuple[Rule, ...] = tuple(sorted(_discovered(), key=lambda rule: (rule.rank, rule.id)))


def rules_providing(provision: Provision) -> frozenset[str]:
    """The ids of the rules whose fixes give pulls ``provision``."""
    return frozenset(rule.id for rule in RULES if rule.provides is provision)
