"""The git program, run without a shell, a prompt or the caller's git environment."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cci_migrate.batch.redaction import redact

#: Longer than any blobless clone takes; a server that hangs must not hang the campaign.
TIMEOUT = 600.0


class GitError(Exception):
    """git ended with an error; the text is what it said, without credentials."""


def run(
    arguments: Sequence[str],
    *,
    folder: Path | None = None,
    stdin: bytes | None = None,
    environment: Mapping[str, str] | None = None,
) -> bytes:
    """What ``git ARGUMENTS`` in ``folder`` prints. Raises GitError when it fails."""
    try:
        # The arguments are a list and never begin with user input that could pass for an option.
        done = subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607
            cwd=folder,
            input=b"" if stdin is None else stdin,
            capture_output=True,
            check=False,
            timeout=TIMEOUT,
            env={**_clean_environment(), **(environment or {})},
        )
    except FileNotFoundError:
        raise GitError("the git program is not installed") from None
    except subprocess.TimeoutExpired:
        raise GitError(f"git {arguments[0]} took longer than {TIMEOUT:.0f} s") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        telling = [line for line in said if line.startswith(("fatal:", "error:", " ! "))] or said
        text = "; ".join(line.strip() for line in telling[:3]) or f"exit code {done.returncode}"
        raise GitError(redact(f"git {arguments[0]}: {text}"))
    return done.stdout


def text(arguments: Sequence[str], **options: object) -> str:
    """`run`, as text without the final line end."""
    return run(arguments, **options).decode("utf-8", "replace").rstrip("\n")  # type: ignore[arg-type]


def tree_paths(folder: Path, commit: str) -> dict[str, tuple[str, str]]:
    """Each file of ``commit``: path to (mode, blob id). Fetches no blobs of a blobless clone."""
    listing = run(["ls-tree", "-r", "-z", "--full-tree", commit], folder=folder)
    found = {}
    for entry in listing.decode("utf-8", "surrogateescape").split("\0"):
        if entry:
            meta, path = entry.split("\t", 1)
            mode, kind, oid = meta.split(" ")
            if kind == "blob":
                found[path] = (mode, oid)
    return found


def read_blobs(
    folder: Path, oids: Iterable[str], environment: Mapping[str, str] | None = None
) -> dict[str, bytes]:
    """The content of each blob; a blobless clone fetches those it has not, one by one.

    Raises GitError for one that cannot be had.
    """
    wanted = list(dict.fromkeys(oids))
    if not wanted:
        return {}
    request = "".join(f"{oid}\n" for oid in wanted).encode()
    output = run(["cat-file", "--batch"], folder=folder, stdin=request, environment=environment)
    found, at = {}, 0
    for oid in wanted:
        line_end = output.index(b"\n", at)
        header = output[at:line_end].split()
        if header[-1] == b"missing":
            raise GitError(f"git cat-file: {oid} is missing")
        size = int(header[2])
        found[oid] = output[line_end + 1 : line_end + 1 + size]
        at = line_end + 1 + size + 1
    return found


def commit_files(
    folder: Path,
    parent: str,
    files: Mapping[str, bytes],
    modes: Mapping[str, str],
    message: str,
    index: Path,
) -> str:
    """Make a commit on top of ``parent`` with ``files`` replaced; its id.

    Touches neither the work tree, nor the index, nor any ref: ``index`` is a scratch file.
    """
    environment = {"GIT_INDEX_FILE": str(index)}
    run(["read-tree", parent], folder=folder, environment=environment)
    lines = []
    for path, content in files.items():
        oid = text(["hash-object", "-w", "--stdin"], folder=folder, stdin=content)
        lines.append(f"{modes.get(path, '100644')} {oid}\t{path}\0")
    run(
        ["update-index", "-z", "--index-info"],
        folder=folder,
        stdin="".join(lines).encode("utf-8", "surrogateescape"),
        environment=environment,
    )
    tree = text(["write-tree", "--missing-ok"], folder=folder, environment=environment)
    return text(
        ["commit-tree", tree, "-p", parent, "-F", "-"], folder=folder, stdin=message.encode()
    )


def _clean_environment() -> dict[str, str]:
    """The environment without what would redirect git, and with prompts off.

    A git hook that runs us has set GIT_DIR and friends: they would point every command here at
    the wrong repository.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_")
        or name.startswith(("GIT_SSH", "GIT_CONFIG", "GIT_AUTHOR_", "GIT_COMMITTER_"))
    }
    return {**kept, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
