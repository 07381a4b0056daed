"""Finds secrets in a line of text by their form. Pure, and linear in the line's length.

Tokens have prefixes that their issuers publish. Other credentials in CircleCI configs are found
by their context: keys that name one, logins of Docker, URLs, comments.

detect-secrets, tried instead, recognises only published forms: it finds about a quarter of the
configs in `tests/redaction/`. It misses unquoted YAML values, ``docker login -p`` and
``echo PW |``; it reports three letters of a GitHub token; it depends on PyYAML, takes 150 ms to
import, and takes time quadratic in the line's length.
"""

from __future__ import annotations

import base64
import binascii
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from cci_migrate.lazy_patterns import lazy_pattern
from cci_migrate.lossless.source import Span
from cci_migrate.redaction.secret_names import is_secret_value, literal_part, names_a_secret

#: A longer line is searched in parts of this length, so that the time stays linear.
LONGEST_LINE = 4_000
#: The parts overlap by this much, so that a secret is within one of them.
LONGEST_VALUE = 1_000

#: Tokens by the prefixes that their issuers publish: GitHub, GitLab, Bitbucket and Atlassian,
#: Docker Hub, CircleCI, AWS, Google, Slack, Stripe, npm, PyPI, HashiCorp, Hugging Face, SendGrid,
#: DigitalOcean, Shopify, Grafana, OpenAI and Anthropic, Linear, RubyGems, Pulumi, Sentry, age.
TOKENS = lazy_pattern(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:gh[pousr]_|github_pat_|gl(?:pat|oas|dt|rt|cbt|ptt|ft|soat|agent|imt)-|ATCTT|ATATT|ATBB"
    r"|dckr_[po]at_|CCIPAT_|CCIPRJ_|xox[abeoprs]-|xapp-|[srp]k_(?:live|test)_|npm_|pypi-|hv[sbr]\."
    r"|hf_|do[opr]_v1_|shp(?:at|ss|ca|pa)_|gl(?:sa|c)_|sk-(?:proj|ant)-|lin_api_|rubygems_|ya29\."
    r"|SG\.|pul-|sntry[su]_|PMAK-|AGE-SECRET-KEY-)[\w.\-=]{12,}"
    r"|(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])"
    r"|AIza[\w\-]{30,}"
    r"|(?<![_\-])eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}(?:\.[\w\-]*)?"
    r"|(?<=hooks\.slack\.com/services/)[\w/]+"
    r")"
)
#: A run of characters that every token has, and few lines without one: a quick test.
_RUN_OF_TOKEN = lazy_pattern(r"[^ \t\"'{}()\[\],:;]{15}")
#: ``scheme://user:password@``, and ``https://token@``.
_URL_LOGIN = lazy_pattern(r"://([^\s/@\"'<>]{1,512})@")
#: What code hosts accept as the user name, or the password, beside a token.
_PUBLIC_PARTS = frozenset(("x-oauth-basic", "x-access-token", "x-token-auth", "oauth2"))
#: ``user:password@host`` without a scheme; ``node:22@sha256:...`` is an image with its digest.
_BARE_LOGIN = lazy_pattern(
    r"(?<![\w./:@\-])(?!mailto:)[\w.+\-]{1,128}:([^\s/@\"'<>:]{1,256})@(?!sha(?:256|512):)(?=\w)"
)
#: A word, and the sign after it if it is a key.
_KEY = lazy_pattern(r"([A-Za-z_][\w.\-]*)([\"']?[ \t]*(?:=>|:=|[:=])[ \t]*)?")
_QUOTED = lazy_pattern(r"\"((?:[^\"\\]|\\.){0,1000})\"|'((?:[^']|''){0,1000})'")
_WORD = lazy_pattern(r"[^\s\"';&|<>(){}\[\],]+")
_PROPERTIES = lazy_pattern(r"(?:[&!][\w./\-]*[ \t]+)*")
#: A value that is elsewhere, where `config_secrets` finds it.
_NOT_THE_VALUE = lazy_pattern(r"[|>][+\-\d]*|[&!*][\w./\-]*")
_END_IN_BLOCK = lazy_pattern(r"[ \t]#")
_END_IN_FLOW = lazy_pattern(r"[ \t]#|[,}\]]")
_COMMENT = lazy_pattern(r"(?:^|(?<=[ \t]))#")
#: Commands whose password is the word after these options.
_LOGIN_WORD = lazy_pattern(r"(?<![\w\-])(?:login|auth|password-stdin)(?![\w])")
_OPTION = lazy_pattern(r"(?<![\w\-])--?(?!no-)([A-Za-z][\w\-]*)(?:[ \t=]+|[\"']?[ \t]*,[ \t]*)")
#: This program's option that says where credentials are.
_CREDENTIAL_STORE = lazy_pattern(r"--credentials (?:project|context)\b")
#: How shells other than bash set a variable.
_SET = lazy_pattern(r"(?<![\w\-])(?:setenv|set[ \t]+-[a-z]+)[ \t]+(\w+)[ \t]+")
#: A command whose output is the value.
_PRINTED_VALUE = lazy_pattern(r"\$\([ \t]*(?:echo|printf)[ \t]+(?:-\w+[ \t]+)*")
_SHORT_OPTION = lazy_pattern(r"(?<!\S)-p[ \t]*=?[ \t]*")
_BEGINS_WITH_P = lazy_pattern(r"[ \t]*(?:-[ \t]+)*-p")
_USER_OPTION = lazy_pattern(
    r"(?<!\S)(?:-u|--user|--proxy-user)(?:[ \t]+|=)?[\"']?[^\s:\"'$/=]{1,128}:"
)
_PORTS = lazy_pattern(r"[\d.:/\-]+(?:tcp|udp)?")
_PRINTED = lazy_pattern(
    r"(?<![\w\-])(?:echo|printf)[ \t]+(?:-\w+[ \t]+)*(?:[\"']?%s(?:\\n)?[\"']?[ \t]+)?"
)
#: What ``echo`` prints in a double-quoted YAML scalar, up to the end of its line and another one.
_ESCAPED_LINES = lazy_pattern(r"\\\"(?:[^\\]|\\[^n])*\\n(?=.*(?:echo|printf)[ \t])")
_NETRC = lazy_pattern(r"(?<!\w)machine[ \t]+\S+[ \t]+login[ \t]+\S+[ \t]+password[ \t]+")
_HERE_STRING = lazy_pattern(r"<<<[ \t]*")
_AUTHORIZATION = lazy_pattern(r"(?i)(?<!\w)(?:bearer|basic)[ \t]+(?=[\w.\-~+/=]{8})")
_AUTHORIZATION_HEADER = lazy_pattern(
    r"(?i)(?<!\w)authorization[\"']?[ \t]*[:=][ \t]*[\"']?(?:[a-z]+[ \t]+)?"
)
#: A run of characters that both of the following have: a quick test.
_RUN_OF_ENCODED = lazy_pattern(r"[A-Za-z0-9+/_]{12}")
_BASE64 = lazy_pattern(r"(?<![\w+/=.:@\-])[A-Za-z0-9+/]{12,1024}={0,2}(?![\w+/=])")
_OPAQUE = lazy_pattern(r"(?<![\w+/=.:@\-])[A-Za-z0-9+_]{20,512}(?![\w+/=.])")


def secrets_in_line(line: str) -> Iterator[Span]:
    """The spans of secrets in ``line`` of a config; they may overlap, and are in no order."""
    return _secrets(line, (*_ANYWHERE, _assigned, _encoded, _in_comment))


@lru_cache(maxsize=2048)
def secrets_in_prose(text: str) -> tuple[Span, ...]:
    """The spans of secrets in a message of this program, which may quote commands and images.

    Unlike `secrets_in_line`, takes neither ``key: value`` nor mixed characters for a secret.
    """
    stores = [match.end() for match in _CREDENTIAL_STORE.finditer(text)]
    return tuple(span for span in _secrets(text, _ANYWHERE) if span.end not in stores)


def _secrets(text: str, detectors: Iterable[Callable[[str], Iterator[Span]]]) -> Iterator[Span]:
    for start in range(0, len(text), LONGEST_LINE - LONGEST_VALUE):
        part = text[start : start + LONGEST_LINE]
        for detect in detectors:
            for span in detect(part):
                yield Span(span.start + start, span.end + start)


def _tokens(line: str) -> Iterator[Span]:
    if _RUN_OF_TOKEN.search(line) is not None:
        yield from (Span(*match.span()) for match in TOKENS.finditer(line))


def _logins_in_addresses(line: str) -> Iterator[Span]:
    if "@" not in line:
        return
    for match in _URL_LOGIN.finditer(line):
        user, colon, password = match[1].partition(":")
        scheme = line[max(0, match.start() - 5) : match.start()]
        is_web = scheme.endswith(("http", "https"))
        is_public = password in _PUBLIC_PARTS or (not is_web and user == password)
        if colon and not is_public and is_secret_value(password, of_variable=not is_web):
            yield Span(match.end() - 1 - len(password), match.end() - 1)
        elif not colon and is_web and user != "git" and is_secret_value(user):
            yield Span(match.start(1), match.end(1))
    for match in _BARE_LOGIN.finditer(line):
        if match[1] not in _PUBLIC_PARTS and is_secret_value(match[1]):
            yield Span(*match.span(1))


def _assigned(line: str) -> Iterator[Span]:
    """Values behind keys that name a secret: ``password: x``, ``PW=x``, ``"token": "x"``."""
    end = 0
    for match in _KEY.finditer(line):
        key, sign = match.groups()
        if sign is None or match.start() < end or not names_a_secret(key):
            continue
        is_yaml = sign.rstrip(" \t").endswith(":")
        is_spaced = sign[-1] in " \t" or sign[0] in "\"'"
        if is_yaml and not is_spaced and match.end() < len(line):
            continue  # a colon inside a word: an image's tag, a URL
        value = _value_at(line, match.end(), is_yaml=is_yaml)
        text = line[value.start : min(value.end, value.start + LONGEST_VALUE)]
        is_elsewhere = text[:1] in ("{", "[") or _NOT_THE_VALUE.fullmatch(text)
        if not is_elsewhere and is_secret_value(text, of_variable=key.isupper()):
            yield value
            end = value.end


def _value_at(line: str, at: int, *, is_yaml: bool) -> Span:
    if is_yaml:
        properties = _PROPERTIES.match(line, at)
        at = at if properties is None else properties.end()
        return _quoted_at(line, at) or Span(at, _end_of_plain(line, at))
    return _word_at(line, at) or Span(at, at)


def _quoted_at(line: str, at: int) -> Span | None:
    """What is in quotes at ``at``."""
    quoted = _QUOTED.match(line, at)
    return None if quoted is None else Span(*quoted.span(quoted.lastindex or 1))


def _end_of_plain(line: str, at: int) -> int:
    """The end of a plain YAML scalar at ``at``, as far as one line shows it."""
    if line[at : at + 1] == "#":
        return len(line.rstrip())
    depth = line.count("{", 0, at) + line.count("[", 0, at)
    depth -= line.count("}", 0, at) + line.count("]", 0, at)
    match = (_END_IN_FLOW if depth > 0 else _END_IN_BLOCK).search(line, at)
    end = match.start() if match else len(line)
    return at + len(line[at:end].rstrip())


def _word_at(line: str, at: int) -> Span | None:
    """The shell word at ``at``, without its quotes."""
    word = _WORD.match(line, at)
    return _quoted_at(line, at) or (Span(*word.span()) if word else None)


def password_words(line: str) -> Iterator[Span]:
    """The spans of the words in ``line`` that are a command's password, a literal or not."""
    logs_in = ("login" in line or "auth" in line or "password-stdin" in line) and (
        _LOGIN_WORD.search(line) is not None
    )
    starts = [
        match.end()
        for sign, pattern in (("-", _OPTION), ("set", _SET))
        if sign in line
        for match in pattern.finditer(line)
        if names_a_secret(match[1])
    ]
    starts += [
        match.end()
        for sign, pattern, is_password in (
            ("-p", _SHORT_OPTION, logs_in or _BEGINS_WITH_P.match(line) is not None),
            ("-u", _USER_OPTION, True),
            ("machine", _NETRC, True),
            ("<<<", _HERE_STRING, logs_in),
        )
        if is_password and sign in line
        for match in pattern.finditer(line)
    ]
    for at in starts:
        printed = _PRINTED_VALUE.match(line, at + (line[at : at + 1] in ("'", '"')))
        word = _word_at(line, at if printed is None else printed.end())
        if word is not None:
            yield word
    if logs_in and "|" in line:
        yield from _printed(line)


def _on_command_lines(line: str) -> Iterator[Span]:
    for span in password_words(line):
        text = line[span.start : span.end]
        if is_secret_value(text) and not text.startswith("-") and not _PORTS.fullmatch(text):
            yield span


def _printed(line: str) -> Iterator[Span]:
    """What ``echo`` pipes to a login."""
    for match in _PRINTED.finditer(line):
        at = match.end()
        quoted = _quoted_at(line, at)
        pipe = line.find("|", at if quoted is None else quoted.end)
        if pipe < 0 or _LOGIN_WORD.search(line, pipe) is None:
            continue
        if quoted is not None:
            yield quoted
        elif _ESCAPED_LINES.match(line, at, pipe) is None:
            yield Span(at, at + len(line[at:pipe].rstrip()))


def _in_headers(line: str) -> Iterator[Span]:
    lower = line.lower()
    patterns = []
    if "bearer" in lower or "basic" in lower:
        patterns.append(_AUTHORIZATION)
    if "authorization" in lower:
        patterns.append(_AUTHORIZATION_HEADER)
    for pattern in patterns:
        for match in pattern.finditer(line):
            word = _word_at(line, match.end()) or Span(0, 0)
            text = line[word.start : word.end]
            if is_secret_value(text) and any(map(str.isdigit, text)):
                yield word


def _encoded(line: str) -> Iterator[Span]:
    """``user:password`` in base64, and words that look random."""
    if _RUN_OF_ENCODED.search(line) is None:
        return
    for pattern, is_secret in ((_BASE64, _is_login), (_OPAQUE, _is_opaque)):
        for match in pattern.finditer(line):
            if is_secret(match.group()):
                yield Span(*match.span())


def _is_login(text: str) -> bool:
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return False
    user, colon, password = decoded.rstrip("\n").partition(":")
    return bool(user and colon and password) and decoded.rstrip("\n").isprintable()


def _is_opaque(text: str) -> bool:
    """Whether ``text`` mixes lower case, upper case and digits as no ordinary word does."""
    classes = [
        "a" if char.islower() else "A" if char.isupper() else "0" for char in text if char != "_"
    ]
    changes = sum(map(operator.ne, classes, classes[1:]))
    return len(set(classes)) == 3 and changes * 3 >= len(classes)


def _in_comment(line: str) -> Iterator[Span]:
    """What looks like a secret in a comment that mentions one."""
    comment = _COMMENT.search(line) if "#" in line else None
    if comment is None:
        return
    words = list(re.finditer(r"[^\s\"'`,;()=]+", line[comment.end() :]))
    mentions_secret = any(names_a_secret(word.group().strip(":.*!?")) for word in words)
    for word in words if mentions_secret else ():
        text = word.group().strip(":.*!?")
        if not _looks_like_password(text):
            continue
        start = comment.end() + word.start() + word.group().find(text)
        yield Span(start, start + len(text))


def _looks_like_password(text: str) -> bool:
    """Whether ``text`` looks like a password and like nothing else."""
    if len(text) < 6 or literal_part(text) != text or "://" in text or "/" in text:
        return False
    if re.fullmatch(r"v?\d[\w.\-]*|[\w.]+[:@]v?\d[\w.\-]*|[A-Z]+-\d+", text):
        return False  # a version, or an issue
    is_mixed = any(map(str.isdigit, text)) and any(map(str.isalpha, text))
    return is_mixed and not names_a_secret(text) and is_secret_value(text)


_ANYWHERE = (_tokens, _logins_in_addresses, _on_command_lines, _in_headers)
