"""The manual page of a rule, in Markdown: for the terminal and for the documentation alike."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff

from cci_migrate.rules.rule import Rule, Unchanged


def rule_page(rule: Rule) -> str:
    """The page of ``rule``: its title, its manual, and its examples. Ends with a line end."""
    parts = [f"# {rule.id}", rule.manual.strip(), *_examples(rule)]
    return "\n\n".join(parts) + "\n"


def _examples(rule: Rule) -> Iterator[str]:
    if rule.examples:
        yield "## Examples"
    for example in rule.examples:
        yield f"### {example.title[:1].upper()}{example.title[1:]}"
        if isinstance(example, Unchanged):
            yield "Nothing is found here:"
            yield _block("yaml", example.text)
        elif example.after is None:
            yield "Found, and left as it is:"
            yield _block("yaml", example.before)
        else:
            yield _block("diff", _change(example.before, example.after))


def _change(before: str, after: str) -> str:
    """The whole of a config with the lines that go and that come."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    return "".join([*unified_diff(old, new, n=len(old))][3:])


def _block(language: str, text: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```"
