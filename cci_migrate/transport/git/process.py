"""Runs git; nothing else does.

A checkout can name programs in its configuration, its hooks and its attributes, and git runs them:
https://git-scm.com/docs/git-config (``core.fsmonitor``, ``core.sshCommand``, ``gpg.program``,
``filter.*``, ...). Here git sees neither that configuration (`GitDirectory.common_dir` is our own)
nor a hook, and uses no other protocols than the given ones. The user's global configuration
applies: identity, signing, credential helpers, ssh.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from msgspec import Struct

from cci_migrate.bounds.bounded_process import OutputTooLargeError, run_bounded
from cci_migrate.bounds.installed_programs import find_program, program_folders
from cci_migrate.transport.git.answer_headers import AnswerHeaders

#: Longer than any blobless clone takes: a server that hangs must not stop the campaign.
NETWORK_TIMEOUT = 600.0
#: The same for local commands: a named pipe in a checkout must not stop it either.
LOCAL_TIMEOUT = 120.0
#: A tree of ten times the same tree, ten levels deep, lists 10 billion files from a few hundred
#: bytes (https://kate.io/blog/git-bomb/). Half a million files of a real one take 60 MB.
OUTPUT_LIMIT = 96 * 2**20

#: So many lines, and so much of them, are shown of what the other side says.
_REMOTE_LINES = 8
_REMOTE_LENGTH = 500

#: Settings of every command, whatever a configuration says.
_SETTINGS = (
    f"core.hooksPath={os.devnull}",
    "core.fsmonitor=false",
    # To list the refs of another repository's objects, git reads that repository's configuration.
    "core.alternateRefsCommand=:",
    # Our view of a checkout lacks some refs: objects reachable only from these would be pruned.
    "gc.auto=0",
    "maintenance.auto=false",
    # A redirect may lead to another host or protocol.
    "http.followRedirects=false",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "push.recurseSubmodules=no",
    "push.followTags=false",
    # A partial clone lacks objects to send if the server has new commits: negotiate first.
    "push.negotiate=true",
    "fetch.prune=false",
    "log.showSignature=false",
)

#: The user's own variables. All others are about a repository, an index, or a trace.
_USER_VARIABLES = (
    "GIT_ASKPASS",
    "GIT_AUTHOR_",
    "GIT_COMMITTER_",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_KEY_",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_VALUE_",
    "GIT_EXEC_PATH",
    "GIT_HTTP_",
    "GIT_PROXY_SSL_",
    "GIT_SSH",
    "GIT_SSL_",
)


class GitError(Exception):
    """git failed, or must not be started; the message says why, without credentials."""


class GitOutputError(GitError):
    """git printed more than is read."""


class GitLimitedError(GitError):
    """The server limits requests; ``retry_after`` is the value of its Retry-After, or empty."""

    def __init__(self, message: str, retry_after: str) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class GitUnreachableError(GitError):
    """The server did not answer, or only that it is out of order."""


class GitDirectory(Struct, frozen=True):
    """The parts of a repository for git.

    ``git_dir`` has HEAD and the index; ``common_dir`` the configuration, hooks and refs, and is
    always a folder of ours (https://git-scm.com/docs/gitrepository-layout). ``objects`` is None if
    they are in ``common_dir``. Only ``protocols`` are allowed; without any, missing objects are not
    fetched.
    """

    git_dir: Path
    common_dir: Path
    objects: Path | None = None
    work_tree: Path | None = None
    protocols: tuple[str, ...] = ()

    def run(
        self,
        arguments: Sequence[str],
        *,
        stdin: bytes = b"",
        index: Path | None = None,
        settings: Mapping[str, str] | None = None,
        most: int | None = None,
    ) -> bytes:
        """The output of ``git ARGUMENTS``. Raises GitError if it fails.

        GitOutputError says that it is more than ``most`` (None: OUTPUT_LIMIT) bytes,
        GitLimitedError and GitUnreachableError what a server did. ``settings`` are passed in the
        environment, which other users of the machine can't see.
        """
        most = OUTPUT_LIMIT if most is None else most
        timeout = NETWORK_TIMEOUT if self.protocols else LOCAL_TIMEOUT
        program = find_program("git")
        if program is None:
            raise GitError("the git program is not installed")
        trace: AbstractContextManager[AnswerHeaders | None] = nullcontext()
        if not {"http", "https"}.isdisjoint(self.protocols):
            trace = AnswerHeaders.recorded_in(self.common_dir)
        try:
            with trace as answers:
                done = run_bounded(
                    # A list that never begins with input, which could look like an option.
                    [program, "--no-pager", *_options(), *arguments],
                    cwd=self.work_tree or self.common_dir,
                    stdin=stdin,
                    env=self._environment(index, settings or {}, answers),
                    timeout=timeout,
                    max_output=most,
                )
                retry_after = answers.retry_after() if answers and done.returncode else None
        except subprocess.TimeoutExpired:
            text = f"git {arguments[0]} took longer than {timeout:.0f} s"
            raise (GitUnreachableError if self.protocols else GitError)(text) from None
        except OutputTooLargeError:
            text = f"git {arguments[0]} printed more than {most // 2**20} MB"
            raise GitOutputError(text) from None
        except OSError as error:
            raise GitError(f"can't start git: {error.strerror}") from None
        if done.returncode != 0:
            problem = _problem(done.stderr) or f"exit code {done.returncode}"
            text = f"git {arguments[0]}: {problem}"
            if retry_after is not None:
                raise GitLimitedError(text, retry_after)
            if self.protocols and any(sign in text.lower() for sign in _NO_ANSWER):
                raise GitUnreachableError(text)
            raise GitError(text)
        return done.stdout

    def text(
        self,
        arguments: Sequence[str],
        *,
        stdin: bytes = b"",
        index: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> str:
        """The output of `run` as text, without the final line break."""
        output = self.run(arguments, stdin=stdin, index=index, settings=settings)
        return output.decode("utf-8", "replace").rstrip("\n")

    def _environment(
        self, index: Path | None, settings: Mapping[str, str], answers: AnswerHeaders | None
    ) -> dict[str, str]:
        variables = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("GIT_") or name.startswith(_USER_VARIABLES)
        }
        variables |= {
            # Git looks for ssh and other programs there, and never in the current folder.
            "PATH": os.pathsep.join(program_folders()),
            "LC_ALL": "C",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_DIR": str(self.git_dir),
            "GIT_COMMON_DIR": str(self.common_dir),
            # Git reads it from the common folder, which doesn't have the checkout's.
            "GIT_ALLOW_PROTOCOL": ":".join(self.protocols) or "none",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
        }
        if not self.protocols:
            variables["GIT_NO_LAZY_FETCH"] = "1"
        if answers is not None:
            variables |= answers.variables
        paths = {
            "GIT_OBJECT_DIRECTORY": self.objects,
            "GIT_WORK_TREE": self.work_tree,
            "GIT_INDEX_FILE": index,
        }
        variables |= {name: str(path) for name, path in paths.items() if path is not None}
        if settings:
            first = int(variables.get("GIT_CONFIG_COUNT") or 0)
            variables["GIT_CONFIG_COUNT"] = str(first + len(settings))
            for number, (key, value) in enumerate(settings.items(), first):
                variables[f"GIT_CONFIG_KEY_{number}"] = key
                variables[f"GIT_CONFIG_VALUE_{number}"] = value
        return variables


#: What git, curl and ssh say if a server does not answer.
_NO_ANSWER = (
    "could not resolve host",
    "failed to connect",
    "connection refused",
    "connection reset",
    "connection timed out",
    "operation timed out",
    "empty reply from server",
    "recv failure",
    "returned error: 50",
)


#: What only repeats that refs were not pushed, and what git says when it has nothing to negotiate:
#: of a branch that it deletes. It goes on.
_NO_CAUSES = ("error: failed to push some refs", "fatal: --negotiate-only needs")


def _problem(stderr: bytes) -> str:
    """What git says went wrong, and then what the other side or a hook of it says."""
    lines = stderr.decode("utf-8", "replace").strip("\n").splitlines()
    said = [line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:")]
    errors = [line for line in lines if line.startswith(("fatal:", "error:", " ! "))]
    causes = [line for line in errors if not line.startswith(_NO_CAUSES)]
    parts = [line.strip() for line in (causes or errors or lines)[:3]]
    remote = [line for line in said if line.strip("=-*# ")][:_REMOTE_LINES]
    if remote and (causes or errors):
        parts.append(f"remote: {' '.join(remote)[:_REMOTE_LENGTH]}")
    return "; ".join(parts)


def _options() -> list[str]:
    return [word for setting in _SETTINGS for word in ("-c", setting)]
