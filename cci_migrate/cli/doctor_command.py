"""``cci-migrate doctor``."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.campaign.repository_filter import RepositoryFilter
from cci_migrate.cli.batch_options import Running, note_readable_key, token_options
from cci_migrate.cli.batch_sessions import campaign_session
from cci_migrate.cli.circleci_connection import circleci_at
from cci_migrate.cli.circleci_options import (
    circleci_options,
    is_server,
    project_option,
    variable_names,
)
from cci_migrate.cli.command_errors import exit_code_of
from cci_migrate.cli.option_values import choice_of, is_on_command_line
from cci_migrate.cli.options import Colour, Format
from cci_migrate.cli.path_names import prefix_of
from cci_migrate.cli.policies import Policies
from cci_migrate.cli.policy_options import PolicySource, policy_options
from cci_migrate.cli.processing import View, tasks_of
from cci_migrate.cli.running import NothingFoundError, nothing_in
from cci_migrate.cli.shared_options import (
    campaign_option,
    colour_option,
    format_option,
    paths_argument,
)
from cci_migrate.cli.terminal import Terminal
from cci_migrate.docker.registries import normalise_host
from cci_migrate.engine.outcomes import Failed, Refused
from cci_migrate.error_kinds import UserError
from cci_migrate.escaping.terminal_text import printable
from cci_migrate.exit_codes import ExitCode
from cci_migrate.files.discovery import Discovery, Repository, discover, reader_of
from cci_migrate.forges.tokens import Tokens
from cci_migrate.policy.settings import PasswordAuth, Policy
from cci_migrate.preflight.campaign_repositories import campaign_repositories
from cci_migrate.preflight.circleci_cache import CircleCiCache
from cci_migrate.preflight.doctor.check_report import as_json, as_text
from cci_migrate.preflight.doctor.check_results import CheckResult, exit_code, not_asked
from cci_migrate.preflight.doctor.checked_repositories import CheckedRepository
from cci_migrate.preflight.doctor.fork_and_bot_checks import configured_bots
from cci_migrate.preflight.doctor.login_checks import check_logins
from cci_migrate.preflight.doctor.next_steps import NextSteps
from cci_migrate.preflight.doctor.repository_checks import check_repositories
from cci_migrate.preflight.login_consent import BUILT_IN_PAIRS, LoginConsent, Pair, pairs_of
from cci_migrate.preflight.project_remotes import project_in
from cci_migrate.preflight.requirements import (
    RegistryLogin,
    Requirements,
    repository_requirements,
    unreadable_config,
)
from cci_migrate.preflight.slugs import Organisation, Project
from cci_migrate.reports.terminal_page import Page
from cci_migrate.transport.host_errors import HostUnavailable, UnauthorizedError
from cci_migrate.transport.known_secrets import redact
from cci_migrate.wording import listed

_ARGUMENTS = "cci_migrate.doctor.arguments"
_HOST = re.compile(r"[A-Za-z0-9.\-]+(?::\d+)?")


class Only(Enum):
    """Which questions to ask."""

    CIRCLECI = "circleci"
    REGISTRIES = "registries"


class Doctor(Struct, frozen=True):
    """What the command line says."""

    paths: tuple[Path, ...]
    campaign: Path | None
    organisation: Organisation | None
    project: Project | None
    api_url: str
    policy: PolicySource
    only: Only | None
    roots: Mapping[str, str]
    trusted: tuple[str, ...]
    send: frozenset[Pair]
    report_format: Format
    tokens: Tokens
    steps: NextSteps


def _by_host(values: Iterable[str], example: str) -> Iterator[tuple[str, str]]:
    """The registries that ``values``, each ``HOST=...``, begin with, and what is said of each."""
    for value in values:
        host, equals, text = value.partition("=")
        if not equals or not _HOST.fullmatch(host):
            raise click.BadParameter(f"must be {example}")
        yield normalise_host(host), text


def _registry_roots(_ctx: Any, _param: Any, values: tuple[str, ...]) -> Mapping[str, str]:
    example = "HOST=URL, such as docker.io=https://hub.acme.io"
    roots = dict(_by_host(values, example))
    for url in map(urlsplit, roots.values()):
        if not url.hostname or url.username:
            raise click.BadParameter(f"must be {example}")
    return roots


def _pairs(_ctx: Any, _param: Any, values: tuple[str, ...]) -> frozenset[Pair]:
    example = "HOST=VARIABLES, such as docker.io=HUB_USERNAME,HUB_PASSWORD"
    return frozenset(
        (host, name)
        for host, names in _by_host(values, example)
        for name in variable_names(_ctx, _param, tuple(names.split(",")))
    )


class _DoctorCommand(click.Command):
    """Keeps the arguments as they are written: the next steps repeat them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep ``args``, and parse them."""
        ctx.meta[_ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, args)


def _without_options(arguments: Sequence[str], options: Sequence[str]) -> tuple[str, ...]:
    """``arguments`` without ``options`` and their values."""
    kept: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            kept += [word, *words]
        elif word in options:
            next(words, None)
        elif not word.startswith(tuple(f"{option}=" for option in options)):
            kept.append(word)
    return tuple(kept)


@click.command(
    name="doctor",
    cls=_DoctorCommand,
    epilog="Exit codes: 0 nothing to do; 1 something to do; 2 usage; 3 a check could not "
    "be made; 130 interrupted.",
)
@paths_argument
@circleci_options
@project_option
@campaign_option("campaign", "Check all repositories of a campaign, and each organisation once")
@token_options
@click.option("--only", **choice_of(Only), help="Check only CircleCI, or only the registries")
@click.option(
    "--registry",
    "roots",
    multiple=True,
    metavar="HOST=URL",
    callback=_registry_roots,
    help="URL of a registry, if not https://HOST",
)
@click.option(
    "--send",
    multiple=True,
    metavar="HOST=VARIABLES",
    callback=_pairs,
    help="Send these variables (A,B) to the registry HOST",
)
@click.option(
    "--token-host",
    "trusted",
    multiple=True,
    metavar="HOST",
    help="Send the password to a registry's token service at this host too",
)
@policy_options("credentials", "context")
@format_option(Format.TEXT, Format.JSON)
@colour_option
@click.pass_context
def doctor(ctx: click.Context, /, colour: Colour, **values: Any) -> None:
    """Check at CircleCI and the registries that the configs' contexts and logins work.

    At CircleCI it checks contexts, their variables and restrictions, and the builds of forks and
    bots, with the token in CIRCLE_TOKEN. At the registries it tries to log in: to Docker Hub with
    DOCKERHUB_USERNAME and DOCKERHUB_PASSWORD, elsewhere with the variables that --send or the file
    of --config names for the registry, or with what docker login stored. It changes nothing.
    """
    campaign, paths, project = values["campaign"], values["paths"], values["project"]
    if campaign is not None and (paths or project or values["policy"] != PolicySource()):
        raise click.UsageError(
            "--campaign can't be combined with paths, --project or policy options"
        )
    if campaign is None and is_on_command_line("app_id", "app_key", "token_command"):
        raise click.UsageError("--app-id, --app-key and --token-command require --campaign")
    terminal = Terminal(colour)
    steps = NextSteps(
        values["api_url"],
        _without_options(ctx.meta[_ARGUMENTS], ("--org", "--project", "--api-url")),
        None if campaign is not None else tuple(map(str, paths)),
    )
    organisation = values["organisation"] or (project and project.organisation)
    values |= {"paths": paths or (Path(),), "organisation": organisation}
    options = Doctor(**values, steps=steps)
    code = exit_code_of(lambda: _doctor(options, terminal), terminal, "nothing was changed")
    ctx.exit(code)


def _doctor(options: Doctor, terminal: Terminal) -> ExitCode:
    answers: list[CheckResult] = []
    with ExitStack() as stack:
        circleci = None
        if options.only is not Only.REGISTRIES:
            circleci = stack.enter_context(circleci_at(options.api_url))
        repositories, policies = _repositories(options, stack)
        if circleci is not None:
            try:
                cache = CircleCiCache(circleci)
                for answer in check_repositories(repositories, cache, options.steps):
                    answers.append(answer)
            except HostUnavailable as error:
                is_token = isinstance(error, UnauthorizedError)
                answers.append(
                    not_asked(
                        redact(str(error)),
                        "set CIRCLE_TOKEN to a personal API token "
                        "(https://app.circleci.com/settings/user/tokens)",
                        command="" if is_token else options.steps.repeat_with(),
                        subject="CircleCI",
                    )
                )
    if options.only is not Only.CIRCLECI:
        logins = [login for repository in repositories for login in repository.requirements.logins]
        hosts = {login.host for login in logins}
        for policy in policies:
            logins += (login for login in _policy_logins(policy) if login.host not in hosts)
        consent = _consent(options, policies)
        answers += check_logins(
            logins, repositories, consent, options.roots, options.trusted, options.steps
        )
    if options.report_format is Format.JSON:
        terminal.out(as_json(answers))
    else:
        width = terminal.width if sys.stdout is not None and sys.stdout.isatty() else None
        for part in as_text(answers, width, Page(in_colour=terminal.out_in_colour)):
            terminal.out(part)
    return exit_code(answers)


def _consent(options: Doctor, policies: Sequence[Policy]) -> LoginConsent:
    """What may be sent where: what the options name, and the policy file if an option names it.

    A policy file that is only found lies in the repository, and a campaign's policy in its ledger.
    """
    allowed = options.send | BUILT_IN_PAIRS
    if options.policy.file is not None:
        for policy in policies:
            for login in _policy_logins(policy):
                allowed |= pairs_of(login.host, login.credential)
    is_asked = sys.stdin is not None and sys.stdin.isatty() and options.report_format is Format.TEXT
    return LoginConsent(allowed, _may_be_sent if is_asked else None)


def _may_be_sent(host: str, variables: tuple[str, ...]) -> bool:
    names = listed([f"${name}" for name in variables])
    return click.confirm(printable(f"Send {names} to {host}?"), default=False, err=True)


def _repositories(
    options: Doctor, stack: ExitStack
) -> tuple[list[CheckedRepository], tuple[Policy, ...]]:
    """What is to be checked, and the policies that hold for it."""
    if options.campaign is not None:
        return _of_campaign(options, options.campaign, stack)
    discovery = discover(options.paths)
    if not discovery.repositories:
        raise NothingFoundError(nothing_in(options.paths))
    if options.project is not None and len(discovery.repositories) > 1:
        raise UserError("--project names one project, but the paths are in several repositories")
    policies = Policies(options.policy)
    used: dict[Policy, None] = {}

    def policy_for(folder: Path) -> Policy:
        policy = policies.for_folder(folder)
        used[policy] = None
        return policy

    checked = []
    for repository in discovery.repositories:
        checked_repository = _checked(repository, options, discovery)
        problems = [
            problem.outcome
            for problem in discovery.problems
            if problem.root == repository.root and isinstance(problem.outcome, Failed | Refused)
        ]
        requirements = _requirements(policies.included(repository), policy_for, problems)
        checked.append(replace(checked_repository, requirements=requirements))
    return checked, tuple(used)


def _of_campaign(
    options: Doctor, folder: Path, stack: ExitStack
) -> tuple[list[CheckedRepository], tuple[Policy, ...]]:
    note_readable_key(options.tokens)
    running = Running(verbose=False, log_format="text", tokens=options.tokens)
    session = stack.enter_context(
        campaign_session(folder, RepositoryFilter(), running, only_reads=True)
    )
    checked = list(
        campaign_repositories(session, options.organisation, on_server=is_server(options.api_url))
    )
    if not checked:
        raise NothingFoundError(f"{folder}: this campaign has no repository with a config")
    return checked, (session.campaign.policy,)


def _checked(repository: Repository, options: Doctor, discovery: Discovery) -> CheckedRepository:
    remote = project_in(repository.root, on_server=is_server(options.api_url))
    project = options.project or remote
    if (
        options.organisation is not None
        and options.project is None
        and project is not None
        and project.organisation != options.organisation
    ):
        # As CircleCI names the organisation, its projects may have other names too.
        is_opaque = options.organisation.provider == "circleci"
        project = None if is_opaque else replace(project, organisation=options.organisation)
    organisation = options.organisation or (None if project is None else project.organisation)
    several = len(discovery.repositories) > 1
    if organisation is None and options.only is not Only.REGISTRIES and not several:
        raise UserError(
            f"{repository.root}: can't determine the organisation and project at CircleCI from the "
            "git remote origin; name them: --org gh/ORG --project gh/ORG/NAME, or --org "
            "circleci/ORG-ID --project circleci/ORG-ID/PROJECT-ID (Organization and Project "
            "Settings show the ids)"
        )
    label = (prefix_of(repository.root).rstrip("/") or ".") if several else ""
    bots = configured_bots(reader_of(repository.root))
    return CheckedRepository(label, organisation, project, Requirements(), bots, remote)


def _requirements(
    repository: Repository,
    policy_for: Callable[[Path], Policy],
    problems: Sequence[Failed | Refused],
) -> Requirements:
    configs = []
    unreadable = [unreadable_config(problem) for problem in problems]
    for task in tasks_of(repository, policy_for, View()):
        files = task.read()
        if isinstance(files, Failed):
            unreadable.append(unreadable_config(files))
        else:
            configs.append((files, task.policy))
    requirements = repository_requirements(configs)
    return replace(requirements, unreadable=(*unreadable, *requirements.unreadable))


def _policy_logins(policy: Policy) -> Iterator[RegistryLogin]:
    for registry in policy.registries:
        if isinstance(registry.credential, PasswordAuth) and "*" not in registry.host:
            yield RegistryLogin(normalise_host(registry.host), registry.credential)
