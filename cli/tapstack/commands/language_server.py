"""A language server on pygls: which of the protocol's messages it answers, and how."""

from __future__ import annotations

from typing import Any, BinaryIO, Final

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from tapstack.commands.editor_session import EditorSession
from tapstack.commands.lsp_values import diagnostic, range_of
from tapstack.deployment.editing import Mend, answer
from tapstack.deployment.warm import warm_up
from tapstack.deployment.zygote import Zygote
from tapstack.settings import FILE_NAME

_WATCHED: Final = ("**/*.tf", "**/*.tf.json", "**/*.tfvars", "**/*.tfvars.json", f"**/{FILE_NAME}", "**/*.py")
# Who types is not interrupted after each letter.
_PAUSE_SECONDS: Final = 0.15


class _Server(LanguageServer):
    """Tells the client of an error once: pygls would tell it of the failure to tell, and of that one, without end."""

    _is_telling = False

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Called by pygls."""
        if not self._is_telling:
            self._is_telling = True
            try:
                super().report_server_error(error, source)
            finally:
                self._is_telling = False


def serve(stdin: BinaryIO, stdout: BinaryIO, environment: str, version: str) -> int:
    """Speak the protocol until the client ends it: 0 after a shutdown, 1 without one."""
    # Forked before there is any thread.
    zygote = Zygote(answer, warm_up)
    server = _Server("tap", version, text_document_sync_kind=types.TextDocumentSyncKind.Full)
    editor = EditorSession(server, zygote, environment)
    _documents(server, editor)
    _questions(server, editor)
    ended: list[bool] = []

    @server.feature(types.SHUTDOWN)
    def shut_down(_parameters: None) -> None:
        ended.append(True)
        # What is being judged is not waited for, and nobody listens any more.
        editor.end()
        zygote.close()

    try:
        server.start_io(stdin, stdout)
    finally:
        zygote.close()
    return 0 if ended else 1


def _documents(server: LanguageServer, editor: EditorSession) -> None:
    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(parameters: types.DidOpenTextDocumentParams) -> None:
        editor.opened(parameters.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(parameters: types.DidChangeTextDocumentParams) -> None:
        editor.changed(parameters.text_document.uri, _PAUSE_SECONDS)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(parameters: types.DidSaveTextDocumentParams) -> None:
        editor.changed(parameters.text_document.uri, 0)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(parameters: types.DidCloseTextDocumentParams) -> None:
        editor.closed(parameters.text_document.uri)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def outside(_parameters: types.DidChangeWatchedFilesParams) -> None:
        editor.everything_changed()

    @server.feature(types.INITIALIZED)
    async def initialized(_parameters: types.InitializedParams) -> None:
        workspace = server.client_capabilities.workspace
        watched = workspace.did_change_watched_files if workspace else None
        if watched and watched.dynamic_registration:
            options = types.DidChangeWatchedFilesRegistrationOptions(
                watchers=[types.FileSystemWatcher(glob_pattern=pattern) for pattern in _WATCHED]
            )
            registration = types.Registration(
                id="tap-files", method=types.WORKSPACE_DID_CHANGE_WATCHED_FILES, register_options=options
            )
            await server.client_register_capability_async(types.RegistrationParams([registration]))


def _questions(server: LanguageServer, editor: EditorSession) -> None:
    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hover(parameters: types.HoverParams) -> types.Hover | None:
        found = editor.problems(parameters.text_document.uri, parameters.position)
        pages = dict.fromkeys(one.page for one in found if one.page)
        if not pages:
            return None
        text = "\n\n---\n\n".join(pages)
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text), range_of(found[0].span))

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix]),
    )
    async def actions(parameters: types.CodeActionParams) -> list[types.CodeAction]:
        only = parameters.context.only
        if only and not any(types.CodeActionKind.QuickFix.value.startswith(kind) for kind in only):
            return []
        mends = await editor.mends(parameters.text_document.uri, parameters.range)
        return [_action(one, editor) for one in mends]


def _action(mend: Mend, editor: EditorSession) -> types.CodeAction:
    edits = [types.TextEdit(range_of(span), text) for span, text in mend.edits]
    return types.CodeAction(
        title=mend.title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[diagnostic(mend.problem)],
        is_preferred=mend.preferred,
        edit=types.WorkspaceEdit(changes={editor.uri(mend.file): edits}),
    )
