"""The language server itself: requests of an editor in, diagnostics, hovers and edits out.

It writes no file. An edit goes to the editor, for the text that the user sees.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from cci_migrate import __version__
from cci_migrate.bounds.limits import DEFAULT_WORK_LIMITS
from cci_migrate.editor.code_actions import action_data, code_actions, edit_of
from cci_migrate.editor.config_reviews import Review, review
from cci_migrate.editor.diagnostics import SOURCE, diagnostics_of
from cci_migrate.editor.hovers import hover_at
from cci_migrate.editor.open_files import OpenFiles
from cci_migrate.policy.file import FILE_NAME, PYPROJECT, PolicyError
from cci_migrate.policy.settings import Policy

#: Gives the policy for the config with these files in the repository at this root; None: it is
#: excluded. Raises PolicyError.
PolicyFor = Callable[[Path, tuple[str, ...]], Policy | None]

#: In seconds: several changes in a row, as of a pasted text, are examined once.
_PAUSE = 0.02
#: What may change findings without being open.
_WATCHED = (
    *("**/.circleci/**", f"**/{FILE_NAME}", f"**/{PYPROJECT}", "**/*baseline*.json"),
    # What steps build and run.
    *("**/*ocker*", "**/*compose*.y*ml", "**/*.sh", "**/*akefile*", "**/*.mk", "**/*justfile*"),
    *("**/*askfile*.y*ml", "**/package.json"),
)


class _Session:
    """What is open, and what was found in it."""

    def __init__(self, server: LanguageServer, read_policies: Callable[[], PolicyFor]) -> None:
        self._server = server
        self._read_policies = read_policies
        self._policy_for = read_policies()
        self._files = OpenFiles()
        self._reviews: dict[Path, Review] = {}
        self._published: set[Path] = set()
        #: As the editor writes them: it may open a file through a link, or quote other characters.
        self._uris: dict[Path, str] = {}
        self._pending: asyncio.TimerHandle | None = None
        self._problems: frozenset[str] = frozenset()

    def open(self, uri: str, text: str) -> None:
        path = _path_of(uri)
        if path is not None:
            self._uris[path] = uri
        self.set_text(uri, text)

    def set_text(self, uri: str, text: str) -> None:
        path = _path_of(uri)
        if path is not None:
            self._files.set(path, text)
            self._examine_soon()

    def close(self, uri: str) -> None:
        path = _path_of(uri)
        if path is not None:
            self._files.close(path)
            self._examine_soon()

    def read_again(self) -> None:
        """Files on the disk changed, the policy perhaps among them."""
        self._files.forget_names()
        self._policy_for = self._read_policies()
        self._examine_soon()

    def reviewed(self, uri: str) -> tuple[Path, Review | None]:
        """The file of ``uri``, and the review of its config; None if there is none."""
        path = _path_of(uri) or Path()
        return path, self.review_of(path)

    def review_of(self, path: Path) -> Review | None:
        """The review of the config of ``path``, for its text as it is now."""
        if self._pending is not None:
            self._examine()
        return self._reviews.get(path)

    def proven_edit(self, action: lsp.CodeAction) -> lsp.WorkspaceEdit | None:
        """The edit of ``action``; None if it fits no more, or can't be proven."""
        data = action_data(action.data)
        review = None if data is None else self.review_of(Path(data.path))
        if data is None or review is None:
            return None
        documents = self._server.workspace.text_documents.items()
        versions = {_path_of(uri): document.version for uri, document in documents}

        def document(path: Path) -> lsp.OptionalVersionedTextDocumentIdentifier:
            return lsp.OptionalVersionedTextDocumentIdentifier(
                self._uri_of(path), versions.get(path)
            )

        return edit_of(review, data, document)

    def _uri_of(self, path: Path) -> str:
        """The URI by which the editor knows ``path``."""
        return self._uris.get(path) or path.as_uri()

    def _examine_soon(self) -> None:
        if self._pending is not None:
            self._pending.cancel()
        self._pending = asyncio.get_running_loop().call_later(_PAUSE, self._examine)

    def _examine(self) -> None:
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None
        self._reviews = {}
        diagnostics: dict[Path, list[lsp.Diagnostic]] = {}
        for reviewed in self._review_all():
            for path, of_file in diagnostics_of(reviewed).items():
                diagnostics.setdefault(path, []).extend(of_file)
                self._reviews[path] = reviewed
        for path in self._published - diagnostics.keys():
            self._publish(path, [])
        for path, of_file in diagnostics.items():
            self._publish(path, of_file)
        self._published = set(diagnostics)

    def _review_all(self) -> Iterator[Review]:
        problems: set[str] = set()
        encoding = self._server.workspace.position_encoding or lsp.PositionEncodingKind.Utf16
        for config in self._files.configs():
            try:
                policy = self._policy_for(config.root, config.files.paths)
            except PolicyError as error:
                problems.add(str(error))
                continue
            if policy is not None:
                yield review(config, policy, DEFAULT_WORK_LIMITS, encoding)
        for problem in sorted(problems - self._problems):
            self._server.window_show_message(
                lsp.ShowMessageParams(lsp.MessageType.Error, f"{SOURCE}: {problem}")
            )
        self._problems = frozenset(problems)

    def _publish(self, path: Path, diagnostics: list[lsp.Diagnostic]) -> None:
        self._server.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(self._uri_of(path), diagnostics)
        )


class EditorServer(LanguageServer):
    """The server. ``was_shut_down``: the editor asked for the end before it ended the server."""

    def __init__(self, read_policies: Callable[[], PolicyFor]) -> None:
        # Whole texts: the lines of a change are the client's, which no library counts alike.
        super().__init__(SOURCE, __version__, lsp.TextDocumentSyncKind.Full)
        self.session = _Session(self, read_policies)
        self.was_shut_down = False


def language_server(read_policies: Callable[[], PolicyFor]) -> EditorServer:
    """The server. ``read_policies`` reads the policy files anew."""
    server = EditorServer(read_policies)
    server.feature(lsp.INITIALIZED)(_initialized)
    server.feature(lsp.SHUTDOWN)(_shutdown)
    server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)(_did_open)
    server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)(_did_change)
    server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)(_did_close)
    server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)(_changed_on_disk)
    server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)(_changed_on_disk)
    server.feature(lsp.TEXT_DOCUMENT_HOVER)(_hover)
    kinds = [lsp.CodeActionKind.QuickFix, lsp.CodeActionKind.SourceFixAll]
    options = lsp.CodeActionOptions(kinds, resolve_provider=True)
    server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, options)(_code_action)
    server.feature(lsp.CODE_ACTION_RESOLVE)(_resolve)
    return server


# pygls passes the server to whatever calls its first parameter ``ls``.


def _initialized(ls: EditorServer, _: lsp.InitializedParams) -> None:
    watchers = [lsp.FileSystemWatcher(pattern) for pattern in _WATCHED]
    options = lsp.DidChangeWatchedFilesRegistrationOptions(watchers)
    capabilities = ls.client_capabilities.workspace
    watched = None if capabilities is None else capabilities.did_change_watched_files
    if watched is not None and watched.dynamic_registration:
        registration = lsp.Registration("files", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
        ls.client_register_capability(lsp.RegistrationParams([registration]))


def _shutdown(ls: EditorServer, _: None) -> None:
    ls.was_shut_down = True


def _did_open(ls: EditorServer, params: lsp.DidOpenTextDocumentParams) -> None:
    ls.session.open(params.text_document.uri, params.text_document.text)


def _did_change(ls: EditorServer, params: lsp.DidChangeTextDocumentParams) -> None:
    uri = params.text_document.uri
    ls.session.set_text(uri, ls.workspace.get_text_document(uri).source)


def _did_close(ls: EditorServer, params: lsp.DidCloseTextDocumentParams) -> None:
    ls.session.close(params.text_document.uri)


def _changed_on_disk(
    ls: EditorServer, _: lsp.DidSaveTextDocumentParams | lsp.DidChangeWatchedFilesParams
) -> None:
    ls.session.read_again()


def _hover(ls: EditorServer, params: lsp.HoverParams) -> lsp.Hover | None:
    path, review = ls.session.reviewed(params.text_document.uri)
    return None if review is None else hover_at(review, path, params.position.line)


def _code_action(ls: EditorServer, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    path, review = ls.session.reviewed(params.text_document.uri)
    if review is None:
        return []
    actions = code_actions(review, path, params.range, params.context.diagnostics)
    requested = [action for action in actions if _is_wanted(action, params.context.only)]
    if _resolves_edits(ls.client_capabilities):
        return requested
    for action in requested:
        action.edit = ls.session.proven_edit(action)
    return [action for action in requested if action.edit is not None]


def _resolve(ls: EditorServer, action: lsp.CodeAction) -> lsp.CodeAction:
    action.edit = ls.session.proven_edit(action)
    if action.edit is None:
        text = "no longer fits the text, or the change can't be proven"
        ls.window_show_message(
            lsp.ShowMessageParams(lsp.MessageType.Warning, f"{SOURCE}: {action.title}: {text}")
        )
    return action


def _path_of(uri: str) -> Path | None:
    """The file of ``uri``; None for what is no file, and for names that none can have."""
    name = to_fs_path(uri) if uri.startswith("file:") else None
    try:
        path = None if name is None else Path(name).resolve()
        if path is not None:
            path.is_dir()  # fails for a name that is too long
    except (OSError, RuntimeError, ValueError):
        return None
    return path


def _resolves_edits(client: lsp.ClientCapabilities) -> bool:
    """Whether the client asks for the edit of an action once it is chosen. Older ones do not."""
    text = client.text_document
    actions = None if text is None else text.code_action
    resolve = None if actions is None else actions.resolve_support
    return resolve is not None and "edit" in resolve.properties


def _is_wanted(action: lsp.CodeAction, kinds: Sequence[lsp.CodeActionKind | str] | None) -> bool:
    """Whether ``action`` is of one of ``kinds``: ``source`` asks for ``source.fixAll`` too."""
    own = f"{_name_of(action.kind)}."
    return not kinds or any(own.startswith(f"{_name_of(kind)}.") for kind in kinds)


def _name_of(kind: lsp.CodeActionKind | str | None) -> str:
    return kind.value if isinstance(kind, lsp.CodeActionKind) else kind or ""
