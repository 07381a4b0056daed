"""CircleCI's compiler, by CircleCI's own program: ``circleci config process``.

https://circleci.com/docs/guides/toolkit/how-to-use-the-circleci-local-cli/. Both its versions are
installed by many: 0.1 (``--org-slug``, CIRCLECI_CLI_TOKEN, errors after one sentence) and 1
(``--org``, CIRCLE_TOKEN, exit code 7 for a config that does not compile, 3 for a missing token).
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

from msgspec import Struct

from cci_migrate.bounds.bounded_process import OutputTooLargeError, run_bounded
from cci_migrate.bounds.installed_programs import find_program
from cci_migrate.bounds.limits import SIZE_LIMIT
from cci_migrate.preflight.circleci_tokens import PROGRAM_VARIABLES
from cci_migrate.preflight.compile_api import lines_of
from cci_migrate.preflight.slugs import Organisation
from cci_migrate.transport.host_errors import HostError, UnauthorizedError
from cci_migrate.transport.known_secrets import Secret
from cci_migrate.verification.compilation import Compilation, CompiledText, CompileErrors

_NAME = "circleci"
_SECONDS = 120.0
#: The compiled config, and the original that its last lines repeat as a comment.
_MOST_OUTPUT = 4 * SIZE_LIMIT
_NEEDS_TOKEN = 3
_DOES_NOT_COMPILE = 7
_QUIET = {
    "CIRCLECI_CLI_SKIP_UPDATE_CHECK": "true",
    "CIRCLE_NO_UPDATE_CHECK": "1",
    "CIRCLE_NO_INTERACTIVE": "1",
    "CIRCLE_NO_COLOR": "1",
    "NO_COLOR": "1",
}
_OLD_ERRORS = "config compilation contains errors:"
_BULLET = re.compile(r"^[-•]\s+")


class CircleCiProgram(Struct, frozen=True):
    """The program at ``path``.

    Without ``token`` it uses the one of its own settings, if it has one.
    """

    path: str
    token: Secret | None = None

    def compile(self, text: str, organisation: Organisation | None) -> Compilation:
        """The config ``text``, compiled with the orbs that ``organisation`` may use.

        It runs in an empty folder, so it reads nothing of a checkout. Raises UnauthorizedError and
        HostError.
        """
        if organisation is None:
            return _answer(self._run(text))
        done = self._run(text, "--org", organisation.slug)
        if done.returncode and b"unknown flag" in done.stderr:
            option = "--org-id" if organisation.is_id else "--org-slug"
            name = organisation.name if organisation.is_id else organisation.slug
            done = self._run(text, option, name)
        return _answer(done)

    def _run(self, text: str, *options: str) -> subprocess.CompletedProcess[bytes]:
        environment = {
            name: value for name, value in os.environ.items() if name not in PROGRAM_VARIABLES
        }
        environment |= _QUIET
        if self.token is not None:
            environment |= dict.fromkeys(PROGRAM_VARIABLES, self.token)
        with tempfile.TemporaryDirectory(prefix="cci-migrate-") as folder:
            try:
                return run_bounded(
                    [self.path, "config", "process", "-", *options],
                    cwd=Path(folder),
                    stdin=text.encode(),
                    env=environment,
                    timeout=_SECONDS,
                    max_output=_MOST_OUTPUT,
                )
            except subprocess.TimeoutExpired:
                raise HostError(f"{_NAME} did not answer within {_SECONDS:.0f} s") from None
            except OutputTooLargeError:
                raise HostError(f"{_NAME} printed more than the largest config allowed") from None
            except OSError as error:
                raise HostError(f"{_NAME} can't be started: {error.strerror}") from None


def installed_program() -> CircleCiProgram | None:
    """CircleCI's program, None where it is not installed."""
    path = find_program(_NAME)
    return None if path is None else CircleCiProgram(path)


def _answer(done: subprocess.CompletedProcess[bytes]) -> Compilation:
    if done.returncode == 0:
        try:
            return CompiledText(done.stdout.decode())
        except UnicodeDecodeError:
            raise HostError(f"{_NAME} did not print a config") from None
    said = done.stderr.decode("utf-8", "replace") or done.stdout.decode("utf-8", "replace")
    lines = tuple(_BULLET.sub("", line) for line in lines_of([said.rpartition(_OLD_ERRORS)[2]]))
    if done.returncode == _DOES_NOT_COMPILE:
        return CompileErrors(tuple(line for line in lines if not line.startswith("error:")))
    if _OLD_ERRORS in said:
        return CompileErrors(lines)
    if done.returncode == _NEEDS_TOKEN:
        raise UnauthorizedError(f"{_NAME}: {lines[0]}")
    raise HostError(f"{_NAME} failed: {lines[0]}")
