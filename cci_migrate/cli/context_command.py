"""``cci-migrate context``."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import click
from msgspec import Struct

from cci_migrate.campaign.folder import open_read_only
from cci_migrate.cli.circleci_connection import circleci_at
from cci_migrate.cli.circleci_options import circleci_options, is_server, variable_names
from cci_migrate.cli.command_errors import exit_code_of
from cci_migrate.cli.policies import Policies
from cci_migrate.cli.policy_options import PolicySource, policy_options
from cci_migrate.cli.shared_options import campaign_option
from cci_migrate.cli.terminal import Terminal
from cci_migrate.error_kinds import UserError
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.exit_codes import ExitCode
from cci_migrate.files.discovery import root_of
from cci_migrate.forges.repository import Kind
from cci_migrate.policy.name_syntax import is_context_name
from cci_migrate.policy.settings import Policy
from cci_migrate.preflight.campaign_repositories import repositories_in
from cci_migrate.preflight.circleci_api import CircleCi
from cci_migrate.preflight.circleci_cache import FAILURES, failed_query
from cci_migrate.preflight.context_creation import (
    ContextPlan,
    apply_plan,
    default_context,
    plan_context,
    variables_for_context,
)
from cci_migrate.preflight.project_remotes import project_in, project_of
from cci_migrate.preflight.protected_variables import service_behind
from cci_migrate.preflight.slugs import Organisation
from cci_migrate.transport.known_secrets import Secret, redact, remember
from cci_migrate.wording import listed

#: The longest value that CircleCI takes (https://circleci.com/docs/guides/security/contexts/).
_LONGEST = 32 * 1024


@click.group(name="context")
def context() -> None:
    """Create contexts at CircleCI."""


@context.command(
    epilog="Exit codes: 0 the context has all its variables; 1 declined; 2 usage; 3 CircleCI "
    "failed or gave no answer; 130 interrupted."
)
@click.argument("name", required=False)
@circleci_options
@click.option(
    "--variable",
    "variables",
    multiple=True,
    metavar="NAME",
    callback=variable_names,
    help="Variable to store (default: those the policy keeps in the context)",
)
@click.option(
    "--from-env", is_flag=True, help="Take the values from environment variables of the same names"
)
@click.option("--overwrite", is_flag=True, help="Replace existing values")
@click.option("-y", "--yes", is_flag=True, help="Don't ask for confirmation")
@campaign_option("campaign", "Create it in every organisation of a campaign, by its policy")
@policy_options()
def create(
    name: str | None,
    organisation: Organisation | None,
    api_url: str,
    variables: tuple[str, ...],
    from_env: bool,
    overwrite: bool,
    yes: bool,
    campaign: Path | None,
    policy: PolicySource,
) -> None:
    """Create the context NAME (default: the policy's), and store its variables.

    Prompts for the values without showing them. If the context exists, it stores only the missing
    variables. Requires a token in CIRCLE_TOKEN.
    """
    terminal = Terminal()

    def created() -> ExitCode:
        known_policy = _policy(campaign, policy)
        context_name, required = _required_variables(name, variables, known_policy)
        is_users_own = campaign is None and policy.file is not None
        unnamed = () if is_users_own else _named_by_others(name, variables, context_name, required)
        organisations, by_checkouts = _organisations(organisation, campaign, api_url)
        environment = None
        if from_env:
            chosen = frozenset(variables)
            environment = _FromEnvironment(chosen, frozenset(unnamed), by_checkouts)
        with circleci_at(api_url) as circleci:
            return _create(
                circleci,
                organisations,
                context_name,
                required,
                terminal,
                environment,
                overwrite=overwrite,
                yes=yes,
            )

    sys.exit(exit_code_of(created, terminal, "run the same command again to continue"))


def _required_variables(
    name: str | None, variables: tuple[str, ...], policy: Policy
) -> tuple[str, tuple[str, ...]]:
    name = name or default_context(policy)
    if not is_context_name(name):
        raise UserError("CircleCI does not allow this name for a context")
    required = variables or variables_for_context(name, policy)
    if not required:
        raise UserError(
            f"the policy has no variables for context {name}; name them with --variable"
        )
    return name, required


def _policy(campaign: Path | None, source: PolicySource) -> Policy:
    if campaign is not None:
        with open_read_only(campaign) as opened:
            return opened.policy
    return Policies(source).for_folder(Path.cwd())


def _organisations(
    named: Organisation | None, campaign: Path | None, root: str
) -> tuple[list[Organisation], frozenset[Organisation]]:
    """The organisations, and those of them that only the ``.git`` of a checkout names."""
    if named is not None:
        return [named], frozenset()
    if campaign is None:
        project = project_in(root_of(Path.cwd()), on_server=is_server(root))
        if project is None:
            raise UserError(
                "can't determine the organisation at CircleCI from the git remote origin; name it: "
                "--org gh/ORG or --org circleci/ORG-ID"
            )
        return [project.organisation], frozenset({project.organisation})
    by_name: set[Organisation] = set()
    by_checkouts: set[Organisation] = set()
    with open_read_only(campaign) as opened:
        for ref in (entry.ref for entry in repositories_in(opened)):
            project = project_of(ref, on_server=is_server(root))
            if project is not None:
                (by_checkouts if ref.kind is Kind.LOCAL else by_name).add(project.organisation)
    organisations = sorted(by_name | by_checkouts)
    if not organisations:
        raise UserError(
            f"{campaign}: can't determine the organisation of its repositories; name it with --org"
        )
    return organisations, frozenset(by_checkouts - by_name)


def _create(
    circleci: CircleCi,
    organisations: Sequence[Organisation],
    name: str,
    required: Sequence[str],
    terminal: Terminal,
    environment: _FromEnvironment | None,
    *,
    overwrite: bool,
    yes: bool,
) -> ExitCode:
    plans: list[ContextPlan] = []
    has_failed = False

    def failed(organisation: Organisation, error: Exception) -> None:
        nonlocal has_failed
        has_failed = True
        terminal.error(redact(f"{organisation.slug}: {failed_query(error).why}"))

    for organisation in organisations:
        try:
            plans.append(plan_context(circleci, organisation, name, required, overwrite=overwrite))
        except FAILURES as error:
            failed(organisation, error)
    for plan in plans:
        terminal.say(plan.text)
        if plan.warning:
            terminal.note(plan.warning, "warning")
    needed = [plan for plan in plans if plan.is_needed]
    if not needed:
        return ExitCode.FAILED if has_failed else ExitCode.DONE
    stores = dict.fromkeys(store for plan in needed for store in plan.stores)
    values = {} if environment is None else environment.values(stores)
    if environment is not None and yes:
        environment.check_all_named(stores, [plan.organisation for plan in needed])
    if not yes or (stores and environment is None):
        _check_terminal(asks_values=environment is None and bool(stores))
    if not yes and not (
        click.confirm("Continue?", default=False, err=True)
        and (environment is None or environment.confirms(stores))
    ):
        terminal.say("Nothing was changed.")
        return ExitCode.LEFT
    if environment is None:
        values = {store: _ask_for_value(store) for store in stores}
    for plan in needed:
        try:
            apply_plan(circleci, plan, values)
            terminal.say(plan.success_text)
        except FAILURES as error:
            failed(plan.organisation, error)
    return ExitCode.FAILED if has_failed else ExitCode.DONE


def _named_by_others(
    name: str | None, variables: Collection[str], context: str, required: Collection[str]
) -> Collection[str]:
    """Those of ``required`` that neither the options nor the built-in policy name for ``context``.

    ``name`` and ``variables`` are the options. The policy was found in the repository, or recorded
    by a campaign: whoever wrote it may have named any variable of the environment, and any context
    for it.
    """
    built_in = Policy()
    if name is None and context != default_context(built_in):
        return required
    own = variables_for_context(default_context(built_in), built_in)
    return () if variables else [variable for variable in required if variable not in own]


class _FromEnvironment(Struct, frozen=True):
    """Takes values from the environment.

    ``chosen`` are the variables that the options name; ``unnamed`` those that only a policy names
    which is not the user's own choice; ``by_checkouts`` the organisations that only the ``.git`` of
    a checkout names.
    """

    chosen: frozenset[str]
    unnamed: frozenset[str]
    by_checkouts: frozenset[Organisation]

    def values(self, names: Iterable[str]) -> dict[str, Secret]:
        """The value of each variable. Raises UserError."""
        for name in names:
            kind = None if name in self.chosen else service_behind(name)
            if kind is not None:
                raise UserError(
                    f"{name}: looks like a credential of {kind}, and only a policy names it; to "
                    f"store it anyway, use --variable {name}"
                )
        missing = [name for name in names if not os.environ.get(name)]
        if missing:
            raise UserError(f"{listed(missing)}: not set in the environment, or empty")
        values = {name: remember(os.environ[name]) for name in names}
        for name, value in values.items():
            problem = _problem_of(value)
            if problem:
                raise UserError(f"{name}: its value {problem}")
        return values

    def check_all_named(self, names: Iterable[str], organisations: Iterable[Organisation]) -> None:
        """Raise UserError where somebody would have to be asked."""
        names = list(names)
        unsure = [
            organisation.slug for organisation in organisations if organisation in self.by_checkouts
        ]
        if names and unsure:
            raise UserError(
                f"--yes does not send values to {listed(unsure)}, which only the git remote origin "
                f"names; confirm it with --org {unsure[0]}"
            )
        unnamed = [name for name in names if name in self.unnamed]
        if unnamed:
            raise UserError(
                f"--yes does not send {listed(unnamed)}, because only the repository's policy file "
                "or the campaign's policy names the context or the variables; name both (context "
                "create NAME --variable VARIABLE), or name the policy file with --config"
            )

    def confirms(self, names: Iterable[str]) -> bool:
        """Whether the user says yes to each variable that only a policy names."""
        return all(
            click.confirm(
                printable(f"Store the value of ${name} from here?"), default=False, err=True
            )
            for name in names
            if name in self.unnamed
        )


def _problem_of(value: str) -> str:
    """Why CircleCI would not take ``value``; empty if it would."""
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return "is not UTF-8 text"
    if not size:
        return "is empty"
    return "is longer than 32 kB, CircleCI's limit" if size > _LONGEST else ""


def _check_terminal(*, asks_values: bool) -> None:
    if sys.stdin is not None and sys.stdin.isatty():
        return
    options = "--from-env and --yes" if asks_values else "--yes"
    raise UserError(f"can't prompt, because standard input is not a terminal; use {options}")


def _ask_for_value(name: str) -> Secret:
    while True:
        value = str(
            click.prompt(
                printable(f"{name} (not shown)"),
                hide_input=True,
                default="",
                show_default=False,
                err=True,
            )
        )
        problem = _problem_of(value)
        if not problem:
            return remember(value)
        click.echo(printable(f"The value {problem}."), err=True)
