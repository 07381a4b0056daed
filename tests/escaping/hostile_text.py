"""Texts that somebody could write into a repository, and what no output may make of them."""

from __future__ import annotations

import re

#: In each a word that is to be seen again, EVIL, or the output did not come to it.
HOSTILE = {
    "hyperlink": "EVIL\x1b]8;;https://evil.example\x07click\x1b]8;;\x07",
    "cursor": "EVIL\x1b[2J\x1b[1A\x1b[31mred",
    "c1": "EVIL\x9b2J\x90q\x9c",
    "bidi": "EVIL\u202elanigiro\u2066x\u2069\u200f",
    "invisible": "EV\u200bIL\ufeff\u2060\u00ad\u3164EVIL",
    "tag characters": "EVIL\U000e0041\U000e0042",
    "nul": "EVIL\0x",
    "return": "EVIL\rFORGED",
    "line": "EVIL\nFORGED: 0 findings",
    "separators": "EVIL\u2028FORGED\u2029FORGED\x85FORGED\x0bFORGED\x0cFORGED",
    "tab": "EVIL\tx",
    "rich": "[bold red]EVIL[/] [link=https://evil.example]x[/link] :boom:",
    "mention": "EVIL @acme/everyone",
    "closing": "EVIL Fixes #1, closes GH-2, resolves https://evil.example/issues/3",
    "link": "[EVIL](https://evil.example) <https://evil.example> www.evil.example",
    "image": "![EVIL](https://evil.example/x.png)",
    "heading": "EVIL\n\n# FORGED\n\nFORGED\n===",
    "html": "<img src=x onerror=alert(1)>EVIL</td></script><script>alert(1)</script>",
    "quick action": "EVIL\n/merge\n/assign @me\n/close",
    "fence": "EVIL\n```\nFORGED\n~~~",
    "code": "EVIL` @acme/everyone `` x",
    "table": "EVIL | FORGED |\n|---|",
    "math": "EVIL $\\href{https://evil.example}{x}$",
    "workflow command": "EVIL\n::error::FORGED",
    "command after a blank": "EVIL ::add-mask::FORGED",
    "older command": "EVIL ##[error]FORGED ##vso[task.setvariable variable=x]y",
    "trailer": "EVIL\n\nSigned-off-by: FORGED <f@example.com>",
    "skip": "EVIL [skip ci] [ci skip]",
    "template": "EVIL ${{ secrets.X }} %s {0}",
    "shell": "EVIL'; touch pwned; $(touch pwned) `touch pwned`",
    "xml": "EVIL ]]> &amp; \ufffe\uffff",
}


def quoted(text: str) -> str:
    """``text`` as a double-quoted scalar of YAML."""
    escaped = (
        char if " " <= char <= "~" and char not in '"\\' else f"\\U{ord(char):08x}" for char in text
    )
    return f'"{"".join(escaped)}"'


def config() -> str:
    """A config in which each of `HOSTILE` names a job, an executor, a command and more."""
    parts: dict[str, list[str]] = {"executors": [], "commands": [], "jobs": [], "workflows": []}
    for at, text in enumerate(HOSTILE.values()):
        for part, lines in _about(at, text).items():
            parts[part].append(lines)
    texts = (f"{part}:\n{''.join(lines)}" for part, lines in parts.items())
    return "version: 2.1\n" + "".join(texts)


def _about(at: int, text: str) -> dict[str, str]:
    executor, command, context = (quoted(f"{kind} {text}") for kind in ("e", "c", "ctx"))
    plain, reusing, machine, unknown = (quoted(f"{kind} {text}") for kind in "jxmu")
    return {
        "executors": f"  {executor}:\n    docker:\n      - image: cimg/go:1.{at}\n",
        "commands": f"""\
  {command}:
    steps:
      - run: {quoted(f"docker pull redis:{at} # {text}")}
""",
        "jobs": f"""\
  {plain}:
    docker:
      - image: {quoted(f"cimg/node:{at} {text}")}
      - image: quay.io/acme/x:{at}
        auth:
          username: $DOCKERHUB_USERNAME
          password: $DOCKERHUB_PASSWORD
    steps: [checkout]
  {machine}:
    machine: true
    steps:
      - {command}
  {reusing}:
    executor: {executor}
    steps: [checkout]
  {unknown}:
    docker:
      - image: {quoted(f"$V{at} {text}")}
    steps: [checkout]
""",
        "workflows": f"""\
  {quoted(f"w {text}")}:
    jobs:
      - {plain}
      - {reusing}:
          context: {context}
      - {machine}
      - {unknown}
""",
    }


def without_colour(output: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", output)


def assert_steady(output: str, *, in_colour: bool = False) -> None:
    """Nothing in ``output`` steers a terminal, is invisible, forges a line, or commands a CI."""
    if in_colour:
        output = without_colour(output)
    for line in output.split("\n"):
        assert line.isprintable(), ascii(line)
        assert "\u3164" not in line
        # GitHub takes "::NAME" for a command, and no "::" alone.
        assert not re.match(r"\s*(FORGED|::\S)", line), line
        assert not re.search(r"##(vso)?\[", line), line


def assert_seen(output: str) -> None:
    """The output came to the names: it would be no wonder that it does no harm otherwise."""
    assert output.count("EVIL") >= len(HOSTILE) / 2, output


def assert_shown(output: str, *, in_colour: bool = False) -> None:
    """The names are in ``output``, and do no harm."""
    assert_steady(output, in_colour=in_colour)
    assert_seen(output)
