"""The policy as a file: ``.cci-migrate.toml``, or ``[tool.cci-migrate]`` in ``pyproject.toml``.

Its JSON Schema is `schemas/policy.schema.json`; `docs/policy.md` describes every key.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, get_args

from msgspec import Struct

from cci_migrate.bounds.bounded_file import UnreadableFileError, read_bounded, read_bounded_text
from cci_migrate.docker.registries import DOCKER_HUB, normalise_host
from cci_migrate.error_kinds import UserError
from cci_migrate.lazy_patterns import lazy_pattern
from cci_migrate.policy.setting_kinds import (
    Setting,
    Tables,
    TextList,
    TextValue,
    WrongValueError,
    conflict_between,
    settings_of,
)
from cci_migrate.policy.settings import (
    DEFAULT_DOCKER_HUB,
    HOST_PATTERN,
    CredentialStore,
    JobCredential,
    PasswordAuth,
    Policy,
    RegistryCredential,
    RegistryPolicy,
)
from cci_migrate.policy.text import account_data

FILE_NAME = ".cci-migrate.toml"
PYPROJECT = "pyproject.toml"

#: More than any real policy has; not all TOML readers take linear time.
MAX_BYTES = 2**20

_OUR_TABLE = ("tool", "cci-migrate")
# Keys of TOML, to find the line of a mistake: https://toml.io/en/v1.0.0#keys
_KEY_TEXT = r"(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')"
_KEY_PART = lazy_pattern(_KEY_TEXT)
_HEADING = lazy_pattern(rf"\s*\[(\[?)\s*({_KEY_TEXT}(?:\s*\.\s*{_KEY_TEXT})*)\s*\]")
_ENTRY = lazy_pattern(rf"\s*({_KEY_TEXT}(?:\s*\.\s*{_KEY_TEXT})*)\s*=")


class PolicyError(UserError):
    """A policy file that cannot be used; ``problem`` says why and what to do.

    ``keys`` are the keys that lead to the mistake in the table; ``line`` is set if the file is not
    TOML.
    """

    def __init__(self, problem: str, keys: tuple[str, ...] = (), line: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.keys = keys
        self.line = line


#: The host of a registry, in which ``*`` matches anything, with its port.
_HOST = lazy_pattern(HOST_PATTERN)
_FILE_NAME = TextValue(lambda text: text if text.strip() else None, 'a string: baseline = "..."')


class PolicyFile(Struct, frozen=True):
    """A policy and the file it was read from.

    ``keys`` are the keys in the file, and in its table for Docker Hub. ``baseline`` is the path of
    the baseline that it names.
    """

    path: Path
    policy: Policy
    keys: frozenset[str] = frozenset()
    baseline: Annotated[
        Path | None,
        Setting(
            "A baseline (--write-baseline), by its path from the policy file. Its findings are "
            "not reported.",
            _FILE_NAME,
        ),
    ] = None


def find_policy_file(folder: Path) -> Path | None:
    """The policy file of ``folder``: in it, or in the nearest folder above that has one.

    A ``pyproject.toml`` counts only with a ``[tool.cci-migrate]`` in it. None: there is no such
    file. Raises PolicyError for a folder with two policies, and for a symbolic link that leaves its
    repository: an error would quote somebody else's file.
    """
    for parent in (folder, *folder.parents):
        own_file, pyproject = parent / FILE_NAME, parent / PYPROJECT
        policies = [own_file] if own_file.is_file() else []
        if pyproject.is_file() and _has_our_table(pyproject):
            policies.append(pyproject)
        if len(policies) > 1:
            raise PolicyError(
                f"{pyproject}: [tool.cci-migrate] and {own_file} are both policies; keep one"
            )
        if policies:
            return _in_its_repository(policies[0])
    return None


def _in_its_repository(path: Path) -> Path:
    repository = next((parent for parent in path.parents if (parent / ".git").exists()), None)
    if repository is not None and not path.resolve().is_relative_to(repository.resolve()):
        raise PolicyError(f"{path}: a symbolic link out of the repository; use --config")
    return path


def _has_our_table(path: Path) -> bool:
    try:
        data = read_bounded(path, MAX_BYTES)
        if b"[tool.cci-migrate" in data:
            return True
        return b"cci-migrate" in data and _table(path) is not None
    except (UnreadableFileError, PolicyError):
        # An unreadable file of somebody else is for them to mend.
        return False


def read_policy_file(path: Path, rules: Collection[str]) -> PolicyFile:
    """The policy in the file ``path``. ``rules`` are the ids of all rules.

    Raises PolicyError for a file that can't be read, is not TOML, or is no valid policy; the text
    begins with ``file:line:``.
    """
    try:
        table = _table(path) or {}
        policy = parse_policy(table, rules)
        hub = (
            entry
            for host, entry in table.get("registries", {}).items()
            if normalise_host(host) == DOCKER_HUB
        )
        named_files = {
            field: path.parent / name for field, name in _values(PolicyFile, table, ()).items()
        }
        return PolicyFile(path, policy, frozenset(table).union(*hub), **named_files)
    except PolicyError as error:
        line = error.line or _line_of(path, error.keys)
        where = f"{path}:{line}" if line is not None else f"{path}"
        raise PolicyError(f"{where}: {error.problem}", error.keys, line) from None


def _table(path: Path) -> Mapping[str, Any] | None:
    """The tool's table in the file; None for a ``pyproject.toml`` without one."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        data: dict[str, Any] = tomllib.loads(read_bounded_text(path, MAX_BYTES))
    except UnreadableFileError as error:
        raise PolicyError(f"can't be read: {error}") from None
    except RecursionError:
        raise PolicyError("can't be read: it is nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        # Its message quotes no values, and ends with the place.
        line = re.search(r"line (\d+)", str(error))
        raise PolicyError(f"is not TOML: {error}", line=int(line[1]) if line else None) from None
    if path.name != PYPROJECT:
        return data
    tool = data.get("tool")
    table = tool.get("cci-migrate") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else None


def file_settings() -> tuple[Setting, ...]:
    """The settings that a policy file can have, in order."""
    declared = (*settings_of(Policy), *settings_of(PolicyFile))
    return tuple(setting for setting in declared if setting.in_file)


def parse_policy(table: Mapping[str, Any], rules: Collection[str]) -> Policy:
    """The policy in the TOML ``table``. ``rules`` are the ids of all rules.

    Raises PolicyError, which names the key of the mistake.
    """
    _check_keys(table, [setting.key for setting in file_settings()], ())
    values = _values(Policy, table, ())
    for setting in settings_of(Policy):
        if isinstance(setting.values, TextList) and setting.values.are_rules:
            for name in table.get(setting.key, ()):
                if name not in rules:
                    problem = (
                        f"{setting.key} names an unknown rule, {name}{suggestion(name, rules)}"
                    )
                    raise PolicyError(problem, (setting.key,))
    settings = {
        setting.key: values[setting.field]
        for setting in settings_of(Policy)
        if setting.field in values
    }
    for setting in settings_of(Policy):
        conflict = conflict_between([setting], settings)
        if conflict is not None:
            raise PolicyError(conflict, (setting.key,))
    registries = _registries(table.get("registries", {}), settings)
    return Policy(**values, registries=registries)


def _values(kind: type[Struct], table: Mapping[str, Any], at: tuple[str, ...]) -> dict[str, Any]:
    """The values in ``table`` of the settings of ``kind``, by field, without nested tables."""
    read = {}
    for setting in settings_of(kind):
        is_there, values = setting.key in table, setting.values
        if isinstance(values, Tables) or not (is_there or setting.is_required):
            continue
        here = (*at, setting.key) if is_there else at
        try:
            read[setting.field] = values.read(table.get(setting.key))
        except WrongValueError as error:
            raise PolicyError(f"{setting.key} {error}", here) from None
        except ValueError as error:
            raise PolicyError(f"{setting.key}: {error}", here) from None
    return read


def suggestion(word: str, known: Collection[str]) -> str:
    """``; did you mean x?`` with the nearest of ``known``; all of them if none is near."""
    from difflib import get_close_matches  # only a mistake needs it

    close = get_close_matches(word, sorted(known), n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known: {', '.join(sorted(known))}"


def _check_keys(table: Mapping[str, Any], known: Collection[str], at: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            raise PolicyError(f"unknown key {key}{suggestion(key, known)}", (*at, key))


def _registries(value: object, settings: Mapping[str, Any]) -> tuple[RegistryPolicy, ...]:
    """The registries in the table ``value``; ``settings`` are the policy's, by their keys."""
    if not isinstance(value, dict):
        raise PolicyError('registries must be tables: [registries."docker.io"]', ("registries",))
    registries: dict[str, RegistryPolicy] = {}
    for name, table in value.items():
        at = ("registries", name)
        if not _HOST.fullmatch(name):
            raise PolicyError(_no_host(name), at)
        host = normalise_host(name)
        if host in registries:
            raise PolicyError(f"duplicate table for {host}", at)
        registries[host] = _registry(host, table, at, settings)
    registries.setdefault(DOCKER_HUB, DEFAULT_DOCKER_HUB)
    return tuple(registries.values())


def _no_host(name: str) -> str:
    host = normalise_host(name)
    example = host if _HOST.fullmatch(host) else DOCKER_HUB
    return f'{name} is not a registry host; write [registries."{example}"]'


def _registry(
    host: str, table: object, at: tuple[str, ...], settings: Mapping[str, Any]
) -> RegistryPolicy:
    if not isinstance(table, dict):
        raise PolicyError("a registry must be a table with its host as the name", at)
    if host == DOCKER_HUB:
        declared = (*settings_of(PasswordAuth), *settings_of(RegistryPolicy))
        _check_keys(table, [setting.key for setting in declared], at)
        defaults = account_data(DEFAULT_DOCKER_HUB)
        if settings.get("credentials") is CredentialStore.PROJECT:
            defaults["context"] = False
        table = {**defaults, **table}
    jobs = tuple(_jobs(table.get("jobs", []), (*at, "jobs"), settings))
    return RegistryPolicy(host, **_account(RegistryPolicy, table, at, settings), jobs=jobs)


def _jobs(
    value: object, at: tuple[str, ...], settings: Mapping[str, Any]
) -> Iterator[JobCredential]:
    if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
        raise PolicyError(f'jobs must be tables: [[registries."{at[1]}".jobs]]', at)
    seen: set[str] = set()
    for number, table in enumerate(value, 1):
        here = (*at, f"#{number}")
        job = JobCredential(**_account(JobCredential, table, here, settings))
        for glob in job.match:
            if glob in seen:
                raise PolicyError(f"two jobs tables match {glob}", (*here, "match"))
            seen.add(glob)
        yield job


def _account(
    kind: type[RegistryPolicy | JobCredential],
    table: Mapping[str, Any],
    at: tuple[str, ...],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """The values in ``table``, which ``at`` leads to, of the fields of ``kind``, an account.

    ``settings`` are the policy's settings, by their keys.
    """
    forms = {
        form: [setting.key for setting in settings_of(form)]
        for form in get_args(RegistryCredential)
    }
    own_keys = [setting.key for setting in settings_of(kind)]
    _check_keys(table, [*own_keys, *chain.from_iterable(forms.values())], at)
    values = _values(kind, table, at)
    used = [form for form, keys in forms.items() if not table.keys().isdisjoint(keys)]
    if len(used) != 1:
        forms_text = "; or ".join(" and ".join(keys) for keys in forms.values())
        name = "jobs" if kind is JobCredential else at[1]
        raise PolicyError(f"{name} must have one kind of credential: {forms_text}", at)
    for key in forms[used[0]]:
        if key not in table:
            raise PolicyError(f"{key} is missing", at)
    if "context" in values:
        problem = conflict_between(settings_of(kind), {**settings, "context": values["context"]})
        if problem is not None:
            raise PolicyError(problem, (*at, "context"))
    return {**values, "credential": used[0](**_values(used[0], table, at))}


def _line_of(path: Path, keys: tuple[str, ...]) -> int | None:
    """The line of ``path`` with the last of ``keys``; None if it is not found.

    TOML readers return no places; this search does not know every form of a key.
    """
    try:
        lines = read_bounded_text(path, MAX_BYTES).splitlines()
    except UnreadableFileError:
        return None
    table: tuple[str, ...] = ()
    counts: dict[tuple[str, ...], int] = {}
    prefix = _OUR_TABLE if path.name == PYPROJECT else ()
    for number, line in enumerate(lines, 1):
        heading = _HEADING.match(line)
        if heading is not None:
            table = _key_parts(heading[2])
            if heading[1]:
                counts[table] = counts.get(table, 0) + 1
                table = (*table, f"#{counts[table]}")
            here = table
        else:
            entry = _ENTRY.match(line)
            if entry is None:
                continue
            here = (*table, *_key_parts(entry[1]))
        if keys and here == (*prefix, *keys):
            return number
    return None


def _key_parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _KEY_PART.findall(dotted))
