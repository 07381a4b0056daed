"""The policy as a file: ``.cci-migrate.toml``, or ``[tool.cci-migrate]`` in ``pyproject.toml``.

Its JSON Schema is `schemas/policy.schema.json`; `docs/policy.md` describes every key.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from cci_migrate.bounds.bounded_file import UnreadableFileError, read_bounded
from cci_migrate.docker.mirrors import InvalidMirrorError, Mirror, parse_mirror
from cci_migrate.docker.registries import host_matches
from cci_migrate.policy.model import (
    DEFAULT_DOCKER_HUB,
    DOCKER_HUB,
    AwsKeyAuth,
    AwsRoleAuth,
    CredentialStore,
    GcpAuth,
    JobCredential,
    PasswordAuth,
    Policy,
    RegistryCredential,
    RegistryPolicy,
)

FILE_NAME = ".cci-migrate.toml"
PYPROJECT = "pyproject.toml"

#: No policy is as long; readers of TOML are not all linear.
MOST_BYTES = 2**20

_REGISTRIES = "registries"
_OUR_TABLE = ("tool", "cci-migrate")
_KEYS = (
    "platform",
    "credentials",
    "login",
    "docker-orb",
    "fix-orbs",
    "add-workflow",
    "mirror",
    "upgrade-version",
    "baseline",
    "select",
    "ignore",
    "exempt-images",
    "exclude",
    _REGISTRIES,
)
_PASSWORD_KEYS = ("username", "password")
_AWS_KEYS = ("aws-access-key-id", "aws-secret-access-key")
_AWS_ROLE_KEYS = ("oidc-role-arn",)
_GCP_KEYS = ("oidc-service-account", "workload-identity-pool", "workload-identity-provider")
_FORMS = (_PASSWORD_KEYS, _AWS_KEYS, _AWS_ROLE_KEYS, _GCP_KEYS)
_CONTEXT = "context"
_JOBS = "jobs"
_MATCH = "match"
#: What must never be written out.
_SECRET_KEYS = frozenset({"password", "aws-secret-access-key"})

#: A variable as CircleCI takes it for credentials: ``$NAME``. ``NAME`` and ``${NAME}`` are what
#: people write where a shell would have put in the value of ``$NAME``.
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_VARIABLE = re.compile(rf"\$(?:({_NAME})|\{{({_NAME})\}})|({_NAME})")
#: What a bare name must have for it not to be taken for the secret itself.
_LOOKS_LIKE_A_NAME = re.compile(
    r"[A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9]|[A-Z0-9]*(?:PASS|PASSWORD|PWD|TOKEN|SECRET|KEY)"
)
# Keys of TOML, for telling the line of a mistake: https://toml.io/en/v1.0.0#keys
_KEY_TEXT = r"(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')"
_KEY_PART = re.compile(_KEY_TEXT)
_HEADING = re.compile(rf"\s*\[(\[?)\s*({_KEY_TEXT}(?:\s*\.\s*{_KEY_TEXT})*)\s*\]")
_ENTRY = re.compile(rf"\s*({_KEY_TEXT}(?:\s*\.\s*{_KEY_TEXT})*)\s*=")
_ORB_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+){0,2}")
_DEFAULT = Policy()

_Member = TypeVar("_Member", bound=Enum)


class PolicyError(ValueError):
    """A policy that cannot be followed; ``problem`` says why and what to do.

    ``keys`` lead to the place in the table; ``line`` is known for what is not TOML.
    """

    def __init__(self, problem: str, keys: tuple[str, ...] = (), line: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.keys = keys
        self.line = line


class PolicyFile(Struct, frozen=True):
    """A policy and the file it was read from. ``told`` are the keys that the file has, and those
    of its table for Docker Hub. ``baseline`` is the file that it names as one."""

    path: Path
    policy: Policy
    told: frozenset[str] = frozenset()
    baseline: Path | None = None


def variable(text: str) -> str | None:
    """``$NAME`` for ``$NAME``, ``${NAME}`` or ``NAME``; None for anything else."""
    match = _VARIABLE.fullmatch(text)
    return f"${match[match.lastindex or 0]}" if match else None


def secret_variable(text: str) -> str | None:
    """As `variable`, but a bare name must look like one, since it may be the secret itself.

    ``DOCKERHUB_PASSWORD`` and ``TOKEN`` do; ``hunter2`` does not.
    """
    if text.startswith("$") or _LOOKS_LIKE_A_NAME.fullmatch(text):
        return variable(text)
    return None


def credential_text(text: str) -> str:
    """A value that need not be secret: a ``${NAME}`` as ``$NAME``, anything else as it is."""
    return (variable(text) if text.startswith("$") else None) or text


def is_context_name(text: str) -> bool:
    """Whether CircleCI takes ``text`` as the name of a context.

    https://circleci.com/docs/guides/security/contexts/: up to 200 characters, no white space
    around them.
    """
    return bool(text) and text == text.strip() and len(text) <= 200 and text.isprintable()


def find_policy_file(folder: Path) -> Path | None:
    """The policy file of ``folder``: in it, or in the nearest folder above that has one.

    A ``pyproject.toml`` counts only with a ``[tool.cci-migrate]`` in it. Raises PolicyError for a
    symbolic link that leaves its repository: an error would quote somebody else's file.
    """
    for parent in (folder, *folder.parents):
        own = parent / FILE_NAME
        if own.is_file():
            return _in_its_repository(own)
        shared = parent / PYPROJECT
        if shared.is_file() and _speaks_of_us(shared):
            return _in_its_repository(shared)
    return None


def _in_its_repository(path: Path) -> Path:
    repository = next((one for one in path.parents if (one / ".git").exists()), None)
    if repository is not None and not path.resolve().is_relative_to(repository.resolve()):
        raise PolicyError(
            f"{path}: a symbolic link that leaves the repository; name the file with --config"
        )
    return path


def _speaks_of_us(path: Path) -> bool:
    try:
        data = read_bounded(path, MOST_BYTES)
        if b"[tool.cci-migrate" in data:
            return True
        return b"cci-migrate" in data and _table(path) is not None
    except (UnreadableFileError, PolicyError):
        # Somebody else's file, in no shape to be read: theirs to mend.
        return False


def read_policy_file(path: Path, rules: Collection[str]) -> PolicyFile:
    """The policy in the file ``path``. ``rules`` are the ids of all rules there are.

    Raises PolicyError for a file that cannot be read, is not TOML, or says what no policy can; the
    text begins with ``file:line:``.
    """
    try:
        table = _table(path) or {}
        policy = parse_policy(table, rules)
        hub = (
            entry
            for host, entry in table.get(_REGISTRIES, {}).items()
            if host_matches(host, DOCKER_HUB)
        )
        baseline = _text(table, "baseline")
        found = None if baseline is None else path.parent / baseline
        return PolicyFile(path, policy, frozenset(table).union(*hub), found)
    except PolicyError as error:
        line = error.line or _line_of(path, error.keys)
        where = f"{path}:{line}" if line is not None else f"{path}"
        raise PolicyError(f"{where}: {error.problem}", error.keys, line) from None


def _table(path: Path) -> Mapping[str, Any] | None:
    """The table of the file that is ours; None for a ``pyproject.toml`` without one."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        data: dict[str, Any] = tomllib.loads(read_bounded(path, MOST_BYTES).decode("utf-8-sig"))
    except UnreadableFileError as error:
        raise PolicyError(f"cannot be read: {error}") from None
    except RecursionError:
        raise PolicyError("cannot be read: its brackets lie too deep in each other") from None
    except UnicodeDecodeError:
        raise PolicyError("is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        # Its message quotes no values, and ends with the place.
        line = re.search(r"line (\d+)", str(error))
        raise PolicyError(f"is not TOML: {error}", line=int(line[1]) if line else None) from None
    if path.name != PYPROJECT:
        return data
    tool = data.get("tool")
    ours = tool.get("cci-migrate") if isinstance(tool, dict) else None
    return ours if isinstance(ours, dict) else None


def parse_policy(table: Mapping[str, Any], rules: Collection[str]) -> Policy:
    """The policy that the TOML ``table`` describes. ``rules`` are the ids of all rules there are.

    Raises PolicyError, which names the key.
    """
    _only(table, _KEYS, ())
    credentials = None
    if "credentials" in table:
        credentials = _one_of(table, "credentials", CredentialStore.CONTEXT)
    select = _rules(table, "select", rules)
    _text(table, "baseline")  # read by whoever reads the file: the policy holds what is in it
    return Policy(
        platform=_one_of(table, "platform", _DEFAULT.platform),
        credentials=credentials,
        registries=_registries(table),
        exempt_images=_texts(table, "exempt-images") or (),
        exclude=_texts(table, "exclude") or (),
        select=None if select is None else frozenset(select),
        ignore=frozenset(_rules(table, "ignore", rules) or ()),
        login=_one_of(table, "login", _DEFAULT.login),
        docker_orb=_orb_version(table),
        fix_orbs=_flag(table, "fix-orbs"),
        add_workflow=_flag(table, "add-workflow"),
        mirror=_mirror(table),
        upgrade_version=_flag(table, "upgrade-version"),
    )


def nearest(word: str, known: Collection[str]) -> str:
    """``; did you mean x?`` with the nearest of ``known``, or what there is, if none is near."""
    from difflib import get_close_matches  # only a mistake needs it

    close = get_close_matches(word, sorted(known), n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; there are {', '.join(sorted(known))}"


def _only(table: Mapping[str, Any], known: Collection[str], inside: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            raise PolicyError(f"unknown key {key}{nearest(key, known)}", (*inside, key))


def _one_of(table: Mapping[str, Any], key: str, default: _Member) -> _Member:
    """The member of ``default``'s kind that ``table`` names."""
    if key not in table:
        return default
    for member in type(default):
        if member.value == table[key]:
            return member
    known = " or ".join(f'"{member.value}"' for member in type(default))
    raise PolicyError(f"{key} must be {known}", (key,))


def _flag(table: Mapping[str, Any], key: str) -> bool:
    value = table.get(key, False)
    if isinstance(value, bool):
        return value
    raise PolicyError(f"{key} must be true or false", (key,))


def _mirror(table: Mapping[str, Any]) -> Mirror | None:
    value = table.get("mirror")
    if value is None:
        return None
    if not isinstance(value, str):
        raise PolicyError('mirror must be a text: mirror = "mirror.example.com/hub"', ("mirror",))
    try:
        return parse_mirror(value)
    except InvalidMirrorError as error:
        raise PolicyError(f"mirror: {error}", ("mirror",)) from None


def _text(table: Mapping[str, Any], key: str) -> str | None:
    value = table.get(key)
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    raise PolicyError(f'{key} must be a text: {key} = "..."', (key,))


def _texts(table: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    if key not in table:
        return None
    value = table[key]
    if isinstance(value, list) and all(isinstance(one, str) and one for one in value):
        return tuple(value)
    raise PolicyError(f'{key} must be a list of texts: {key} = ["...", "..."]', (key,))


def _rules(table: Mapping[str, Any], key: str, known: Collection[str]) -> tuple[str, ...] | None:
    names = _texts(table, key)
    for name in names or ():
        if name not in known:
            raise PolicyError(f"{key} names an unknown rule, {name}{nearest(name, known)}", (key,))
    return names


def _orb_version(table: Mapping[str, Any]) -> str:
    value = table.get("docker-orb", _DEFAULT.docker_orb)
    if isinstance(value, str) and _ORB_VERSION.fullmatch(value):
        return value
    raise PolicyError('docker-orb must be a version as a text, such as "4.0.1"', ("docker-orb",))


def _registries(table: Mapping[str, Any]) -> tuple[RegistryPolicy, ...]:
    value = table.get(_REGISTRIES, {})
    if not isinstance(value, dict):
        raise PolicyError('registries must be tables: [registries."docker.io"]', (_REGISTRIES,))
    found = tuple(_registry(host, entry) for host, entry in value.items())
    covered = any(registry.host == DOCKER_HUB for registry in found)
    return found if covered else (*found, DEFAULT_DOCKER_HUB)


def _registry(host: str, table: object) -> RegistryPolicy:
    at = (_REGISTRIES, host)
    if not host.strip() or not isinstance(table, dict):
        raise PolicyError("a registry must be a table with its host as the name", at)
    _only(table, [_CONTEXT, _JOBS, *(key for form in _FORMS for key in form)], at)
    jobs = tuple(_job_credentials(table.get(_JOBS, []), (*at, _JOBS)))
    default = DEFAULT_DOCKER_HUB if host == DOCKER_HUB else None
    context = _context(table, at, default)
    forms = [form for form in _FORMS if any(key in table for key in form)]
    if not forms and default is not None:
        return RegistryPolicy(host, default.credential, context, jobs)
    if len(forms) != 1:
        known = "; or ".join(" and ".join(form) for form in _FORMS)
        raise PolicyError(f"{host} must have one kind of credential: {known}", at)
    return RegistryPolicy(host, _credential(table, at, forms[0], default), context, jobs)


def _job_credentials(value: object, at: tuple[str, ...]) -> Iterator[JobCredential]:
    if not isinstance(value, list):
        raise PolicyError(f'jobs must be tables: [[registries."{at[1]}".jobs]]', at)
    seen: set[str] = set()
    for number, table in enumerate(value, 1):
        here = (*at, f"#{number}")
        if not isinstance(table, dict):
            raise PolicyError(f'jobs must be tables: [[registries."{at[1]}".jobs]]', at)
        _only(table, [_MATCH, _CONTEXT, *(key for form in _FORMS for key in form)], here)
        match = table.get(_MATCH)
        globs = [match] if isinstance(match, str) else match
        if (
            not isinstance(globs, list)
            or not globs
            or not all(isinstance(one, str) and one.strip() for one in globs)
        ):
            problem = 'match must be names of jobs: match = ["deploy*", "release-*"]'
            raise PolicyError(problem, (*here, _MATCH) if _MATCH in table else here)
        for glob in globs:
            if glob in seen:
                raise PolicyError(f"two of the jobs have match {glob}", (*here, _MATCH))
            seen.add(glob)
        forms = [form for form in _FORMS if any(key in table for key in form)]
        if len(forms) != 1:
            known = "; or ".join(" and ".join(form) for form in _FORMS)
            raise PolicyError(f"jobs must have one kind of credential: {known}", here)
        credential = _credential(table, here, forms[0], None)
        yield JobCredential(tuple(globs), credential, _context(table, here, None))


def _context(
    table: Mapping[str, Any], at: tuple[str, ...], default: RegistryPolicy | None
) -> str | None:
    value = table.get(_CONTEXT)
    if value is None:
        return default.context if default is not None else None
    if value is False:
        return None
    if isinstance(value, str) and is_context_name(value):
        return value
    raise PolicyError(
        "context must be the name of a context, or false where the project's settings hold the "
        "variables",
        (*at, _CONTEXT),
    )


def _credential(
    table: Mapping[str, Any],
    at: tuple[str, ...],
    form: tuple[str, ...],
    default: RegistryPolicy | None,
) -> RegistryCredential:
    values = dict(_credential_values(table, at, form, default))
    if form == _PASSWORD_KEYS:
        return PasswordAuth(values["username"], values["password"])
    if form == _AWS_KEYS:
        return AwsKeyAuth(values["aws-access-key-id"], values["aws-secret-access-key"])
    if form == _AWS_ROLE_KEYS:
        return AwsRoleAuth(values["oidc-role-arn"])
    return GcpAuth(*(values[key] for key in _GCP_KEYS))


def _credential_values(
    table: Mapping[str, Any],
    at: tuple[str, ...],
    form: tuple[str, ...],
    default: RegistryPolicy | None,
) -> Iterator[tuple[str, str]]:
    for key in form:
        if key in table:
            yield key, _credential_value(table[key], (*at, key))
        elif default is not None and isinstance(default.credential, PasswordAuth):
            yield key, getattr(default.credential, key)
        else:
            raise PolicyError(f"{key} is missing", at)


def _credential_value(value: object, at: tuple[str, ...]) -> str:
    key = at[-1]
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise PolicyError(f"{key} must be a text", at)
    if key not in _SECRET_KEYS:
        return credential_text(value)
    name = secret_variable(value)
    if name is None:
        # What stands there may be the secret itself, so it is not repeated.
        raise PolicyError(
            f"{key} must be the name of an environment variable, such as $DOCKERHUB_PASSWORD; "
            "a secret itself has no place in a policy",
            at,
        )
    return name


def _line_of(path: Path, keys: tuple[str, ...]) -> int | None:
    """The line of ``path`` on which ``keys`` lead to their last one, as far as a look can tell.

    TOML readers do not tell places; a key in a form that this does not see gets no line.
    """
    try:
        lines = read_bounded(path, MOST_BYTES).decode("utf-8-sig").splitlines()
    except (UnreadableFileError, UnicodeDecodeError):
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
