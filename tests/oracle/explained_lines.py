"""Why a line of the original is not there as it was: the only ways in which a fix may touch one.

A fix adds lines. Where it cannot, it may put words into a line, or move a login to where it
belongs; it never takes anything else away.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from difflib import SequenceMatcher
from enum import Enum

from tests.oracle.changed_data import is_docker_orb, is_login_step
from tests.oracle.changed_text import Alteration, AlterationKind, is_subsequence
from tests.oracle.plain_yaml import Data, mapping_of
from tests.oracle.pulled_images import AUTH_KEYS
from tests.oracle.step_logins import is_rewritten_login

TOKEN = re.compile(r"\$\{\w+\}|<<|[\w$./*&@-]+|\s+|.", re.ASCII)
SYNTAX = frozenset({":", "-", "[", "]", "{", "}", ",", '"', "'", "<<"})
KEYS = frozenset({"context", "username", "password", "image", *AUTH_KEYS})
LOGIN_VALUES = ("username", "password", "aws_access_key_id", "aws_secret_access_key")
BARE_ENTRY = re.compile(r"""\s*-\s+("[^"]*"|'[^']*'|[^\s:"'{\[#*&][^:#]*?)\s*(#.*)?""")
ALIAS_ITEM = re.compile(r"""\s*-\s+("[^"]*":\s+|'[^']*':\s+|[^:#]+:\s+)?\*\S+\s*(#.*)?""")
EMPTY_VALUE = re.compile(r"""\s*(-\s+)?(["']?)[\w.-]+\2:\s*(&\S+\s*)?(~|null)?\s*(#.*)?""")
NULLS = frozenset({"~", "null", "Null", "NULL"})
WRITTEN_NULL = re.compile(r"(?<=:)\s+(~|null|Null|NULL)(?=\s*([,}\]#]|$))")
LOGIN_LINE = re.compile(r"\s*[\"']?(username|password)[\"']?\s*:.*")
CONTEXT_LINE = re.compile(r"""\s*["']?contexts?["']?\s*:.*""")
CONTEXT_ITEM = re.compile(r"\s*-\s+[\"']?([^\"'#]+?)[\"']?\s*(#.*)?")
MERGE_WITH_ANCHOR = re.compile(r"\s*(-\s+)?<<\s*:\s*&\S+\s*(#.*)?")
MERGED_LOGIN = re.compile(r"\s*(-\s+)?<<\s*:\s*(\*\S+)\s*(#.*)?")


class Reason(Enum):
    """What a fix may do to a line."""

    ENTRY_BECAME_MAPPING = "bare workflow job became a mapping"
    CONTEXT_BECAME_LIST = "context string became a list"
    CONTEXT_EXTENDED = "context in brackets got one more"
    ALIAS_BECAME_MERGE = "alias became a merge with keys below"
    FLOW_EXTENDED = "mapping or list in brackets got more"
    VALUE_FILLED = "key without a value got one"
    CREDENTIAL_REPLACED = "written-out credential became a variable"
    LOGIN_REWRITTEN = "login takes its password from standard input"
    LOGIN_MOVED = "login moved under auth"
    ARGUMENTS_MERGED = "arguments moved under a merge key"
    CONTEXT_MOVED = "context moved to the workflow jobs"


def explain(alteration: Alteration, after: list[str], words: frozenset[str]) -> Reason | None:
    """Why the line is not as it was, None if no fix may do that.

    ``after`` are all lines of the result, ``words`` the values that the fix put into the data.
    """
    before = _body(alteration.before)
    if is_rewritten_login(before, _body(alteration.after)):
        return Reason.LOGIN_REWRITTEN
    if alteration.kind is AlterationKind.EXTENDED:
        return _explain_extended(before, alteration.after, words)
    if _is_filled_null(before, alteration.after, words):
        return Reason.VALUE_FILLED
    if LOGIN_LINE.fullmatch(before) and _stands_deeper(before, after):
        return Reason.LOGIN_MOVED
    if _has_context_left(alteration, words):
        return Reason.CONTEXT_MOVED
    has_merge = any(MERGE_WITH_ANCHOR.fullmatch(_body(line)) for line in after)
    if has_merge and _stands_deeper(before, after):
        return Reason.ARGUMENTS_MERGED
    merged = MERGED_LOGIN.fullmatch(before)
    if merged and any(f"auth: {merged.group(2)}" in line for line in after):
        return Reason.LOGIN_MOVED
    return _explain_replaced(before, _body(alteration.after), words)


def login_tokens(config: Data) -> frozenset[str]:
    """The words of what logs in in ``config``, steps and orbs: a fix may put it into brackets."""
    orbs = mapping_of(config, "orbs")
    docker_orbs = {name: orb for name, orb in orbs.items() if is_docker_orb(orb)}
    tokens = set(_tokens(str({"orbs": docker_orbs}) if docker_orbs else ""))
    pending = [config]
    while pending:
        data = pending.pop()
        if isinstance(data, list):
            pending += data
        elif isinstance(data, dict):
            pending += data.values()
            if is_login_step(data):
                # In quotes, with the line breaks escaped, or as they are.
                tokens.update(_tokens(json.dumps(data, ensure_ascii=False)))
                tokens.update(_tokens(str(data)))
        elif data == "docker/check":
            tokens.update(_tokens(data))
    return frozenset(tokens)


def _is_filled_null(before: str, after: str, words: frozenset[str]) -> bool:
    """Whether written nulls went, for values below their keys or in brackets."""
    without = WRITTEN_NULL.sub("", before)
    inserted = None if without == before else inserted_tokens(without, after)
    return inserted is not None and inserted <= SYNTAX | KEYS | NULLS | words


def _has_context_left(alteration: Alteration, words: frozenset[str]) -> bool:
    """Whether the line named contexts where they have no effect, and is gone."""
    if alteration.after:
        return False
    before = _body(alteration.before)
    item = CONTEXT_ITEM.fullmatch(before)
    return bool(CONTEXT_LINE.fullmatch(before) or (item and item.group(1) in words))


def _explain_extended(before: str, after: str, words: frozenset[str]) -> Reason | None:
    inserted = inserted_tokens(before, after)
    if not inserted:
        return None
    allowed = SYNTAX | KEYS | words
    if not all(token in allowed or token.startswith("*") for token in inserted):
        return None
    if BARE_ENTRY.fullmatch(before):
        return Reason.ENTRY_BECAME_MAPPING
    if ALIAS_ITEM.fullmatch(before):
        return Reason.ALIAS_BECAME_MERGE
    if EMPTY_VALUE.fullmatch(before):
        return Reason.VALUE_FILLED
    if re.match(r"""\s*(-\s+)?["']?context["']?\s*:""", before):
        return Reason.CONTEXT_EXTENDED if "[" in before else Reason.CONTEXT_BECAME_LIST
    is_in_brackets = bool(set("[]{},") & set(before)) and bool({*KEYS, *words} & inserted)
    return Reason.FLOW_EXTENDED if is_in_brackets else None


def inserted_tokens(before: str, after: str) -> set[str] | None:
    """The words and signs that were put into ``before``; None if something was taken out."""
    old, new = _tokens(before), _tokens(after)
    return set(Counter(new) - Counter(old)) if is_subsequence(old, new) else None


def _explain_replaced(before: str, after: str, words: frozenset[str]) -> Reason | None:
    """Whether nothing but the values of a login were replaced, and by values of the fix."""
    old, new = _tokens(before), _tokens(after)
    found = False
    for kind, start, _, at, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        value = [token for token in new[at:end] if token not in ("'", '"')]
        follows_key = [t for t in old[:start] if t not in ("'", '"')][-2:]
        if follows_key not in ([key, ":"] for key in LOGIN_VALUES) or not set(value) <= words:
            return None
        found = True
    return Reason.CREDENTIAL_REPLACED if found else None


def _stands_deeper(line: str, after: list[str]) -> bool:
    depth = len(line) - len(line.lstrip())
    return any(
        other.strip() == line.strip() and len(other) - len(other.lstrip()) > depth
        for other in after
    )


def _tokens(text: str) -> list[str]:
    return [token for token in TOKEN.findall(text) if not token.isspace()]


def _body(line: str) -> str:
    return line.rstrip("\r\n\x85\u2028\u2029")
