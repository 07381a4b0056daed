"""The rooms of docs/architecture.md: who may import whom, and what the pure core may not touch."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "cci_migrate"
ARCHITECTURE = ROOT / "docs" / "architecture.md"

#: The one module that stands outside the layers: whoever imports anything runs it.
OUTSIDE = frozenset({"__init__"})

#: Up to here every module but these is pure.
LAST_PURE_LAYER = "engine"
IMPURE = frozenset(
    {
        "bounds/bounded_file",
        "bounds/bounded_process",
        "bounds/installed_programs",
        "policy/file",
    }
)
WORLD = re.compile(
    r"(click|glob|github|gitlab|io|logging|multiprocessing|os|pathlib|questionary|random|requests"
    r"|rich|shutil|socket|sqlite3|stamina|subprocess|sys|tempfile|threading|time|urllib)\b"
)
#: Names of these modules that compute and touch nothing.
HARMLESS = frozenset({"pathlib.PurePosixPath"})

#: Only these may import these, wherever they stand.
ONLY_IN = {"questionary": "interactive", "prompt_toolkit": "interactive", "click": "cli"}
#: Who starts programs: git, the user's own command for a token, Docker's credential helpers.
STARTERS = frozenset(
    {
        "bounds/bounded_process",
        "forges/tokens",
        "preflight/docker_credentials",
        "transport/git/process",
    }
)
STARTING = re.compile(
    r"(asyncio\.(create_)?subprocess|os\.(exec|popen|posix_spawn|spawn|startfile|system)|pty\.spawn"
    r"|runpy|sh\b|subprocess)"
)
ALSO = {"click": frozenset({"__main__", "interactive", "reports"})}


def layers() -> dict[str, int]:
    """The rank of each module and package at the top of `cci_migrate`, read from the table."""
    ranks: dict[str, int] = {"__main__": 1000}
    rows = [line for line in ARCHITECTURE.read_text().splitlines() if line.startswith("| `")]
    for rank, row in enumerate(rows):
        for name in re.findall(r"`([a-z_]+)/?`", row.split("|")[1]):
            ranks[name] = rank
    return ranks


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py"))


def top(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def module_name(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute name of each thing that ``path`` imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} has a relative import"
            assert node.module is not None
            for name in node.names:
                yield node.lineno, f"{node.module}.{name.name}"


def identify(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_table_names_every_module() -> None:
    named = layers()
    unnamed = {top(path) for path in modules()} - named.keys() - OUTSIDE
    assert not unnamed, f"docs/architecture.md gives no room to {sorted(unnamed)}"


@pytest.mark.parametrize("path", modules(), ids=identify)
def test_a_layer_imports_only_from_layers_above_it(path: Path) -> None:
    ranks = layers()
    own = ranks.get(top(path), 1000)
    wrong = []
    for line, name in imports(path):
        parts = name.split(".")
        if parts[0] != "cci_migrate" or len(parts) == 1 or top(path) in OUTSIDE:
            continue
        if parts[1] in OUTSIDE or parts[1] not in ranks:
            continue  # the version; the other is told by the test above
        if ranks[parts[1]] > own:
            wrong.append(f"{identify(path)}:{line} imports {name}")
    assert not wrong


@pytest.mark.parametrize("path", modules(), ids=identify)
def test_the_core_touches_nothing_of_the_world(path: Path) -> None:
    ranks = layers()
    if module_name(path) in IMPURE or ranks.get(top(path), 1000) > ranks[LAST_PURE_LAYER]:
        return
    wrong = [
        f"{identify(path)}:{line} imports {name}"
        for line, name in imports(path)
        if WORLD.match(name) and name not in HARMLESS
    ]
    assert not wrong


@pytest.mark.parametrize("path", modules(), ids=identify)
def test_each_surface_library_has_its_place(path: Path) -> None:
    wrong = [
        f"{identify(path)}:{line} imports {name}"
        for line, name in imports(path)
        if (home := ONLY_IN.get(name.split(".")[0])) is not None
        and top(path) != home
        and top(path) not in ALSO.get(name.split(".")[0], ())
    ]
    assert not wrong


@pytest.mark.parametrize("path", modules(), ids=identify)
def test_one_module_starts_git(path: Path) -> None:
    name = module_name(path)
    tree = ast.parse(path.read_text())
    used = [imported for _, imported in imports(path)]
    used += [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    starts = sorted({one for one in used if STARTING.match(one)})
    assert name in STARTERS or not starts
    words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert name == "transport/git/process" or not starts or words.isdisjoint({"git", "git.exe"})
