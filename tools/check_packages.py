"""Builds the packages and tries them as users get them: ``python -m tools.check_packages``.

The wheel is built from the source distribution, installed with its dependencies in an environment
of its own on each supported Python that this machine has, and run there; then the source
distribution. Ends with 1 if something is wrong. Needs the package index, and says so where that
cannot be reached.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec import Struct

from cci_migrate import __version__
from tests.docs.page_commands import commands
from tools.shared_data import ROOT

INSTALLING = ROOT / "docs" / "installing.md"
SUPPORTED = ("3.10", "3.11", "3.12", "3.13", "3.14")

CONFIG = "version: 2.1\njobs:\n  a:\n    docker:\n      - image: cimg/go:1.22\n"
IN_WHEEL = (
    "cci_migrate/py.typed",
    "cci_migrate/schemas/baseline.schema.json",
    "cci_migrate/schemas/policy.schema.json",
    "cci_migrate/schemas/report.schema.json",
)


class WrongPackageError(Exception):
    """What a user would get does not work; the text says how."""


class Built(Struct, frozen=True):
    """The two packages."""

    wheel: Path
    sources: Path


def main() -> int:
    """Build and try the packages."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            built = build(Path(folder))
            check_contents(built)
            pythons = dict(find_pythons())
            with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
                page = pool.submit(follow_the_page)
                for told in pool.map(lambda versioned: attempt(built, *versioned), pythons.items()):
                    print(told)
                print(page.result())
        except WrongPackageError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    absent = [version for version in SUPPORTED if version not in pythons]
    if absent:
        print(f"not on this machine, so not tried: Python {', '.join(absent)}")
    return 0


def build(folder: Path) -> Built:
    """Both packages, the wheel made from the sources."""
    ran(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return Built(next(folder.glob("*.whl")), next(folder.glob("*.tar.gz")))


def check_contents(built: Built) -> None:
    """Whether both hold what they are to hold."""
    with zipfile.ZipFile(built.wheel) as wheel:
        names = set(wheel.namelist())
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        text = wheel.read(metadata).decode()
    strangers = {name.split("/")[0] for name in names} - {"cci_migrate", metadata.split("/")[0]}
    if strangers:
        raise WrongPackageError(f"the wheel holds {', '.join(sorted(strangers))} too")
    with tarfile.open(built.sources) as sources:
        kept = {file.name.partition("/")[2] for file in sources.getmembers() if file.isfile()}
    for name in IN_WHEEL:
        if name not in names:
            raise WrongPackageError(f"the wheel lacks {name}")
    # The sources are what is in git, so that whoever builds from them can run the tests.
    listed = ran("git", "ls-files", "-z", cwd=ROOT).split("\0")[:-1]
    for name in sorted({name for name in listed if (ROOT / name).is_file()} ^ kept):
        if name in listed:
            raise WrongPackageError(f"the sdist lacks {name}")
        if name != "PKG-INFO":
            raise WrongPackageError(f"the sdist holds {name} too, which git doesn't have")
    for line in (f"Version: {__version__}", "Requires-Python: >=3.10", "License-Expression: MIT"):
        if line not in text:
            raise WrongPackageError(f"the wheel's metadata lack {line!r}")


def find_pythons() -> Iterator[tuple[str, Path]]:
    """The supported Pythons of this machine, on the PATH or under pyenv."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in SUPPORTED:
        candidates = sorted(versions.glob(f"{version}.*/bin/python"))
        found = shutil.which(f"python{version}")
        candidates += [Path(found)] if found is not None else []
        for candidate in candidates:
            if is_version(candidate, version):
                yield version, candidate
                break


def is_version(python: Path, version: str) -> bool:
    """Whether ``python`` runs and is ``version`` (pyenv leaves programs that only complain)."""
    told = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-c", told], capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout.strip() == version


def attempt(built: Built, version: str, python: Path) -> str:
    """Install the wheel with ``python`` and its extra, then the sources, and use both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ran(python, "-m", "venv", folder / "venv")
        bin_folder = folder / "venv" / "bin"
        pip = (bin_folder / "python", "-m", "pip", "--disable-pip-version-check", "--quiet")
        ran(*pip, "install", f"{built.wheel}[lsp]")
        ran(*pip, "check")
        use(bin_folder, version, folder / "wheel")
        ran(bin_folder / "python", "-c", "import cci_migrate.editor.server", cwd=folder)
        # What it needs is there; what builds it pip gets anew.
        ran(*pip, "install", "--force-reinstall", "--no-deps", built.sources)
        use(bin_folder, version, folder / "sources")
    return f"{built.wheel.name} and {built.sources.name} work on Python {version}"


def use(bin_folder: Path, version: str, folder: Path) -> None:
    """Do what a user does with the program in ``bin_folder``, in the new folder ``folder``."""
    program = bin_folder / "cci-migrate"
    config = folder / ".circleci" / "config.yml"
    config.parent.mkdir(parents=True)
    told = ran(program, "--version", cwd=folder)
    if told.strip() != f"cci-migrate {__version__}":
        raise WrongPackageError(f"Python {version}: --version says {told.strip()!r}")
    config.write_text(CONFIG)
    ran(program, "--check", cwd=folder, code=1)
    ran(program, cwd=folder)
    ran(program, "--check", "--format", "sarif", cwd=folder)
    ran(program, "rule", "missing-context", cwd=folder)
    ran(program, "batch", "--help", cwd=folder)
    if "$DOCKERHUB_PASSWORD" not in config.read_text():
        raise WrongPackageError(f"Python {version}: the config was not fixed")
    place = "import cci_migrate, importlib.resources as r; print(r.files('cci_migrate'))"
    if str(ROOT) in ran(bin_folder / "python", "-c", place, cwd=folder):
        raise WrongPackageError(f"Python {version}: it runs this checkout, not the package")


def follow_the_page() -> str:
    """Run the lines of docs/installing.md as they are written, in a clone of this repository."""
    lines = [line.text for line in commands(INSTALLING) if line.text.startswith("pip install")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clone = folder / "clone"
        ran("git", "clone", "--quiet", ROOT, clone)
        commit = ran("git", "rev-parse", "HEAD", cwd=clone).strip()
        ran(sys.executable, "-m", "venv", folder / "venv")
        # What stands for the repository's address is this clone.
        address, settings = "https://github.com/YOUR_ORG/cci-migrate", folder / "gitconfig"
        ran("git", "config", "--file", settings, f"url.{clone.as_uri()}.insteadOf", address)
        for line in lines:
            start = f"export PATH={folder}/venv/bin:$PATH GIT_CONFIG_GLOBAL={settings}; "
            ran("bash", "-c", start + line.replace("COMMIT", commit), cwd=clone)
            if "--requirement" not in line:
                ran(folder / "venv" / "bin" / "cci-migrate", "--version", cwd=folder)
    return f"the {len(lines)} lines of {INSTALLING.name} install it"


def ran(*command: str | Path, cwd: Path | None = None, code: int = 0) -> str:
    """The output of ``command``, which is to end with ``code``. Raises WrongPackageError."""
    told = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=told, capture_output=True, text=True, check=False
    )
    if done.returncode != code:
        words = " ".join(map(str, command))
        output = (done.stdout + done.stderr)[-2000:]
        raise WrongPackageError(f"{words}: exit code {done.returncode}, not {code}\n{output}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
