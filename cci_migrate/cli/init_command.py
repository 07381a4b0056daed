"""``cci-migrate init``."""

from __future__ import annotations

from pathlib import Path

import click

from cci_migrate.cli.command_errors import exit_code_of
from cci_migrate.cli.interactive_runs import screen_of
from cci_migrate.cli.options import Colour
from cci_migrate.cli.path_names import prefix_of
from cci_migrate.cli.shared_options import colour_option
from cci_migrate.cli.terminal import Terminal, writing
from cci_migrate.engine.config_files import configs_of
from cci_migrate.engine.outcomes import Failed
from cci_migrate.exit_codes import ExitCode
from cci_migrate.files.discovery import Repository, discover, read_config, root_of
from cci_migrate.interactive.policy_session import ask_for_policy
from cci_migrate.interactive.reviews import SessionConfig
from cci_migrate.policy.file import FILE_NAME, find_policy_file
from cci_migrate.policy.settings import Policy


@click.command(name="init")
@click.argument(
    "folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@colour_option
@click.pass_context
def init(ctx: click.Context, folder: Path, colour: Colour) -> None:
    """Ask a few questions, and write the answers to .cci-migrate.toml.

    Writes to the root of the repository that contains FOLDER (default: the current folder). The
    defaults are what the configs do already. Never replaces a policy file.
    """
    terminal = Terminal(colour)
    ctx.exit(exit_code_of(lambda: _init(folder, terminal), terminal))


def _init(folder: Path, terminal: Terminal) -> ExitCode:
    root = root_of(folder)
    policy_file = find_policy_file(root)
    if policy_file is not None and policy_file.parent == root:
        terminal.error(f"{policy_file}: the policy file exists already; edit it")
        return ExitCode.USAGE
    screen = screen_of(terminal)
    path, name = root / FILE_NAME, prefix_of(root) + FILE_NAME
    configs = [
        config for repository in discover([root]).repositories for config in _configs(repository)
    ]
    text = ask_for_policy(configs, screen, name)
    if text is None:
        terminal.say("Nothing was written.")
        return ExitCode.DONE
    with writing(path), path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)
    terminal.say(f"Wrote {name}.")
    return ExitCode.DONE


def _configs(repository: Repository) -> list[SessionConfig]:
    root = repository.root
    read = (read_config(root, config) for config in configs_of(repository.files))
    return [
        SessionConfig(prefix_of(root), files, Policy())
        for files in read
        if not isinstance(files, Failed)
    ]
