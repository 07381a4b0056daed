"""Writes the generated parts of README.md, docs/ and mkdocs.yml: ``python -m tools.write_docs``.

Some pages are generated as a whole. In others the generated part stands between
``<!-- NAME: written by `make docs` -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path

import click
from typing_extensions import assert_never

from cci_migrate.cli.main_command import main_command
from cci_migrate.cli.schema_command import SCHEMA_NAMES
from cci_migrate.engine.config_files import ConfigFiles
from cci_migrate.engine.examination import examine
from cci_migrate.engine.outcomes import Examined
from cci_migrate.engine.proposing import propose
from cci_migrate.lossless.source import SourceText
from cci_migrate.lossless.unified_diff import hunks, unified_diff
from cci_migrate.policy.file import file_settings
from cci_migrate.policy.setting_kinds import (
    EnumValue,
    Flag,
    Setting,
    Tables,
    TextList,
    TextValue,
    settings_of,
)
from cci_migrate.policy.settings import JobCredential, Policy, RegistryPolicy
from cci_migrate.project import schema_address
from cci_migrate.rules.catalogue import RULES
from cci_migrate.rules.page import rule_page
from tools.policy_schema import credential_forms, policy_schema, property_schema
from tools.shared_data import ROOT

SCHEMAS = ROOT / "cci_migrate" / "schemas"

EXAMPLE = """\
jobs:
  test:
    docker:
      - image: cimg/node:22.4   # keep in step with .nvmrc
        environment: {CI: "1"}
      - image: acme/database:3
        auth: {username: acme, password: $HUB_TOKEN}
  lint:
    docker: [{image: 'redis:7'}]

workflows:
  main:
    jobs:
      - test:
          context: registries
      - lint   # quick
"""

#: How wide the report is in the documentation.
_COLUMNS = 80

_PART = re.compile(
    r"(?P<start><!-- (?P<name>[\w ]+): written by `make docs` -->\n)"
    r".*?(?P<end>(?: *# )?<!-- end -->)",
    re.DOTALL,
)


def before_and_after() -> str:
    """What the tool makes of a small config."""
    head = "version: 2.1\n"
    outcome = propose(examine(ConfigFiles({"config.yml": (head + EXAMPLE).encode()}), Policy()))
    if not isinstance(outcome, Examined) or outcome.change is None:
        raise SystemExit(f"the example is not fixed: {outcome}")
    file = outcome.change.files[0]
    source = SourceText.decode(file.path, file.before)
    diff = unified_diff("config.yml", hunks(source, file.edits, context=100)).decode()
    lines = [line for line in diff.splitlines()[4:] if line != " version: 2.1"]
    return "```diff\n" + "\n".join(line.rstrip() for line in lines) + "\n```\n"


def report() -> str:
    """What the tool reports of the example repository."""
    with tempfile.TemporaryDirectory() as folder:
        shop = Path(folder) / "shop"
        shutil.copytree(ROOT / "examples" / "shop", shop)
        (shop / ".git").mkdir()
        done = subprocess.run(
            [sys.executable, "-m", "cci_migrate", "--check", "--color", "never"],
            cwd=shop,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": str(_COLUMNS)},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 1:
        raise SystemExit(f"the example is not reported: {done.stderr}")
    return f"```text\n$ cci-migrate --check\n{done.stdout.rstrip()}\n```\n"


def rules() -> str:
    """The table of all rules."""
    rows = [f"| `{rule.id}` | {rule.summary} |" for rule in RULES]
    return "\n".join(["| rule | finds |", "|---|---|", *rows]) + "\n"


def policy_keys() -> str:
    """The keys of a policy file, from the settings."""
    rows = ["| key | value | default | |", "|---|---|---|---|"]
    for setting in file_settings():
        default = property_schema(setting).get("default")
        shown = "" if default is None else f"`{json.dumps(default)}`"
        rows.append(f"| `{setting.key}` | {_kind(setting)} | {shown} | {setting.description} |")
    rows += ["", 'Under `[registries."HOST"]`, one of these, each with `context` or without:', ""]
    rows += ["| keys | |", "|---|---|"]
    rows += [f"| {_keys(settings)} | {title} |" for title, settings in credential_forms().items()]
    rows += ["", "| key | value |", "|---|---|"]
    declared = chain(
        settings_of(RegistryPolicy), settings_of(JobCredential), *credential_forms().values()
    )
    by_description: dict[str, dict[str, Setting]] = {}
    for setting in declared:
        by_description.setdefault(setting.description, {})[setting.key] = setting
    rows += [f"| {_keys(keys.values())} | {text} |" for text, keys in by_description.items()]
    return "\n".join(rows) + "\n"


def _keys(settings: Iterable[Setting]) -> str:
    return ", ".join(f"`{setting.key}`" for setting in settings)


def _kind(setting: Setting) -> str:
    values = setting.values
    match values:
        case EnumValue():
            return " or ".join(f'`"{value}"`' for value in values.values)
        case Flag():
            return "`true` or `false`"
        case TextValue():
            return "string"
        case TextList():
            return "list of strings"
        case Tables():
            return "tables"
        case _:
            assert_never(values)


def json_keys() -> str:
    """The keys of the JSON report, from its schema."""
    schema = json.loads((SCHEMAS / "report.schema.json").read_text())
    rows = ["| key | |", "|---|---|"]
    for key, value in schema["properties"].items():
        rows.append(f"| `{key}` | {value['description']} |")
    for key, value in schema["$defs"]["summary"]["properties"].items():
        rows.append(f"| `summary.{key}` | {value['description']} |")
    for form in schema["$defs"]["config"]["oneOf"]:
        state = form["properties"]["state"]["const"]
        keys = ", ".join(f"`{key}`" for key in form["required"])
        rows.append(f"| `configs[]` with `state` `{state}` | {keys} |")
    keys = ", ".join(f"`{key}`" for key in schema["$defs"]["finding"]["required"])
    rows.append(f"| `findings[]` | {keys} |")
    return "\n".join(rows) + "\n"


def rule_pages() -> str:
    """The rules in the site's navigation."""
    return "".join(f"      - rules/{rule.id}.md\n" for rule in RULES)


def modules() -> str:
    """The modules of the package by their rooms, each with the first sentence of its docstring."""
    package = ROOT / "cci_migrate"
    by_room: dict[str, list[str]] = {}
    for path in sorted(package.rglob("*.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        first = " ".join(docstring.partition("\n\n")[0].split()).replace("``", "`")
        inside = path.relative_to(package).with_suffix("")
        room, name = inside.parent.as_posix(), inside.name
        if name == "__init__":
            by_room.setdefault(room, [])
            if first:
                by_room[room].insert(0, f"{first}\n")
        else:
            by_room.setdefault(room, []).append(f"- `{name}`: {first}")
    shown = (
        f"### {f'`{room}/`' if room != '.' else 'On their own'}\n\n" + "\n".join(lines)
        for room, lines in by_room.items()
        if lines
    )
    return "\n\n".join(shown) + "\n"


PARTS: dict[str, Callable[[], str]] = {
    "modules": modules,
    "before and after": before_and_after,
    "report": report,
    "rules": rules,
    "keys": policy_keys,
    "json": json_keys,
    "rule pages": rule_pages,
}
#: Pages with generated parts.
PAGES = (
    "README.md",
    "docs/architecture.md",
    "docs/index.md",
    "docs/policy.md",
    "docs/output-formats.md",
    "mkdocs.yml",
)


def rules_index() -> str:
    """The page that lists the rules."""
    rows = [f"| [`{rule.id}`]({rule.id}.md) | {rule.summary} |" for rule in RULES]
    table = "\n".join(["| rule | finds |", "|---|---|", *rows])
    return (
        "# Rules\n\n"
        "`--select` and `--ignore` choose among them, `cci-migrate rule NAME` shows a page in the\n"
        "terminal. The examples are tests of the tool.\n\n" + table + "\n"
    )


def commands() -> str:
    """The page with every command and its options."""
    parts = ["# Commands", "What `--help` says of each."]
    found = _commands(("cci-migrate",), main_command, ["--help"])
    for words, command, names in sorted(found, key=lambda entry: entry[0]):
        context = click.Context(
            command, info_name=" ".join(words), terminal_width=96, help_option_names=names
        )
        shown = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
        parts += [f"## {' '.join(words)}", f"```text\n{shown}\n```"]
    return "\n\n".join(parts) + "\n"


def _commands(
    words: tuple[str, ...], command: click.Command, help_names: list[str]
) -> Iterator[tuple[tuple[str, ...], click.Command, list[str]]]:
    """Each command with the names of its help option, which commands within inherit."""
    names = command.context_settings.get("help_option_names", help_names)
    yield words, command, names
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _commands((*words, name), inner, names)


def schema_text(name: str) -> str:
    """The text of the schema ``name``, with its address as ``$id`` if it has one."""
    path = SCHEMAS / f"{name}.schema.json"
    text = f"{json.dumps(policy_schema(), indent=2)}\n" if name == "policy" else path.read_text()
    bracket, dialect, *rest = re.sub(r'(?m)^  "\$id": .*\n', "", text).splitlines(keepends=True)
    address = schema_address(name)
    identity = f'  "$id": {json.dumps(address)},\n' if address else ""
    return "".join((bracket, dialect, identity, *rest))


#: Pages that are generated as a whole.
GENERATED: dict[str, Callable[[], str]] = {
    "docs/rules/index.md": rules_index,
    "docs/commands.md": commands,
    **{
        f"cci_migrate/schemas/{name}.schema.json": partial(schema_text, name)
        for name in SCHEMA_NAMES
    },
    **{f"docs/rules/{rule.id}.md": partial(rule_page, rule) for rule in RULES},
}


def current(page: str) -> str:
    """The text of ``page`` with its generated parts as they should be."""

    def written(match: re.Match[str]) -> str:
        return match["start"] + "\n" + PARTS[match["name"]]() + "\n" + match["end"]

    return _PART.sub(written, (ROOT / page).read_text())


def main() -> None:
    """Write all pages."""
    for page, make in GENERATED.items():
        (ROOT / page).parent.mkdir(exist_ok=True)
        (ROOT / page).write_text(make())
        print(page)
    for page in PAGES:
        (ROOT / page).write_text(current(page))
        print(page)


if __name__ == "__main__":
    main()
