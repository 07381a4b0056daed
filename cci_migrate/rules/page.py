"""The manual page of a rule, in Markdown, for the terminal and the documentation."""

from __future__ import annotations

from typing_extensions import assert_never

from cci_migrate.rules.rule import Fixed, Reported, Rule, Unchanged


def rule_page(rule: Rule) -> str:
    """The page of ``rule``: its title, its manual and its examples, with a final newline."""
    examples = map(_example, rule.examples)
    return "\n\n".join([f"# {rule.id}", rule.manual.strip(), "## Examples", *examples]) + "\n"


def _example(example: Fixed | Reported | Unchanged) -> str:
    title = f"### {example.title[:1].upper()}{example.title[1:]}\n\n"
    match example:
        case Fixed():
            return f"{title}```diff\n{example.text.rstrip()}\n```"
        case Reported():
            return f"{title}Reported, not changed:\n\n```yaml\n{example.text.rstrip()}\n```"
        case Unchanged():
            return f"{title}No findings:\n\n```yaml\n{example.text.rstrip()}\n```"
        case _:
            assert_never(example)
