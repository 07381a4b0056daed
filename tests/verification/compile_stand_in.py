"""CircleCI's compile API and CircleCI's own program, as far as `circleci-cli` shows them."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.loopback_server import answering
from tests.verification.compiler_model import NotCompiledError, compiled

TOKEN = "CCIPAT_verify_4f1e9b0c7d2a"
ORGANISATION = "2b8d1c7e-9f35-4a0b-8a51-6f0e3d2c1b4a"
ROOT = Path(__file__).resolve().parent.parent.parent

#: An answer instead of the compiler's: status, headers, body.
Fault = tuple[int, dict[str, str], str]


class CompileStandIn:
    """A host. ``configs`` are the texts that came, ``tokens`` what came with each request."""

    def __init__(self) -> None:
        self.configs: list[str] = []
        self.tokens: list[str] = []
        self.paths: list[str] = []
        self.complaints: list[str] = []
        self.faults: list[Fault] = []
        self.has_v3 = True
        self.needs_token = False
        self.pause = 0.0
        #: Changes what is compiled.
        self.twist: Callable[[str], str] = lambda text: text
        self.url = ""

    def answer(self, method: str, path: str, token: str, body: Any) -> tuple[int, Any]:
        """The status and the body for a request."""
        self.paths.append(f"{method} {path}")
        self.tokens.append(token)
        if token not in ("", TOKEN) or (self.needs_token and not token):
            return 401, {"message": "You must log in first."}
        if path == "/api/v2/me/collaborations":
            return 200, [{"id": ORGANISATION, "slug": "gh/acme", "name": "acme"}]
        if path == "/api/v3/configs/compile" and self.has_v3:
            return 200, self._by_v3(token, body)
        if path == "/api/v2/compile-config-with-defaults":
            return 200, self._by_v2(token, body)
        return 404, {"message": "Not found."}

    def _by_v3(self, token: str, body: Any) -> Any:
        data = body["data"]
        strange = {*body} - {"data"} | {*data} - {"attributes", "references"}
        strange |= {*data["attributes"]} - {"config", "pipeline_values", "pipeline_parameters"}
        if strange:
            self.complaints.append(f"the endpoint rejects unknown members: {strange}")
        owner = data.get("references", {}).get("org", {}).get("id")
        text, errors = self._compiled(data["attributes"]["config"], token, owner)
        if errors:
            attributes = {"phase": "ended", "outcome": "failed"}
            messages = [{"title": error} for error in errors]
            return {"data": {"attributes": attributes}, "meta": {"messages": messages}}
        attributes = {"phase": "ended", "outcome": "succeeded", "compiled_config": text}
        return {"data": {"attributes": attributes}}

    def _by_v2(self, token: str, body: Any) -> Any:
        owner = body["options"].get("owner_id")
        text, errors = self._compiled(body["config_yaml"], token, owner)
        messages = [{"message": error} for error in errors]
        source = body["config_yaml"]
        return {"valid": not errors, "errors": messages, "source-yaml": source, "output-yaml": text}

    def _compiled(self, config: str, token: str, owner: str | None) -> tuple[str, tuple[str, ...]]:
        self.configs.append(config)
        sees_private = token == TOKEN and owner == ORGANISATION
        try:
            return self.twist(compiled(config, sees_private=sees_private)), ()
        except NotCompiledError as error:
            return "", error.args


class _Handler(BaseHTTPRequestHandler):
    stand_in: CompileStandIn

    def _handle(self) -> None:
        stand_in = self.stand_in
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if stand_in.pause:
            time.sleep(stand_in.pause)
        if stand_in.faults:
            status, headers, text = stand_in.faults.pop(0)
        else:
            bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
            token = self.headers.get("Circle-Token") or bearer
            body = json.loads(data) if data else None
            status, answer = stand_in.answer(self.command, self.path, token, body)
            headers, text = {"Content-Type": "application/json"}, json.dumps(answer)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        with suppress(BrokenPipeError):  # who asked has not waited
            self.wfile.write(text.encode())

    do_GET = do_POST = _handle

    def log_message(self, format: str, *args: Any) -> None:
        """Tell nothing."""


@contextmanager
def serving() -> Iterator[CompileStandIn]:
    """A stand-in that answers. At the end: whether nothing strange was asked."""
    stand_in = CompileStandIn()
    handler = type("Handler", (_Handler,), {"stand_in": stand_in})
    with answering(handler) as url:
        stand_in.url = url
        yield stand_in
    assert stand_in.complaints == []


#: ``circleci config process -`` of both versions; a marker in the config has it misbehave.
_PROGRAM = """#!{python}
import json, os, sys
sys.path.insert(0, {root!r})
from tests.verification.compiler_model import NotCompiledError, compiled

OLD = {old!r}
given = sys.argv[1:]
assert given[:3] == ["config", "process", "-"], given
options = given[3:]
text = sys.stdin.read()
token = os.environ.get("CIRCLECI_CLI_TOKEN" if OLD else "CIRCLE_TOKEN", "")
with open({log!r}, "a") as log:
    json.dump([options, token, os.getcwd(), os.listdir(), text], log)
    log.write("\\n")
if "# slow" in text:
    import time
    time.sleep(60)
if "# crash" in text:
    sys.exit("Error: the \\x1b[31mnetwork is unreachable")
if options and options[0] not in (("--org-slug", "--org-id") if OLD else ("--org",)):
    sys.exit("Error: unknown flag: " + options[0])
if options and not token and not OLD:
    sys.stderr.write("Authentication required\\n")
    sys.exit(3)
try:
    print(compiled(text, sees_private=bool(token and options)), end="")
except NotCompiledError as error:
    if OLD:
        sys.stderr.write("Error: config compilation contains errors: config compilation contains "
                         "errors:" + "".join("\\n\\t- " + one for one in error.args) + "\\n")
        sys.exit(255)
    for one in error.args:
        sys.stderr.write("  \\u2022 " + one + "\\n")
    sys.stderr.write('error: Config file "-" contains compilation errors.\\n')
    sys.exit(7)
"""


def link_git(folder: Path) -> None:
    """Put git, which says what the remote is, into ``folder``, and nothing else."""
    git = shutil.which("git")
    assert git is not None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "git").symlink_to(git)


def install_program(folder: Path, *, old: bool) -> Path:
    """Put CircleCI's program into ``folder``; the path of what it notes of each run."""
    link_git(folder)
    log = folder / "runs"
    log.touch()
    program = folder / "circleci"
    program.write_text(
        _PROGRAM.format(python=sys.executable, root=str(ROOT), old=old, log=str(log))
    )
    program.chmod(0o755)
    return log
