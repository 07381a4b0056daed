"""The rooms of docs/architecture.md: who imports whom, what the core does not touch, and names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.processes import ran_python
from tools.shared_data import ROOT

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
    r"(click|glob|github|gitlab|importlib\.resources|io|logging|multiprocessing|os|pathlib"
    r"|pkgutil\.get_data|questionary|random|requests|rich|shutil|socket|sqlite3|stamina|subprocess"
    r"|sys|tempfile|threading|time|urllib)\b"
)
#: Names of these modules that compute and touch nothing.
HARMLESS = frozenset({"pathlib.PurePosixPath"})
#: Who reads data of the package itself, which are the same in each run.
READS_OWN_DATA = frozenset({"circleci/published_orbs"})

#: Only these may import these, wherever they stand.
ONLY_IN = {
    "questionary": "interactive",
    "prompt_toolkit": "interactive",
    "click": "cli",
    "pygls": "editor",
    "lsprotocol": "editor",
}
#: Who starts programs: git, the user's own command for a token, Docker's credential helpers, and
#: CircleCI's own program.
STARTERS = frozenset(
    {
        "bounds/bounded_process",
        "forges/tokens",
        "preflight/circleci_program",
        "preflight/docker_credentials",
        "transport/git/process",
    }
)
STARTING = re.compile(
    r"(asyncio\.(create_)?subprocess|os\.(exec|popen|posix_spawn|spawn|startfile|system)|pty\.spawn"
    r"|runpy|sh\b|subprocess)"
)
ALSO = {"click": frozenset({"__main__", "interactive", "reports"})}


@cache
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


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imports(path: Path) -> list[tuple[int, str]]:
    """Line and absolute name of each thing that ``path`` imports, inside functions too."""
    return list(_imports(path))


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in _statements(tree(path)):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} has a relative import"
            assert node.module is not None
            for name in node.names:
                yield node.lineno, f"{node.module}.{name.name}"


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """All below ``node``, without the expressions in them, which are most of a tree."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):
            yield child
            yield from _statements(child)


def identify(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_table_names_every_module() -> None:
    named = layers()
    unnamed = {top(path) for path in modules()} - named.keys() - OUTSIDE
    assert not unnamed, f"docs/architecture.md gives no room to {sorted(unnamed)}"


def test_a_layer_imports_only_from_layers_above_it() -> None:
    ranks = layers()
    # The version has no room; whether another module has one is tested above.
    wrong = [
        f"{identify(path)}:{line} imports {name}"
        for path in modules()
        if top(path) not in OUTSIDE
        for line, name in imports(path)
        if (parts := name.split("."))[0] == "cci_migrate"
        and len(parts) > 1
        and parts[1] not in OUTSIDE
        and ranks.get(parts[1], 0) > ranks.get(top(path), 1000)
    ]
    assert not wrong


def test_the_core_touches_nothing_of_the_world() -> None:
    ranks = layers()
    wrong = [
        f"{identify(path)}:{line} imports {name}"
        for path in modules()
        if module_name(path) not in IMPURE and ranks.get(top(path), 1000) <= ranks[LAST_PURE_LAYER]
        for line, name in imports(path)
        if WORLD.match(name) and name not in HARMLESS
        if name != "pkgutil.get_data" or module_name(path) not in READS_OWN_DATA
    ]
    assert not wrong


def test_each_surface_library_has_its_place() -> None:
    wrong = [
        f"{identify(path)}:{line} imports {name}"
        for path in modules()
        for line, name in imports(path)
        if (home := ONLY_IN.get(name.split(".")[0])) is not None
        and top(path) != home
        and top(path) not in ALSO.get(name.split(".")[0], ())
    ]
    assert not wrong


def test_one_module_starts_git() -> None:
    wrong = []
    for path in modules():
        name, nodes = module_name(path), list(ast.walk(tree(path)))
        used = [imported for _, imported in imports(path)]
        used += [
            f"{node.value.id}.{node.attr}"
            for node in nodes
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        ]
        starts = sorted({name for name in used if STARTING.match(name)})
        words = {node.value for node in nodes if isinstance(node, ast.Constant)}
        is_gits = name == "transport/git/process" or words.isdisjoint({"git", "git.exe"})
        if starts and not (name in STARTERS and is_gits):
            wrong.append(f"{identify(path)} starts programs: {', '.join(starts)}")
    assert not wrong


def test_no_two_modules_share_a_name_but_the_same_of_two_hosts() -> None:
    places: dict[str, set[str]] = {}
    for path in modules():
        if path.stem != "__init__":
            is_of_host = path.is_relative_to(PACKAGE / "forges")
            places.setdefault(path.stem, set()).add("forges" if is_of_host else module_name(path))
    assert not {name: found for name, found in places.items() if len(found) > 1}


def test_a_check_loads_nothing_of_hosts_and_campaigns(tmp_path: Path) -> None:
    config = tmp_path / ".circleci" / "config.yml"
    config.parent.mkdir()
    config.write_text("version: 2.1\njobs: {a: {docker: [{image: redis}], steps: [checkout]}}\n")
    code = (
        "import sys; from cci_migrate.cli.main_command import main_command as command\n"
        "command(['--check', '-q', '.'], standalone_mode=False)\n"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = ran_python("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stderr.split())
    rooms = ("campaign", "forges", "transport", "verification")
    needless = {f"cci_migrate.{room}" for room in rooms} | {"filelock", "requests", "sqlite3"}
    assert "cci_migrate.engine.examination" in loaded
    assert loaded.isdisjoint(needless)


def test_each_name_of_a_class_means_one_thing() -> None:
    homes: dict[str, list[str]] = {}
    for path in modules():
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(identify(path))
    several = {name: places for name, places in homes.items() if len(places) > 1}
    # The same of two hosts.
    allowed = {"CommitStatus", "OwnerReply", "PullComment", "PullRequestAnswer", "User"}
    assert several.keys() <= allowed, several


def test_no_modules_import_each_other_in_a_circle() -> None:
    homes = {_dotted(path): path for path in modules()}
    imported = {
        own: {
            home for _, name in imports(path) if (home := _home_of(name, homes)) not in (None, own)
        }
        for own, path in homes.items()
    }
    try:
        TopologicalSorter(imported).prepare()
    except CycleError as error:
        raise AssertionError(f"a circle: {' <- '.join(error.args[1])}") from None


def _dotted(path: Path) -> str:
    return ".".join(("cci_migrate", *path.relative_to(PACKAGE).with_suffix("").parts))


def _home_of(name: str, homes: Mapping[str, Path]) -> str | None:
    """The module that ``name`` is, or that defines it; None for another package's."""
    return next((each for each in (name, name.rpartition(".")[0]) if each in homes), None)
