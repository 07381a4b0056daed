"""Requests to a host's API: session, limits, retries, errors.

A read is repeated after a fault. A write is repeated only if the host says that it was not done
(because of a limit); after any other fault its effect is unknown, and StaleSnapshot is raised.
"""

from __future__ import annotations

import email.utils
import logging
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import stamina
from msgspec import Struct
from msgspec.structs import replace

from cci_migrate.bounds.json_input import JsonInputError, typed
from cci_migrate.bounds.limits import TOTAL_LIMIT
from cci_migrate.escaping.hidden_fields import repr_without
from cci_migrate.transport.host_errors import (
    HostError,
    HostUnavailable,
    OverloadedError,
    RefusedError,
    StaleSnapshot,
    TokenError,
    UnauthorizedError,
)
from cci_migrate.transport.known_secrets import Secret, redact, remember
from cci_migrate.transport.pace import Clock, Lane
from cci_migrate.transport.progress import local_time
from cci_migrate.transport.reading_threads import ReadingThreads
from cci_migrate.transport.write_kinds import WriteKind

#: Seconds to connect, and seconds without a byte. GitHub itself gives up after 10.
TIMEOUT = (15.0, 60.0)
#: How often to wait for a limit in one request; then the run stops using the host
#: (https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api).
LIMIT_ATTEMPTS = 5
READ_ATTEMPTS = 4
#: GitHub: without a header, wait at least a minute, then longer each time.
UNSTATED_WAIT = 60.0
#: The most that is read of an answer. The largest are those with the configs of repositories, and
#: those of the compiler, which repeat the config.
MOST_BYTES = TOTAL_LIMIT
_PART = 2**16

# What libraries log, each retry among it, would end up on the user's terminal.
stamina.instrumentation.set_on_retry_hooks(())
logging.getLogger().addHandler(logging.NullHandler())

_Body = TypeVar("_Body")
_AUTHORIZATION = "Authorization"
_SSO = re.compile(r"required; *url=(https://[!-~]{1,500})")
#: GitHub (https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps)
#: and Bitbucket send it.
_SCOPES = "x-oauth-scopes"
#: How the headers about limits begin: GitHub's and Bitbucket's, and GitLab's.
_LIMITS = ("x-ratelimit", "ratelimit")
_LIMIT_SIGNS = ("secondary rate limit", "rate limit exceeded", "abuse", "submitted too quickly")


#: What the library raises for a body that ends too early, or that cannot be unpacked for it.
_BROKEN_OFF = (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)


class AnswerTooLargeError(requests.RequestException):
    """A host answers with more bytes than any of its API's answers has."""


def connection_fault(error: requests.RequestException, host: str) -> str:
    """Why there is no response from ``host``, for people, without the library's own message."""
    if isinstance(error, requests.Timeout):
        return f"{host} did not answer in time"
    if isinstance(error, _BROKEN_OFF):
        return f"{host} broke off its answer"
    if isinstance(error, requests.ConnectionError):
        return f"the connection to {host} failed"
    if isinstance(error, AnswerTooLargeError):
        return f"{host} {error}"
    return type(error).__name__


class MissingError(HostError):
    """There is nothing at this address, or the token has no access to it."""


class _UnusableAnswerError(HostError):
    """The host answered, and the answer was not read."""


class Response(Struct, frozen=True):
    """A response: ``status``, lower-case ``headers``, and the body as bytes and, if it is, JSON."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    json: Any
    host: str = ""
    is_write: bool = False
    #: Labelled as JSON, and not JSON.
    is_broken: bool = False

    __repr__ = repr_without("content", "json")

    @property
    def message(self) -> str:
        """What the host says went wrong, without credentials, and where to authorize the token."""
        return redact(_message(self.json) or f"HTTP {self.status}")[:300] + self.sso_advice

    @property
    def code(self) -> str:
        """What GitHub says is wrong with which field; empty if only the message says it.

        https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#validation-failed
        """
        try:
            errors = typed(self.json, _Invalid).errors
        except JsonInputError:
            return ""
        if any(error.code == "custom" for error in errors):
            return ""
        return "; ".join(f"{error.resource}.{error.field}: {error.code}" for error in errors)

    @property
    def is_web_page(self) -> bool:
        """Whether it is for a browser, and so not of the API."""
        return self.headers.get("content-type", "").startswith("text/html")

    @property
    def sso_advice(self) -> str:
        """Where to authorize the token for single sign-on; empty if the host does not ask for that.

        https://docs.github.com/en/rest/authentication/authenticating-to-the-rest-api#authenticating-with-a-personal-access-token
        """
        required = _SSO.match(self.headers.get("x-github-sso", ""))
        return f"; authorize the token at {required[1]}" if required else ""

    def body(self, kind: type[_Body], *route: str) -> _Body:
        """The JSON at the keys ``route`` as a ``kind``, which declares the fields in use.

        Raises HostError if it isn't one (a proxy or a login page may have answered), or
        StaleSnapshot if this is the response to a write.
        """
        try:
            return documented(self.json, kind, *route, host=self.host)
        except HostError as error:
            if self.is_write:
                raise StaleSnapshot(str(error)) from None
            raise


class _InvalidField(Struct, frozen=True):
    code: str
    resource: str = ""
    field: str = ""


class _Invalid(Struct, frozen=True):
    errors: tuple[_InvalidField, ...]


def documented(data: object, kind: type[_Body], *route: str, host: str = "the host") -> _Body:
    """The value at the keys ``route`` in ``data`` as a ``kind``. Raises HostError."""
    for key in route:
        data = data.get(key) if isinstance(data, dict) else None
    try:
        return typed(data, kind)
    except JsonInputError as error:
        where = "".join(f"{key}: " for key in route)
        problem = f"{host} returned an unexpected answer: {where}{error}"
        raise HostError(redact(problem)) from None


#: Returns the current token, None if there is none; the argument is whether it has expired and must
#: be replaced. It is called before each request.
TokenSource = Callable[[bool], str | None]


class Api:
    """One host's API under one identity. Reads may come from several threads.

    ``root`` is its base URL, at the server ``host``. ``authorization`` turns a token into the value
    of ``header``. On a redirect to another host the library only removes `Authorization`: with
    another header, redirects are not followed. ``threads`` are for reads that others don't have to
    wait for.
    """

    def __init__(
        self,
        root: str,
        token: TokenSource,
        lane: Lane,
        clock: Clock,
        authorization: Callable[[str], str] = lambda token: f"Bearer {token}",
        header: str = _AUTHORIZATION,
    ) -> None:
        check_is_private(root)
        self.root = root.rstrip("/")
        self.host = urlsplit(root).netloc
        self._token_source = token
        self._lane = lane
        self._clock = clock
        self._authorization = authorization
        self._header = header
        #: The scopes of the token, as the last answer that named them has them.
        self.scopes: frozenset[str] | None = None
        self._token_lock = threading.Lock()
        self._sessions = ThreadSessions()
        self.threads = ReadingThreads()

    def read(self, method: str, path: str, *, is_file: bool = False, **options: Any) -> Response:
        """Send a reading request, again after faults. ``is_file``: whatever the answer's type says.

        Raises OverloadedError, MissingError, RefusedError, HostError, HostUnavailable.
        """
        for attempt in stamina.retry_context(
            on=OverloadedError, attempts=READ_ATTEMPTS, timeout=None, wait_initial=0.5, wait_max=20
        ):
            with attempt:
                return self._checked(self._obeying(method, path, options), is_file=is_file)
        raise AssertionError("stamina returns or raises")

    def read_bytes(self, path: str, **options: Any) -> bytes:
        """The bytes of the file at ``path``. Raises what `read` raises."""
        return self.read("GET", path, is_file=True, **options).content

    def read_once(self, method: str, path: str, **options: Any) -> Response:
        """`read` without retries: after OverloadedError, ask for less."""
        return self._checked(self._obeying(method, path, options))

    def write(
        self, method: str, path: str, kind: WriteKind = WriteKind.OTHER, **options: Any
    ) -> Response:
        """Send a write of the kind ``kind``.

        Raises what `read` raises, except StaleSnapshot in place of OverloadedError: the effect is
        unknown.
        """
        try:
            response = self._checked(self._obeying(method, path, options, kind))
            return replace(response, is_write=True)
        except (OverloadedError, _UnusableAnswerError) as error:
            raise StaleSnapshot(f"the host did not confirm the write ({error})") from None

    def wait_for_turn(self, kind: WriteKind) -> None:
        """Wait until a write of ``kind`` is allowed, to read afterwards what it depends on.

        Raises HostUnavailable if that is beyond the deadline.
        """
        self._lane.wait(self._lane.next_time(kind), "the next write")

    def pause(self, seconds: float) -> None:
        """Wait for ``seconds``."""
        if seconds:
            self._clock.sleep(seconds)

    def close(self) -> None:
        """Close the connections."""
        self.threads.end()
        self._sessions.close()

    def _obeying(
        self, method: str, path: str, options: Mapping[str, Any], kind: WriteKind | None = None
    ) -> Response:
        """Send one request, again after each pause that the host asks for, and with a new token."""
        has_renewed = False
        until = self._clock.now()
        for attempt in range(LIMIT_ATTEMPTS):
            with self._lane.turn(kind):
                # The token is asked for after any wait, in which it may have expired.
                token = self.token()
                response = self._send(method, path, options, token)
            if response.status == 401:
                if token is None:
                    raise UnauthorizedError(f"{self.host}: requires a token ({response.message})")
                if has_renewed or not self._renew(token, response):
                    raise UnauthorizedError(
                        f"{self.host}: the token is not valid, or has expired "
                        f"({response.message}); renew it and run the command again"
                    )
                has_renewed = True
                continue
            seconds = limit_wait(response, attempt, self._clock.now())
            if seconds is None:
                return response
            until = self._clock.now() + seconds
            self._lane.pause_until(until)
            self._lane.reads.slow_down()
            if attempt + 1 < LIMIT_ATTEMPTS:
                self._lane.wait_out()
        raise HostUnavailable(
            f"{self.host}: still limits requests after {LIMIT_ATTEMPTS - 1} pauses; "
            f"try again at {local_time(until)}",
            until,
        )

    def _send(
        self, method: str, path: str, options: Mapping[str, Any], token: Secret | None
    ) -> Response:
        url = path if "://" in path else f"{self.root}{path}"
        headers = dict(options.get("headers", {}))
        if origin_of(url) != origin_of(self.root):
            # A next-page link comes from the host or from a ledger.
            raise HostError(f"{redact(url)} is not at {origin_of(self.root)}; not opened")
        if token is not None:
            headers[self._header] = self._authorization(token)
        try:
            received = self._sessions.current.request(
                method,
                url,
                **{**options, "headers": headers},
                timeout=TIMEOUT,
                allow_redirects=method == "GET" and self._header == _AUTHORIZATION,
            )
        except (requests.ConnectionError, requests.Timeout, *_BROKEN_OFF) as error:
            raise OverloadedError(connection_fault(error, self.host)) from None
        except AnswerTooLargeError as error:
            raise _UnusableAnswerError(connection_fault(error, self.host)) from None
        except requests.RequestException as error:
            raise HostError(redact(str(error))) from None
        response = _read_response(received)
        if _SCOPES in response.headers:
            words = response.headers[_SCOPES].split(",")
            self.scopes = frozenset(word.strip() for word in words) - {""}
        self._lane.report_response(method, urlsplit(url).path, response.status, remaining(response))
        return response

    def _checked(self, response: Response, *, is_file: bool = False) -> Response:
        if response.status < 300:
            if response.is_web_page:
                raise HostUnavailable(
                    f"{response.host}: answers with a web page, as proxies and login pages do; "
                    "check the network, the proxy and the token"
                )
            if response.is_broken and not is_file:
                raise OverloadedError("an answer that broke off")
            return response
        if response.status >= 500:
            raise OverloadedError(f"HTTP {response.status}")
        if response.status == 403:
            raise RefusedError(response.message)
        if response.status == 404:
            raise MissingError(response.message)
        if response.status == 409 or "already exists" in response.message.lower():
            raise StaleSnapshot(response.message)
        raise HostError(response.message, response.code)

    def token(self) -> Secret | None:
        """The current token; None if there is none. Raises HostUnavailable if it can't be had."""
        try:
            token = self._token_source(False)
        except TokenError as error:
            raise HostUnavailable(f"{self.host}: {error}") from None
        return None if token is None else remember(token)

    def _renew(self, expired: Secret, refusal: Response) -> bool:
        """Replace the ``expired`` token; whether there is a new one. Raises HostUnavailable."""
        with self._token_lock:
            if self.token() != expired:
                return True  # another thread did
            try:
                token = self._token_source(True)
            except TokenError as error:
                raise HostUnavailable(
                    f"{self.host}: the token has expired ({refusal.message}), and {error}; "
                    "run the command again"
                ) from None
            return token is not None and token != expired


def stated_wait(retry_after: str, attempt: int, now: float) -> float:
    """How many seconds to wait for a limit: as its Retry-After says, else longer each time."""
    stated = _retry_after(retry_after, now)
    return UNSTATED_WAIT * 2.0**attempt if stated is None else max(stated, 1.0)


def limit_wait(response: Response, attempt: int, now: float) -> float | None:
    """How many seconds to wait after ``response``; None if it hit no limit.

    In the order that GitHub documents: Retry-After, else the reset time if nothing remains, else
    a minute, doubled each time. GitLab and Bitbucket send all or some of the same headers
    (https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#response-headers).
    """
    if response.status not in (403, 429) and not _is_graphql_limit(response.json):
        return None
    retry_after = response.headers.get("retry-after", "")
    if _retry_after(retry_after, now) is not None:
        return stated_wait(retry_after, attempt, now)
    for limit in _LIMITS:
        reset = response.headers.get(f"{limit}-reset", "")
        if response.headers.get(f"{limit}-remaining") == "0" and reset.isdecimal():
            return max(float(reset) - now, 0.0) + 1.0
    said = _message(response.json) or response.content[:500].decode("utf-8", "replace")
    if response.status == 403 and not _says_limit(said):
        return None
    return stated_wait("", attempt, now)


class _BoundedAdapter(requests.adapters.HTTPAdapter):
    """Reads no more of an answer than `MOST_BYTES`, unpacked."""

    def send(
        self, request: requests.PreparedRequest, stream: bool = False, *options: Any, **more: Any
    ) -> requests.Response:
        del stream
        response = super().send(request, True, *options, **more)
        content = bytearray()
        for part in response.iter_content(_PART):
            content += part
            if len(content) > MOST_BYTES:
                response.close()
                raise AnswerTooLargeError(f"returned more than {MOST_BYTES // 2**20} MB")
        # What `Response.content` returns once the body is read.
        response._content = bytes(content)
        return response


def new_session() -> requests.Session:
    """A session that adds no credentials by itself, and bounds the size of answers.

    It ignores netrc files and credentials of proxies; proxies still work. A larger answer than
    `MOST_BYTES` raises AnswerTooLargeError.
    """
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, _BoundedAdapter())
    session.auth = _no_auth
    session.headers["User-Agent"] = "cci-migrate"
    return session


class ThreadSessions:
    """A session for each thread: the library's is not for several at once."""

    def __init__(self) -> None:
        self._own = threading.local()
        self._all: list[requests.Session] = []

    @property
    def current(self) -> requests.Session:
        """The session of the thread that asks."""
        session: requests.Session | None = getattr(self._own, "session", None)
        if session is None:
            self._own.session = session = new_session()
            self._all.append(session)
        return session

    def close(self) -> None:
        """Close the connections of all threads."""
        for session in self._all:
            session.close()


def remaining(response: Response) -> int | None:
    """The number of requests left until the host's limit resets; None if unknown."""
    for limit in _LIMITS:
        left = response.headers.get(f"{limit}-remaining", "")
        if left.isdecimal():
            return int(left)
    return None


def check_is_private(url: str) -> None:
    """Raise HostError for a URL to which a token would be sent unencrypted."""
    scheme = urlsplit(url).scheme
    if scheme != "https" and not (scheme == "http" and is_loopback(url)):
        raise HostError(f"{redact(url)}: not https: others could read the token")


def origin_of(url: str) -> str:
    """The scheme, host and port of ``url``; empty if it is invalid."""
    parts = urlsplit(url)
    try:
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port}" if parts.hostname else ""


def is_loopback(url: str) -> bool:
    """Whether the host of ``url`` is this machine."""
    return urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}


def _is_graphql_limit(body: Any) -> bool:
    errors = body.get("errors") if isinstance(body, dict) else None
    return isinstance(errors, list) and any(
        error.get("type") == "RATE_LIMITED" or _says_limit(str(error.get("message")))
        for error in errors
        if isinstance(error, dict)
    )


def _says_limit(text: str) -> bool:
    return any(sign in text.lower() for sign in _LIMIT_SIGNS)


def _retry_after(value: str, now: float) -> float | None:
    if not value:
        return None
    if value.isdecimal():
        return float(value)
    try:
        return email.utils.parsedate_to_datetime(value).timestamp() - now
    except ValueError:
        return None


def _read_response(received: requests.Response) -> Response:
    headers = {name.lower(): value for name, value in received.headers.items()}
    body: Any = None
    is_broken = False
    if received.content and "json" in headers.get("content-type", ""):
        try:
            body = received.json()
        except ValueError:
            is_broken = True
    host = urlsplit(received.url).netloc
    return Response(
        received.status_code, headers, received.content, body, host, is_broken=is_broken
    )


def _message(body: Any) -> str:
    """The message in the body of an error, in the formats of all hosts; empty if there is none."""
    if not isinstance(body, dict):
        return ""
    errors = body.get("errors")
    faults = [*(errors if isinstance(errors, list) else ()), body.get("error")]
    details = (fault.get("message") if isinstance(fault, dict) else fault for fault in faults)
    return "; ".join(str(part) for part in (body.get("message"), *details) if part)


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
