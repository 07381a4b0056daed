"""The connection to CircleCI's compiler: its own program, or its API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec.structs import replace

from cci_migrate.cli.circleci_connection import opened_api, token_in
from cci_migrate.cli.circleci_options import is_server
from cci_migrate.cli.compiler_options import CompilerOptions
from cci_migrate.forges.repository import RepositoryRef
from cci_migrate.preflight.circleci_program import installed_program
from cci_migrate.preflight.circleci_tokens import COMPILER_VARIABLES
from cci_migrate.preflight.compile_api import CompileApi
from cci_migrate.preflight.compiler import Compiler
from cci_migrate.preflight.project_remotes import project_in, project_of
from cci_migrate.preflight.slugs import Organisation, Project
from cci_migrate.transport.known_secrets import remember
from cci_migrate.transport.pace import Clock, Lane
from cci_migrate.verification.compilation import Compilation


class CompilerSession:
    """CircleCI's compiler, for the configs of several repositories."""

    def __init__(self, compiler: Compiler, options: CompilerOptions) -> None:
        self._compiler = compiler
        self._options = options
        self._organisations: dict[Path | RepositoryRef, Organisation | None] = {}
        self.sends_secrets = options.sends_secrets

    def compile_for(self, repository: Path | RepositoryRef) -> Callable[[str], Compilation]:
        """Compiles texts of ``repository``, with the orbs of its organisation."""
        organisation = self._options.organisation
        if organisation is None:
            if repository not in self._organisations:
                project = self._project_of(repository)
                self._organisations[repository] = None if project is None else project.organisation
            organisation = self._organisations[repository]
        return lambda text: self._compiler.compile(text, organisation)

    def _project_of(self, repository: Path | RepositoryRef) -> Project | None:
        on_server = is_server(self._options.root)
        if isinstance(repository, Path):
            return project_in(repository, on_server=on_server)
        return project_of(repository, on_server=on_server)


@contextmanager
def opened_compiler(
    options: CompilerOptions, lane: Lane | None = None, clock: Clock | None = None
) -> Iterator[CompilerSession]:
    """CircleCI's own program if it is installed and the API is Cloud's, else the API.

    The program may be set up for another CircleCI than the one that was asked for. Raises
    UnreachableError. For ``lane`` and ``clock`` see `opened_api`.
    """
    token = token_in(*COMPILER_VARIABLES)
    program = None if is_server(options.root) else installed_program()
    if program is not None:
        program_with_token = None if token is None else replace(program, token=remember(token))
        yield CompilerSession(Compiler(program, program_with_token), options)
        return
    root = options.root.removesuffix("/v2")
    with ExitStack() as stack:
        anonymous = CompileApi(stack.enter_context(opened_api(root, None, lane, clock)))
        with_token = None
        if token is not None:
            with_token = CompileApi(stack.enter_context(opened_api(root, token, lane, clock)))
        yield CompilerSession(Compiler(anonymous, with_token), options)
