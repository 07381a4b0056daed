"""An editor as far as a language server sees one: pygls' own client, over standard input."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

#: In seconds; a busy machine takes its time.
PATIENCE = 120


class Editor:
    """Opens texts of ``root`` and remembers what the server says of each."""

    root = Path()

    def __init__(self, client: LanguageClient, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop
        self._versions: dict[str, int] = {}
        self._said: asyncio.Queue[lsp.PublishDiagnosticsParams] = asyncio.Queue()
        self.diagnostics: dict[str, list[lsp.Diagnostic]] = {}
        self.messages: list[str] = []

        def publish(params: lsp.PublishDiagnosticsParams) -> None:
            self._said.put_nowait(params)

        def show(params: lsp.ShowMessageParams) -> None:
            self.messages.append(params.message)

        client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(publish)
        client.feature(lsp.WINDOW_SHOW_MESSAGE)(show)

    def run(self, session: Coroutine[Any, Any, None]) -> None:
        """Run what a user does."""
        self._loop.run_until_complete(session)

    def close_all(self) -> None:
        """Close what is open."""
        for name in list(self._versions):
            self.close(name)

    def uri(self, name: str) -> str:
        return (self.root / name).as_uri()

    async def said_of(self, name: str) -> list[str]:
        """The messages of the next diagnostics of ``name``, first lines only."""
        while True:
            params = await asyncio.wait_for(self._said.get(), PATIENCE)
            self.diagnostics[params.uri] = list(params.diagnostics)
            if params.uri == self.uri(name):
                return [found.message.splitlines()[0] for found in params.diagnostics]

    async def open(self, name: str, text: str) -> list[str]:
        """Open ``name``: what is said of it."""
        self.begin(name, text)
        return await self.said_of(name)

    def begin(self, name: str, text: str) -> None:
        """Open ``name``, of which nothing need be said."""
        self._versions[name] = 1
        item = lsp.TextDocumentItem(self.uri(name), "yaml", 1, text)
        self._client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))

    def type(self, name: str, text: str) -> None:
        """Replace the whole text of ``name``, which is not saved."""
        self._versions[name] += 1
        document = lsp.VersionedTextDocumentIdentifier(self._versions[name], self.uri(name))
        change = lsp.TextDocumentContentChangeWholeDocument(text)
        self._client.text_document_did_change(lsp.DidChangeTextDocumentParams(document, [change]))

    def close(self, name: str) -> None:
        del self._versions[name]
        document = lsp.TextDocumentIdentifier(self.uri(name))
        self._client.text_document_did_close(lsp.DidCloseTextDocumentParams(document))

    def changed_on_disk(self, name: str) -> None:
        event = lsp.FileEvent(self.uri(name), lsp.FileChangeType.Changed)
        self._client.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams([event]))

    async def hover(self, name: str, line: int) -> str:
        found: Any = await self._client.text_document_hover_async(
            lsp.HoverParams(lsp.TextDocumentIdentifier(self.uri(name)), lsp.Position(line, 8))
        )
        return "" if found is None else str(found.contents.value)

    async def actions(self, name: str, line: int) -> dict[str, lsp.CodeAction]:
        here = lsp.Range(lsp.Position(line, 0), lsp.Position(line, 0))
        shown = [
            found for found in self.diagnostics[self.uri(name)] if found.range.start.line == line
        ]
        found: Any = await self._client.text_document_code_action_async(
            lsp.CodeActionParams(
                lsp.TextDocumentIdentifier(self.uri(name)), here, lsp.CodeActionContext(shown)
            )
        )
        return {f"{action.kind}: {action.title}": action for action in found}

    async def applied(self, name: str, text: str, action: lsp.CodeAction) -> str:
        """``text``, that of ``name``, with the edits of ``action``."""
        resolved = await self._client.code_action_resolve_async(action)
        if resolved.edit is None:
            return text
        changes: Any = resolved.edit.document_changes
        (document,) = changes
        assert document.text_document.uri == self.uri(name)
        assert document.text_document.version == self._versions[name]
        lines = [0]
        for end in range(len(text)):
            if text[end] == "\n" or (text[end] == "\r" and text[end + 1 : end + 2] != "\n"):
                lines.append(end + 1)
        for edit in sorted(document.edits, key=lambda edit: edit.range.start, reverse=True):
            start, end = (_offset(text, lines, at) for at in (edit.range.start, edit.range.end))
            text = text[:start] + edit.new_text + text[end:]
        return text


def _offset(text: str, lines: list[int], at: lsp.Position) -> int:
    """The offset of a position in UTF-16 units."""
    units, offset = 0, lines[at.line]
    while units < at.character:
        units += 2 if ord(text[offset]) > 0xFFFF else 1
        offset += 1
    return offset


class _Client(LanguageClient):
    """pygls' client, which remembers what the server ended with."""

    code: int | None = None

    async def server_exit(self, server: asyncio.subprocess.Process) -> None:
        self.code = server.returncode


#: What an editor of today can do: it asks for the edit of an action when that is chosen.
TODAY = lsp.ClientCapabilities(
    text_document=lsp.TextDocumentClientCapabilities(
        code_action=lsp.CodeActionClientCapabilities(
            resolve_support=lsp.ClientCodeActionResolveOptions(["edit"]), data_support=True
        )
    )
)


@asynccontextmanager
async def editor(
    loop: asyncio.AbstractEventLoop, capabilities: lsp.ClientCapabilities = TODAY
) -> AsyncIterator[Editor]:
    """An editor that runs in ``loop``, and the real server."""
    client = _Client("editor", "1")
    made = Editor(client, loop)
    await client.start_io(sys.executable, "-m", "cci_migrate", "lsp")
    started = await asyncio.wait_for(
        client.initialize_async(lsp.InitializeParams(capabilities)), PATIENCE
    )
    assert started.capabilities.code_action_provider
    client.initialized(lsp.InitializedParams())
    yield made
    await asyncio.wait_for(client.shutdown_async(None), PATIENCE)
    client.exit(None)
    await asyncio.wait_for(client.stop(), PATIENCE)  # type: ignore[no-untyped-call]
    assert client.code == 0
