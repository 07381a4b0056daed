"""Nothing of a checkout is run, whatever its configuration, hooks and attributes name.

One checkout has a trap wherever git lets a repository name a program. Plain git steps into each of
them; no command of ours does.
"""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec import Struct

from cci_migrate.campaign.planner import SMALL
from cci_migrate.cli.main_command import main_command
from tests.batch.git_server import GitServer
from tests.batch.repositories import (
    BRANCH,
    CONFIG,
    FIXED,
    PLAIN,
    bare,
    checkout,
    commit_bare,
    git,
    write_files,
)

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


class Traps(Struct, frozen=True):
    """Programs that leave a file with their name behind."""

    folder: Path

    def make(self, name: str, at: Path | None = None) -> Path:
        """A program that is a trap, at a path of its own or at ``at``."""
        path = at or self.folder / "programs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch '{self.folder}/sprung-{name}'\nexit 1\n")
        path.chmod(0o755)
        return path

    def sprung(self) -> set[str]:
        """The names of the traps that were stepped into since the last time."""
        files = list(self.folder.glob("sprung-*"))
        for file in files:
            file.unlink()
        return {file.name.removeprefix("sprung-") for file in files}


class Hostile(Struct, frozen=True):
    """The checkout, and the server that its remote is at."""

    folder: Path
    origin: Path
    traps: Traps

    def provoke(self, *arguments: str, stdin: bytes = b"", at: Path | None = None) -> set[str]:
        """The traps that plain git steps into."""
        subprocess.run(
            ["git", *arguments],
            cwd=at or self.folder,
            input=stdin,
            capture_output=True,
            check=False,
            timeout=20,
        )
        return self.traps.sprung()


SIGNED = b"""\
tree %s
author Ada <ada@example.com> 1700000000 +0000
committer Ada <ada@example.com> 1700000000 +0000
gpgsig -----BEGIN PGP SIGNATURE-----
 aGVsbG8=
 -----END PGP SIGNATURE-----

Theirs
"""

#: Each trap, and what plain git does to step into it. {origin} is its folder.
PROVOCATIONS = {
    # A file with exclusions is missing, and is fetched.
    "ssh": ["ls-files", "--others", "--exclude-standard"],
    "fsmonitor": ["status"],
    "post-index-change": ["read-tree", "HEAD"],
    "reference-transaction": ["update-ref", "refs/heads/another", "HEAD"],
    "pre-push": ["push", "{origin}", "HEAD:refs/heads/there"],
    "gpg": ["log", "-1", "--format=%B", BRANCH],
    "clean": ["hash-object", "--path", "clean", ".gitattributes"],
    "process": ["hash-object", "--path", "process", ".gitattributes"],
    "smudge": ["cat-file", "--filters", f"HEAD:{CONFIG}"],
    "textconv": ["cat-file", "--textconv", f"HEAD:{CONFIG}"],
    "external-diff": ["diff", EMPTY_TREE, "HEAD"],
    "credential-helper": ["credential", "fill"],
    "askpass": ["-c", "credential.helper=", "credential", "fill"],
    "alias": ["boom"],
    "ext-protocol": ["ls-remote", "origin"],
    "alternate-refs": ["fetch", "{origin}"],
}


@pytest.fixture
def traps(tmp_path: Path) -> Traps:
    """Traps that nothing has stepped into."""
    return Traps(tmp_path / "traps")


@pytest.fixture
def hostile(tmp_path: Path, git_server: GitServer, traps: Traps) -> Hostile:
    """A checkout with every trap in it."""
    origin = bare(git_server.root / "origin.git", {CONFIG: PLAIN})
    commit_bare(origin, {"ignored/.gitignore": b"build\n"})
    folder = tmp_path / "hostile"
    git(tmp_path, "clone", "--quiet", git_server.url("origin.git"), str(folder))
    set_traps(folder, traps, git_server.url(""))
    commit_bare(origin, {"newer": b""})
    return Hostile(folder, origin, traps)


def set_traps(folder: Path, traps: Traps, server: str) -> None:
    """Put a trap at every place of the checkout in ``folder``."""
    attributes = (
        f"* diff=trap\nclean filter=one-way\nprocess filter=both-ways\n{CONFIG} filter=out\n"
    )
    (folder / ".gitattributes").write_text(attributes)
    # Its content is missing and git would fetch it: a partial clone with a sparse work tree.
    blob = git(folder, "rev-parse", "HEAD:ignored/.gitignore")
    signed = SIGNED % git(folder, "rev-parse", "HEAD^{tree}").encode()
    oid = git(folder, "hash-object", "-t", "commit", "-w", "--stdin", stdin=signed)
    git(folder, "update-ref", f"refs/heads/{BRANCH}", oid)
    git(folder, "update-index", "--skip-worktree", "ignored/.gitignore")
    (folder / "ignored" / ".gitignore").unlink()
    (folder / "ignored" / "x").write_text("")
    other = folder / "other.git"
    git(folder, "clone", "--quiet", "--bare", server + "origin.git", str(other))
    (folder / ".git/objects/info/alternates").write_text(f"{other}/objects\n")
    for objects in (folder / ".git/objects", other / "objects"):
        unpack(objects)
        (objects / blob[:2] / blob[2:]).unlink(missing_ok=True)
    hooks = folder / ".git" / "hooks"
    for hook in ("post-index-change", "reference-transaction", "pre-push"):
        traps.make(hook, hooks / hook)
    for name in ("git", "ssh", "gpg", "docker-credential-pass"):
        traps.make(f"own-{name}", folder / name)
    settings = {
        "core.sshCommand": traps.make("ssh"),
        "core.askPass": traps.make("askpass"),
        "core.pager": traps.make("pager"),
        "core.alternateRefsCommand": traps.make("alternate-refs"),
        "log.showSignature": "true",
        "gpg.program": traps.make("gpg"),
        "filter.one-way.clean": traps.make("clean"),
        "filter.both-ways.process": traps.make("process"),
        "filter.out.smudge": traps.make("smudge"),
        "diff.external": traps.make("external-diff"),
        "diff.trap.textconv": traps.make("textconv"),
        "alias.boom": f"!{traps.make('alias')}",
        "protocol.ext.allow": "always",
        f"url.ext::{traps.make('ext-protocol')} .insteadOf": server,
        "extensions.partialClone": "promisor",
        "remote.promisor.url": "ssh://nowhere.invalid/x",
        "remote.promisor.promisor": "true",
        "extensions.worktreeConfig": "true",
        "core.repositoryFormatVersion": "1",
        "push.gpgSign": "if-asked",
        "push.recurseSubmodules": "on-demand",
        "include.path": "../.included",
    }
    (folder / ".included").write_text(f'[core]\n\tfsmonitor = "{traps.make("fsmonitor")}"\n')
    (folder / ".git" / "config.worktree").write_text(
        f'[credential]\n\thelper = "{traps.make("credential-helper")}"\n'
    )
    for key, value in settings.items():
        git(folder, "config", key, str(value))


def unpack(objects: Path) -> None:
    """Make each packed object a file of its own, which can be deleted."""
    for pack in (objects / "pack").glob("*.pack"):
        data = pack.read_bytes()
        for part in pack.parent.glob(f"{pack.stem}.*"):
            part.unlink()
        git(objects.parent, "unpack-objects", "-q", stdin=data)


def test_plain_git_steps_into_each_trap(hostile: Hostile) -> None:
    query = b"protocol=https\nhost=example.com\n\n"
    hostile.traps.sprung()
    for name, arguments in PROVOCATIONS.items():
        words = [word.replace("{origin}", str(hostile.origin)) for word in arguments]
        assert name in hostile.provoke(*words, stdin=query), name
    _, terminal = pty.openpty()
    subprocess.run(["git", "log"], cwd=hostile.folder, stdout=terminal, check=False)
    assert "pager" in hostile.traps.sprung()
    # A program of the repository's is found where PATH has the current folder.
    done = subprocess.run(["sh", "-c", "PATH=.:$PATH; git"], cwd=hostile.folder, check=False)
    assert (done.returncode, hostile.traps.sprung()) == (1, {"own-git"})


def test_no_command_steps_into_a_trap(
    hostile: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(hostile.folder)
    monkeypatch.setenv("PATH", f".{os.pathsep}{os.environ['PATH']}")

    def run(*words: str, code: int) -> str:
        done = CliRunner().invoke(main_command, words, catch_exceptions=False)
        assert done.exit_code == code, (words, done.output)
        assert hostile.traps.sprung() == set(), words
        return done.output

    def batch(mode: str, code: int, last: str) -> str:
        campaign = ("--campaign", str(tmp_path / mode))
        run("batch", "plan", ".", *campaign, code=1)
        output = run("batch", "apply", "--local", mode, *campaign, code=code)
        run("batch", last, *campaign, code=0)
        return output

    assert CONFIG in run("--check", code=1)
    assert "auth" in run("--dry-run", code=1)
    run("explain", code=1)
    run("doctor", "--only", "registries", code=0)
    run("context", "create", "some", "--yes", code=2)
    # The branch is there already, and not ours.
    assert "branch-exists" in batch("branch", code=1, last="diff")
    (hostile.folder / ".git" / "refs" / "heads" / BRANCH).unlink()
    assert "1  changed" in batch("push", code=0, last="close")
    assert "1  changed" in batch("in-place", code=0, last="revert")
    run(code=0)
    assert (hostile.folder / CONFIG).read_bytes() == FIXED


def test_no_program_of_a_repository_is_asked_for_a_credential(
    traps: Traps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("gh", "glab", "docker-credential-pass"):
        traps.make(name, tmp_path / "repository" / name)
    traps.folder.mkdir()
    monkeypatch.chdir(tmp_path / "repository")
    monkeypatch.setenv("PATH", f".{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "config.json").write_text('{"credsStore": "pass"}')
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    for name in ("gh", "glab", "docker-credential-pass"):
        subprocess.run([name], check=False)
        assert traps.sprung() == {name}
    for source in ("github:acme/one", "gitlab:acme/one"):
        words = ["batch", "plan", source, "--campaign", str(tmp_path / source)]
        assert "no token" in CliRunner().invoke(main_command, words).output
    write_files(tmp_path / "repository", {CONFIG: PLAIN})
    CliRunner().invoke(main_command, ["doctor", "--only", "registries"])
    assert traps.sprung() == set()


def test_no_module_of_a_repository_is_imported(tmp_path: Path, traps: Traps) -> None:
    comment = b"# " + b"x" * SMALL + b"\n"  # a process of its own is started for it
    folder = checkout(tmp_path / "hostile", {CONFIG: PLAIN + comment})
    for name in ("cci_migrate", "encodings", "multiprocessing", "pickle", "signal", "threading"):
        module = f"open({str(traps.folder / f'sprung-{name}')!r}, 'w').close()\n"
        (folder / f"{name}.py").write_text(module)
    traps.folder.mkdir()
    subprocess.run([sys.executable, "-c", "import multiprocessing"], cwd=folder, check=True)
    assert "multiprocessing" in traps.sprung()
    program = Path(sys.executable).with_name("cci-migrate")
    words = ["batch", "plan", ".", "--campaign", str(tmp_path / "campaign")]
    done = subprocess.run(
        [program, *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert "1  planned" in done.stdout, done.stdout + done.stderr
    assert traps.sprung() == set()
