"""The answers of a session as a file, to repeat them without a terminal.

JSON, with a version. It holds what was decided on each finding, what was answered for all, and for
each config the policy and the lines that were to change. When it is read again all of that must
still be so: an answers file never makes another change than the one that was shown.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from typing_extensions import assert_never

from cci_migrate.bounds.bounded_file import UnreadableFileError, read_bounded_text
from cci_migrate.bounds.json_input import JsonInputError, check_version, parsed_json, typed
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.escaping.json_text import json_to_read_back
from cci_migrate.files.output_files import write_atomically
from cci_migrate.findings import ChosenNames, Decision, Finding, Fix, NoFix, Question
from cci_migrate.interactive.policy_questions import GeneralAnswers
from cci_migrate.interactive.session_errors import AnswersError
from cci_migrate.policy.file import suggestion
from cci_migrate.policy.name_syntax import credential_text, is_context_name, secret_variable
from cci_migrate.policy.settings import PasswordAuth

FORMAT = "cci-migrate answers"
VERSION = 2
#: Some hundred thousand findings.
MAX_BYTES = 64 * 2**20
#: How many differences a message lists.
_MOST = 10


class SavedNames(Struct, frozen=True, forbid_unknown_fields=True):
    """The names that one finding's fix is to write."""

    username: str
    password: str
    context: str | None

    __repr__ = repr_without("password")

    def __post_init__(self) -> None:
        """Raises ValueError for what may be a password itself, and for no context's name."""
        if secret_variable(self.password) is None:
            raise ValueError("password must be the name of a variable")
        if self.context is not None and not is_context_name(self.context):
            raise ValueError("context must be a name or null")

    @property
    def names(self) -> ChosenNames:
        """The same, for a decision."""
        password = secret_variable(self.password) or self.password
        return ChosenNames(PasswordAuth(credential_text(self.username), password), self.context)


class SavedFinding(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A finding as it was, and what was decided on it. ``choices`` are the keys of a question's."""

    key: str
    message: str
    decision: Decision
    choices: tuple[str, ...] = ()
    names: SavedNames | None = None


class SavedConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """The answers on one config. ``lines`` are those taken away and added, with their signs."""

    name: str = field(name="config")
    policy: Mapping[str, Any]
    findings: tuple[SavedFinding, ...]
    lines: tuple[str, ...]

    __repr__ = repr_without("lines")


class Answers(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """The answers of a session, as the file has them."""

    format: str = FORMAT
    version: int = VERSION
    general: GeneralAnswers = field(name="for-all")
    configs: tuple[SavedConfig, ...]

    @cached_property
    def by_name(self) -> Mapping[str, SavedConfig]:
        """The answers on each config, by its name; of several the first."""
        return {config.name: config for config in reversed(self.configs)}


def saved(finding: Finding, decision: Decision, names: ChosenNames | None) -> SavedFinding:
    """What is kept of the ``decision`` on ``finding``."""
    own = None
    if names is not None and isinstance(names.credential, PasswordAuth):
        own = SavedNames(names.credential.username, names.credential.password, names.context)
    return SavedFinding(str(finding.key), finding.message, decision, _choices(finding), own)


def _choices(finding: Finding) -> tuple[str, ...]:
    match finding.remedy:
        case Question(choices=choices):
            return tuple(choice.key for choice in choices)
        case Fix() | NoFix():
            return ()
        case _:
            assert_never(finding.remedy)


def findings_differ(config: SavedConfig, findings: Sequence[Finding]) -> Iterator[str]:
    """How ``findings``, those there are now, differ from those that were answered."""
    then = {finding.key: finding for finding in config.findings}
    now = {str(finding.key): finding for finding in findings}
    for key in (key for key in now if key not in then):
        yield f"{now[key].message} ({now[key].owner}): not answered yet"
    for key in (key for key in then if key not in now):
        yield f"{then[key].message}: no longer found"
    for key in (key for key in then if key in now):
        if then[key].message != now[key].message:
            yield f"{now[key].message}; it was: {then[key].message}"
        elif then[key].choices != _choices(now[key]):
            yield f"{now[key].message}: the choices have changed"


def policy_differs(config: SavedConfig, policy: Mapping[str, Any]) -> Iterator[str]:
    """How ``policy``, the one there is now, differs from the one that was answered under."""
    for key in sorted(config.policy.keys() | policy.keys()):
        then, now = config.policy.get(key), policy.get(key)
        if then != now:
            yield f"{key} of the policy was {_as_json(then)} and is {_as_json(now)}"


def _as_json(value: object) -> str:
    return "not set" if value is None else json.dumps(value, ensure_ascii=False)


def refusal(path: Path, name: str, differences: Sequence[str]) -> AnswersError:
    """The error for answers that do not fit."""
    more = len(differences) - _MOST
    return AnswersError(
        f"{path}: the answers no longer fit {name}; answer again with --interactive:",
        *differences[:_MOST],
        *([f"and {more} more"] if more > 0 else []),
    )


def check_can_be_saved(path: Path) -> None:
    """Raise AnswersError where answers could not be saved to ``path``, before any is given.

    A file that is there is replaced only if it holds answers.
    """
    if not path.parent.is_dir():
        raise AnswersError(f"{path}: cannot be written: no such folder")
    if path.exists():
        try:
            read(path)
        except AnswersError:
            raise AnswersError(
                f"{path}: exists and is not an answers file; name another one"
            ) from None
    if not os.access(path.parent, os.W_OK):
        raise AnswersError(f"{path}: cannot be written: the folder is read-only")


def save(path: Path, answers: Answers) -> None:
    """Write ``answers``, whole or not at all. Raises AnswersError."""
    text = json_to_read_back(answers, indent=2) + "\n"
    try:
        write_atomically(path, text.encode())
    except OSError as error:
        raise AnswersError(f"{path}: cannot be written: {error.strerror}") from None


def read(path: Path) -> Answers:
    """The answers in ``path``. Raises AnswersError, which names the place."""
    try:
        data = parsed_json(read_bounded_text(path, MAX_BYTES))
    except UnreadableFileError as error:
        raise AnswersError(f"{path}: can't be read: {error}") from None
    except JsonInputError as error:
        where = path if error.line is None else f"{path}:{error.line}:{error.column}"
        raise AnswersError(f"{where}: {error}") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise AnswersError(f"{path}: is not an answers file; --save-answers writes one")
    try:
        check_version(data, VERSION)
        return typed(data, Answers)
    except JsonInputError as error:
        known = GeneralAnswers.__struct_fields__ if error.place == "for-all" else ()
        hint = suggestion(error.unknown_key, known) if error.unknown_key and known else ""
        raise AnswersError(f"{path}: {error}{hint}; answer again with --interactive") from None
