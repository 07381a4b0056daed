"""What a campaign writes of repositories whose every name is hostile, and where it goes."""

from __future__ import annotations

import html
import html.parser
import json
import re
import sys
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt
from markdown_it.token import Token

from cci_migrate.cli.main_command import main_command
from tests.batch.github_stand_in import GitHubStandIn
from tests.batch.repositories import CONFIG, PLAIN, Batch, checkout, git, write_files
from tests.escaping.hostile_text import HOSTILE, assert_seen, assert_steady, config

linux = pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux only")

#: Every value a template may use, each on a line of its own.
TEMPLATE = """\
{{ repository }}
{% for line in fixes %}{{ line }}
{% endfor %}{% for line in left %}{{ line }}
{% endfor %}{% for line in todos %}{{ line }}
{% endfor %}{% for line in files %}{{ line }}
{% endfor %}"""
#: What closes an issue, as GitLab and GitHub document it.
CLOSING = re.compile(
    r"\b(clos|fix|resolv|implement)\w{0,3}:? +(issues? +)?([\w./-]*([#!]|\b[a-z]\w*-)\d|https?://)",
    re.IGNORECASE,
)
IN_ONE_LINE = "{{ (fixes + left + todos + files) | join('; ') }}"


def tokens(markdown: str) -> Iterator[Token]:
    """What a host makes of ``markdown``, before it looks for addresses and mentions in text."""
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown):
        yield token
        yield from token.children or ()


def assert_harmless(body: str) -> None:
    assert_steady(body)
    kinds = {token.type for token in tokens(body)}
    allowed = {
        "paragraph_open", "paragraph_close", "bullet_list_open", "bullet_list_close",
        "list_item_open", "list_item_close", "inline", "text", "code_inline", "softbreak",
    }  # fmt: skip
    assert kinds <= allowed, kinds - allowed
    for token in tokens(body):
        if token.type == "text":
            assert not re.search(r"@\w|[#!]\d|\w-\d|://|www\.|\$", token.content), token.content
    for line in body.splitlines():
        # GitLab reads these of the text as it was written, code or not.
        assert not line.startswith("/"), line
        assert not CLOSING.search(line), line


@pytest.mark.usefixtures("clock")
def test_pull_requests(github: GitHubStandIn, batch: Batch) -> None:
    github.add("acme/web", {CONFIG: config().encode()})
    batch("plan", "github:acme", code=1)
    batch("apply", "--canary", 0)
    (pull,) = github.repositories["acme/web"].pulls
    assert_seen(pull.body)
    assert_harmless(pull.body)


@pytest.mark.usefixtures("clock")
def test_templates(github: GitHubStandIn, batch: Batch, tmp_path: Path) -> None:
    stored = github.add("acme/web", {CONFIG: config().encode()})
    (tmp_path / "body.md").write_text(TEMPLATE)
    batch("plan", "github:acme", code=1)
    texts = ("--message", f"Subject\n\n{TEMPLATE}", "--title", IN_ONE_LINE)
    batch("apply", "--canary", 0, *texts, "--body", tmp_path / "body.md")
    (pull,) = stored.pulls
    assert_seen(pull.body)
    assert_harmless(pull.body)
    message = git(stored.folder, "log", "-1", "--format=%B", pull.head)
    assert_seen(message)
    # A title is cut to what the hosts take.
    assert "EVIL" in pull.title
    for text in (pull.title, message):
        assert_steady(text)
        assert not re.search(r"(?<!\w)@\w|[#!]\d|\[ *(skip|ci)", text)
        assert not CLOSING.search(text)
    trailers = git(stored.folder, "log", "-1", "--format=%(trailers:only)", pull.head)
    assert re.fullmatch(r"(Cci-Migrate-\w+: \w+\n?){2}", trailers, re.IGNORECASE), trailers


@linux
def test_names_of_checkouts(batch: Batch, tmp_path: Path) -> None:
    folder = tmp_path / "all"
    names = [text for text in HOSTILE.values() if "\0" not in text and "/" not in text]
    for name in names[::3]:
        checkout(folder / name, {CONFIG: PLAIN})
    for name in names[1::3]:
        write_files(folder / name, {CONFIG: b"jobs: ["})
    checkout(folder / "config", {CONFIG: config().encode()})
    commands = [
        ("plan", str(folder), "--verbose"),
        ("status",),
        ("status", "--json"),
        ("diff",),
        ("apply", "--dry-run", "--verbose"),
        ("apply", "--local", "branch", "--verbose"),
        ("plan", str(folder), "--log-format", "json"),
    ]
    seen = ""
    for words in commands:
        done = CliRunner().invoke(main_command, ["batch", *words, "--campaign", str(batch.folder)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        if words[0] != "diff":
            assert_steady(done.output)
        else:
            labels = [line for line in done.output.splitlines() if line.startswith("# ")]
            assert_steady("\n".join(labels))
        if "--json" in words:
            for line in done.stdout.splitlines():
                json.dumps(json.loads(line), ensure_ascii=False).encode()
        seen += done.output
    assert_seen(seen)
    for line in (batch.folder / "results.jsonl").read_text().splitlines():
        json.dumps(json.loads(line), ensure_ascii=False).encode()
    batch("report", "--html", tmp_path / "report.html")
    assert_page((tmp_path / "report.html").read_text())


class _Page(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_page(text: str) -> None:
    page = _Page(text)
    assert "img" not in page.tags
    assert text.count("<script") == 1
    assert not any(name.startswith("on") for name in page.attributes)
    assert "default-src 'none'" in text
    # What a browser runs is this script alone.
    script = text.partition("<script>")[2].partition("</script>")[0]
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html.unescape(text)
    assert all(line.isprintable() for line in text.splitlines())
    assert_seen(page.text)
