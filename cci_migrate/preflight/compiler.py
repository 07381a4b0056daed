"""Has configs compiled by CircleCI: anonymously, and with the user's token where that is needed.

Only orbs that are not public need a token.
"""

from __future__ import annotations

from msgspec.structs import replace

from cci_migrate.preflight.circleci_program import CircleCiProgram
from cci_migrate.preflight.compile_api import CompileApi
from cci_migrate.preflight.slugs import Organisation
from cci_migrate.transport.host_errors import (
    HostError,
    HostUnavailable,
    OverloadedError,
    RefusedError,
    StaleSnapshot,
    UnauthorizedError,
)
from cci_migrate.transport.known_secrets import redact
from cci_migrate.verification.compilation import Compilation, CompileErrors, NoAnswer

_NOT_PUBLIC = "orbs that are not public need a token: set CIRCLE_TOKEN, and name --org"
_NOT_VISIBLE = "the token must be of a member of the organisation (--org) that has the orbs"
_SET_TOKEN = "set CIRCLE_TOKEN to a personal API token"  # noqa: S105 - a sentence
_LATER = "run the command again later"
_RENEW_TOKEN = "renew the token in CIRCLE_TOKEN"  # noqa: S105 - a sentence


#: Raises what `CompileApi.compile` and `CircleCiProgram.compile` raise.
_Connection = CompileApi | CircleCiProgram


class Compiler:
    """CircleCI's compiler. What was compiled once is not sent again."""

    def __init__(self, anonymous: _Connection, with_token: _Connection | None) -> None:
        self._anonymous = anonymous
        self._with_token = with_token
        self._known: dict[tuple[str, Organisation | None], Compilation] = {}
        self._gone: NoAnswer | None = None

    def compile(self, text: str, organisation: Organisation | None) -> Compilation:
        """The config ``text``, compiled. ``organisation`` is whose orbs it may use."""
        key = (text, organisation)
        if key not in self._known and self._gone is None:
            try:
                self._known[key] = _redacted(self._compiled(text, organisation))
            except UnauthorizedError as error:
                instead = _SET_TOKEN if self._with_token is None else _RENEW_TOKEN
                self._known[key] = NoAnswer(redact(str(error)), instead)
            except (HostUnavailable, OverloadedError) as error:
                # What did not answer for so long is not asked about each config.
                self._gone = NoAnswer(redact(str(error)), _LATER)
            except (HostError, RefusedError, StaleSnapshot) as error:
                self._known[key] = NoAnswer(redact(str(error)), _LATER)
        return self._known[key] if self._gone is None else self._known.get(key, self._gone)

    def _compiled(self, text: str, organisation: Organisation | None) -> Compilation:
        try:
            answer = self._anonymous.compile(text, None)
        except UnauthorizedError:
            if self._with_token is None:
                raise
            return self._with_token.compile(text, organisation)
        if not isinstance(answer, CompileErrors) or not _misses_orb(answer):
            return answer
        if self._with_token is None:
            return replace(answer, instead=_NOT_PUBLIC)
        answer = self._with_token.compile(text, organisation)
        if isinstance(answer, CompileErrors) and _misses_orb(answer):
            return replace(answer, instead=_NOT_VISIBLE)
        return answer


def _misses_orb(answer: CompileErrors) -> bool:
    """Whether an orb is not found: what the compiler says where it is not public, too.

    "Cannot find acme/tools@1.0 in the orb registry. Check that the namespace, orb name and version
    are correct."
    """
    return any("orb" in message.lower() for message in answer.messages)


def _redacted(answer: Compilation) -> Compilation:
    """``answer`` without a token that the host repeats."""
    if not isinstance(answer, CompileErrors):
        return answer
    return replace(answer, messages=tuple(map(redact, answer.messages)))
