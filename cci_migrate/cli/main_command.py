"""The main command and its options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cci_migrate import __version__
from cci_migrate.cli.combinations import STDIN, refuse_combinations
from cci_migrate.cli.command_errors import exit_code_of
from cci_migrate.cli.compiler_options import compiler_options
from cci_migrate.cli.option_completion import paths_or_subcommands
from cci_migrate.cli.option_values import EXISTING_FILE, NEW_FILE
from cci_migrate.cli.options import Format, Options
from cci_migrate.cli.policy_options import every_policy_option
from cci_migrate.cli.shared_options import (
    colour_option,
    dry_run_option,
    format_option,
    limit_options,
)
from cci_migrate.cli.subcommands import CommandWithSubcommands, Subcommand
from cci_migrate.cli.terminal import Terminal
from cci_migrate.reports.report import Mode

#: A shell that asks for completions sets it; click derives it from the program's name.
COMPLETION_VARIABLE = "_CCI_MIGRATE_COMPLETE"

SUBCOMMANDS = {
    "explain": Subcommand(
        "cci_migrate.cli.explain_command", "Show each pull and what gives it access."
    ),
    "rules": Subcommand("cci_migrate.cli.rules_commands", "List the rules."),
    "rule": Subcommand("cci_migrate.cli.rules_commands", "Show the page of a rule."),
    "policy": Subcommand("cci_migrate.cli.policy_command", "Export the policy."),
    "schema": Subcommand(
        "cci_migrate.cli.schema_command", "Print the schema of a policy, report or baseline."
    ),
    "lsp": Subcommand("cci_migrate.cli.lsp_command", "Run the language server, for editors."),
    "completion": Subcommand(
        "cci_migrate.cli.completion_command", "Print the completion script for your shell."
    ),
    "init": Subcommand("cci_migrate.cli.init_command", "Write a policy file from a few questions."),
    "doctor": Subcommand(
        "cci_migrate.cli.doctor_command", "Check contexts at CircleCI and logins at the registries."
    ),
    "verify": Subcommand(
        "cci_migrate.cli.verify_command", "Have CircleCI compile the configs before and after."
    ),
    "context": Subcommand("cci_migrate.cli.context_command", "Create a context at CircleCI."),
    "batch": Subcommand("cci_migrate.cli.batch", "Make the same change across many repositories."),
}


@click.command(
    cls=CommandWithSubcommands,
    subcommands=SUBCOMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 nothing is left to do; 1 something is left; 2 usage or policy error; "
    "3 a file could not be processed; 130 interrupted.",
)
@click.argument(
    "paths",
    nargs=-1,
    metavar="[PATH]...",
    type=click.Path(path_type=str),
    shell_complete=paths_or_subcommands,
)
@dry_run_option("Print the diff, write nothing")
@click.option("--check", is_flag=True, help="Report, write nothing")
@click.option("-i", "--interactive", is_flag=True, help="Decide on each fix at the terminal")
@click.option(
    "--save-answers",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With -i: save the answers to a file",
)
@click.option("--answers", **EXISTING_FILE, help="Repeat the answers of an earlier session")
@every_policy_option
@format_option(*Format)
@click.option("--output", **NEW_FILE, help="Write the report to FILE")
@click.option("--baseline", **EXISTING_FILE, help="Ignore the findings in this baseline")
@click.option(
    "--write-baseline",
    **NEW_FILE,
    help="Write a baseline of all fixable findings; change no config",
)
@click.option("--no-ignores", is_flag=True, help="Disregard ignore comments and the baseline")
@compiler_options(
    verify="Make only changes that CircleCI's compiler confirms",
    compile_="Also find and fix pulls in orbs that CircleCI's compiler shows",
)
@click.option(
    "--show-source/--no-show-source", default=True, help="Show the lines of findings (default: on)"
)
@click.option("--statistics", is_flag=True, help="Count findings instead of showing them")
@click.option("-q", "--quiet", is_flag=True, help="Show only errors and the totals")
@click.option(
    "-v", "--verbose", is_flag=True, help="Show every place and every file, clean ones too"
)
@colour_option
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of processes (default: all processors, for many files)",
)
@limit_options
@click.option("--show-secrets", is_flag=True, help="Show diffs that contain a secret")
@click.option(
    "--stdin-filename", metavar="NAME", help="File name to report for the config read from -"
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def main_command(ctx: click.Context, /, **values: Any) -> None:
    """Authenticate the Docker registry pulls of CircleCI configs, and change nothing else.

    PATH is a file, a folder to search, or - for standard input to standard output. Without PATH
    it searches the current folder. The first argument may also be a subcommand.
    """
    options = _options(values)
    from cci_migrate.cli.running import WrittenFiles, run  # the engine, which --help needs not

    terminal, written = Terminal(options.colour), WrittenFiles()
    ctx.exit(exit_code_of(lambda: run(options, terminal, written), terminal, written.effects))


def _options(values: dict[str, Any]) -> Options:
    """The options as one value. Raises UsageError for those that do not go together."""
    names: tuple[str, ...] = values["paths"]
    reads_stdin = STDIN in names
    refuse_combinations(values)
    mode = Mode.WRITE
    if values["check"] or values["write_baseline"] is not None:
        mode = Mode.CHECK
    elif values["dry_run"]:
        mode = Mode.DRY_RUN
    given = {name: value for name, value in values.items() if name in Options.__struct_fields__}
    given |= {
        "paths": () if reads_stdin else _paths(names or (".",)),
        "mode": mode,
        "format": values["report_format"],
        "verbosity": values["verbose"] - values["quiet"],
        "reads_stdin": reads_stdin,
        "stdin_name": values["stdin_filename"],
        "applies_ignores": not values["no_ignores"],
    }
    return Options(**given)


def _paths(names: tuple[str, ...]) -> tuple[Path, ...]:
    paths = tuple(Path(name) for name in names)
    for path in paths:
        try:
            path.lstat()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "no such path"
            raise click.UsageError(f"{str(path)!r}: {reason}") from None
    return paths
