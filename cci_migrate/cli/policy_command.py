"""``cci-migrate policy``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from cci_migrate.cli.command_errors import exit_code_of
from cci_migrate.cli.policies import Policies
from cci_migrate.cli.policy_options import PolicySource, policy_options
from cci_migrate.cli.terminal import Terminal, writing
from cci_migrate.enforcement.config_policy import NAME, config_policy
from cci_migrate.exit_codes import ExitCode
from cci_migrate.files.output_files import write_atomically


@click.group(name="policy")
def policy() -> None:
    """Export the policy for other tools."""


@policy.command(name="export")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--rego", is_flag=True, required=True, help="As a CircleCI config policy, in Rego")
@click.option(
    "--hard-fail", is_flag=True, help="Stop pipelines that violate it, instead of warning"
)
@click.option("--force", is_flag=True, help="Replace existing files")
@policy_options("credentials", "username", "password", "context")
@click.pass_context
def export(
    ctx: click.Context, folder: Path, rego: bool, hard_fail: bool, force: bool, policy: PolicySource
) -> None:
    """Write a CircleCI config policy that requires the policy's credentials.

    FOLDER gets registry_credentials.rego and the tests that `circleci policy test FOLDER` runs.
    """
    del rego
    terminal = Terminal()
    export_to = partial(_export, folder, policy, terminal, is_hard=hard_fail, replaces=force)
    ctx.exit(exit_code_of(export_to, terminal))


def _export(
    folder: Path, source: PolicySource, terminal: Terminal, *, is_hard: bool, replaces: bool
) -> ExitCode:
    exported = config_policy(Policies(source).for_folder(Path.cwd()), is_hard=is_hard)
    texts = {folder / f"{NAME}.rego": exported.rego, folder / f"{NAME}_test.yaml": exported.tests}
    for path in texts:
        if path.exists() and not replaces:
            terminal.error(f"{path}: exists already; replace it with --force")
            return ExitCode.USAGE
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            write_atomically(path, text.encode())
    for path in texts:
        terminal.say(f"Wrote {path}.")
    return ExitCode.DONE
