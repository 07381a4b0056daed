"""``cci-migrate lsp``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from cci_migrate.cli.policies import Policies
from cci_migrate.cli.policy_options import PolicySource, policy_options
from cci_migrate.cli.processing import Task
from cci_migrate.engine.config_files import ConfigPaths
from cci_migrate.policy.settings import Policy


@click.command(name="lsp")
@policy_options()
@click.pass_context
def lsp(ctx: click.Context, policy: PolicySource) -> None:
    """Run the language server, for editors.

    Speaks the Language Server Protocol on standard input and output, and writes no files.
    Requires the extra cci-migrate[lsp].
    """
    try:
        from cci_migrate.editor.server import language_server
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in ("pygls", "lsprotocol"):
            raise
        problem = "the language server requires pygls; install cci-migrate[lsp]"
        raise click.UsageError(problem) from None

    server = language_server(lambda: partial(_policy_for, Policies(policy)))
    server.start_io()
    # pygls drops the code of its own exit:
    # https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/#exit
    ctx.exit(0 if server.was_shut_down else 1)


def _policy_for(policies: Policies, root: Path, paths: tuple[str, ...]) -> Policy | None:
    if all(policies.excludes(root, path) for path in paths):
        return None
    policy = policies.for_folder((root / paths[0]).parent)
    return policies.with_baseline(Task(root, ConfigPaths(paths), policy)).policy
