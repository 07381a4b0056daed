"""All rules, in the order in which their findings are told.

Each module of this package but those named below is a rule, with a ``RULE`` in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from cci_migrate import rules
from cci_migrate.rules.rule import Rule

_NO_RULES = frozenset({"account_question", "catalogue", "page", "rule", "whole_fix", "wording"})


def _found() -> Iterator[Rule]:
    for module in iter_modules(rules.__path__):
        if module.name not in _NO_RULES:
            rule = import_module(f"{rules.__name__}.{module.name}").RULE
            assert isinstance(rule, Rule)  # noqa: S101 - what a module of a rule holds
            yield rule


#: Findings that rest on those of others come behind them.
RULES: tuple[Rule, ...] = tuple(sorted(_found(), key=lambda rule: (rule.rank, rule.id)))
