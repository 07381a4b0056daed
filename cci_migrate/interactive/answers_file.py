"""The answers of a session as a file, to be given again without a terminal.

JSON, with a version. It holds what was decided on each finding, what was answered for all, and for
each config the policy and the lines that were to change. When it is read again all of that must
still be so: an answers file never makes a change other than the one that was looked at.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from typing_extensions import assert_never

from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.escaping.json_text import json_to_read_back
from cci_migrate.files.atomic_write import write_whole
from cci_migrate.findings import (
    Answer,
    Apply,
    Decision,
    Finding,
    Fix,
    Names,
    NoFix,
    Question,
    Skip,
    Suppress,
)
from cci_migrate.interactive.configs import Topic
from cci_migrate.interactive.errors import AnswersError
from cci_migrate.interactive.policy_questions import GeneralAnswers, is_answer
from cci_migrate.policy.file import credential_text, is_context_name, nearest, secret_variable
from cci_migrate.policy.model import PasswordAuth

FORMAT = "cci-migrate answers"
VERSION = 1
#: How many differences are told.
_MOST = 10


class SavedFinding(Struct, frozen=True):
    """A finding as it was, and what was decided on it. ``choices`` are the keys of a question's."""

    key: str
    message: str
    choices: tuple[str, ...]
    decision: Decision
    names: Names | None = None


class SavedConfig(Struct, frozen=True):
    """The answers on one config. ``lines`` are those taken away and added, with their signs."""

    name: str
    policy: Mapping[str, Any]
    findings: tuple[SavedFinding, ...]
    lines: tuple[str, ...]

    __repr__ = repr_without("lines")


class Answers(Struct, frozen=True):
    """The answers of a session."""

    general: GeneralAnswers
    configs: tuple[SavedConfig, ...]

    def of(self, name: str) -> SavedConfig | None:
        """The answers on the config of that name."""
        return next((one for one in self.configs if one.name == name), None)


def saved(finding: Finding, decision: Decision, names: Names | None) -> SavedFinding:
    """What is kept of the ``decision`` on ``finding``."""
    return SavedFinding(finding.key, finding.message, _choices(finding), decision, names)


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
    then = {one.key: one for one in config.findings}
    now = {one.key: one for one in findings}
    for key in (key for key in now if key not in then):
        yield f"{now[key].message} ({now[key].owner}): there is no answer to it"
    for key in (key for key in then if key not in now):
        yield f"{then[key].message}: it is no longer found"
    for key in (key for key in then if key in now):
        if then[key].message != now[key].message:
            yield f"{now[key].message}; it was: {then[key].message}"
        elif then[key].choices != _choices(now[key]):
            yield f"{now[key].message}: there are other answers to choose from"


def policy_differs(config: SavedConfig, policy: Mapping[str, Any]) -> Iterator[str]:
    """How ``policy``, the one there is now, differs from the one that was answered under."""
    for key in sorted(config.policy.keys() | policy.keys()):
        then, now = config.policy.get(key), policy.get(key)
        if then != now:
            yield f"{key} of the policy was {_told(then)} and is {_told(now)}"


def _told(value: object) -> str:
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
                f"{path}: is there and holds no answers; name another file"
            ) from None
    if not os.access(path.parent, os.W_OK):
        raise AnswersError(f"{path}: cannot be written: the folder is read-only")


def save(path: Path, answers: Answers) -> None:
    """Write ``answers``, whole or not at all. Raises AnswersError."""
    text = json_to_read_back(_data(answers), indent=2) + "\n"
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise AnswersError(f"{path}: cannot be written: {error.strerror}") from None


def _data(answers: Answers) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "for-all": answers.general.as_data(),
        "configs": [
            {
                "config": config.name,
                "policy": dict(config.policy),
                "findings": [_finding_data(one) for one in config.findings],
                "lines": list(config.lines),
            }
            for config in answers.configs
        ],
    }


def _finding_data(one: SavedFinding) -> dict[str, Any]:
    data: dict[str, Any] = {"key": one.key, "message": one.message}
    if one.choices:
        data["choices"] = list(one.choices)
    match one.decision:
        case Apply():
            data["decision"] = "apply"
        case Skip():
            data["decision"] = "skip"
        case Suppress(reason):
            data |= {"decision": "ignore", "reason": reason}
        case Answer(choice):
            data |= {"decision": "answer", "choice": choice}
        case _:
            assert_never(one.decision)
    if one.names is not None and isinstance(one.names.credential, PasswordAuth):
        data["names"] = {
            "username": one.names.credential.username,
            "password": one.names.credential.password,
            "context": one.names.context,
        }
    return data


def read(path: Path) -> Answers:
    """The answers in ``path``. Raises AnswersError, which names the place."""
    try:
        data = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise AnswersError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise AnswersError(f"{path}: is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise AnswersError(
            f"{path}:{error.lineno}:{error.colno}: is not JSON: {error.msg}"
        ) from None
    except RecursionError:
        raise AnswersError(f"{path}: is not an answers file") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise AnswersError(f"{path}: is not an answers file; --save-answers writes one")
    if data.get("version") != VERSION:
        raise AnswersError(
            f"{path}: is of version {_told(data.get('version'))}, and this program reads version "
            f"{VERSION}; answer again with --interactive"
        )
    try:
        return _answers(data)
    except _WrongShapeError as error:
        raise AnswersError(f"{path}: {error}; answer again with --interactive") from None


class _WrongShapeError(ValueError):
    """What is not as it ought to be, and where."""


def _answers(data: Mapping[str, Any]) -> Answers:
    given = _of(data, "for-all", dict)
    general = GeneralAnswers()
    topics = {topic.value: topic for topic in Topic}
    for key in given:
        if key not in topics:
            raise _WrongShapeError(f"for-all: unknown key {key}{nearest(key, topics)}")
        answer = _of(given, key, str)
        if not is_answer(topics[key], answer):
            raise _WrongShapeError(f"for-all: {key} cannot be what is given")
        general = general.with_answer(topics[key], answer)
    return Answers(general, tuple(_config(one) for one in _of(data, "configs", list)))


def _config(data: object) -> SavedConfig:
    if not isinstance(data, dict):
        raise _WrongShapeError("configs: a config is no object")
    return SavedConfig(
        _of(data, "config", str),
        _of(data, "policy", dict),
        tuple(_finding(one) for one in _of(data, "findings", list)),
        tuple(_texts(data, "lines")),
    )


def _finding(data: object) -> SavedFinding:
    if not isinstance(data, dict):
        raise _WrongShapeError("findings: a finding is no object")
    key = _of(data, "key", str)
    choices = tuple(_texts(data, "choices")) if "choices" in data else ()
    names = _names(key, _of(data, "names", dict)) if "names" in data else None
    return SavedFinding(key, _of(data, "message", str), choices, _decision(key, data), names)


def _decision(key: str, data: Mapping[str, Any]) -> Decision:
    match data.get("decision"):
        case "apply":
            return Apply()
        case "skip":
            return Skip()
        case "ignore":
            return Suppress(_of(data, "reason", str))
        case "answer":
            return Answer(_of(data, "choice", str))
        case other:
            raise _WrongShapeError(f"{key}: unknown decision {_told(other)}")


def _names(key: str, data: Mapping[str, Any]) -> Names:
    password = secret_variable(_of(data, "password", str))
    context = data.get("context")
    if password is None:
        raise _WrongShapeError(f"{key}: password must be the name of a variable")
    if context is not None and not (isinstance(context, str) and is_context_name(context)):
        raise _WrongShapeError(f"{key}: context must be a name or null")
    return Names(PasswordAuth(credential_text(_of(data, "username", str)), password), context)


def _of(data: Mapping[str, Any], key: str, kind: type) -> Any:
    value = data.get(key)
    if not isinstance(value, kind):
        kind_name = "a text" if kind is str else "a list" if kind is list else "an object"
        raise _WrongShapeError(f"{key} must be {kind_name}")
    return value


def _texts(data: Mapping[str, Any], key: str) -> list[str]:
    values: list[object] = _of(data, key, list)
    if not all(isinstance(one, str) for one in values):
        raise _WrongShapeError(f"{key} must be a list of texts")
    return [str(one) for one in values]
