"""The manual page of a rule, in Markdown, for the terminal and the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff

from cci_migrate.rules.rule import Rule, Unchanged


def rule_page(rule: Rule) -> str:
    """The page of ``rule``: its title, its manual and its examples, with a final newline."""
    parts = [f"# {rule.id}", rule.manual.strip(), *_examples(rule)]
    return "\n\n".join(parts) + "\n"


def _examples(rule: Rule) -> Iterator[str]:
    if rule.examples:
        yield "## Examples"
    for example in rule.examples:
        yield f"### {example.title[:1].upper()}{example.title[1:]}"
        if isinstance(example, Unchanged):
            yield "No findings:"
            yield _block("yaml", example.text)
        elif example.after is None:
            yield "Reported, not changed:"
            yield _block("yaml", example.before)
        else:
            yield _block("diff", _change(example.before, example.after))


def _change(before: str, after: str) -> str:
    """A diff of two configs that shows every line."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    return "".join([*unified_diff(old, new, n=len(old))][3:])


def _block(language: str, text: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```"
