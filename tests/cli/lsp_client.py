"""An editor as the language server sees it: pygls' own client, which drives `tap lsp` as a process."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec

from lsprotocol import types
from pygls import uris
from pygls.lsp.client import LanguageClient

from tests.conftest import TAP

# A loaded machine is slow; nothing waits that long where all is well.
SECONDS = 60.0

P = ParamSpec("P")
Diagnostics = Sequence[types.Diagnostic]


def asynchronous(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """A test that awaits."""

    @functools.wraps(test)
    def run(*arguments: P.args, **named: P.kwargs) -> None:
        asyncio.run(test(*arguments, **named))

    return run


def uri_of(path: Path) -> str:
    uri = uris.from_fs_path(str(path))
    assert uri is not None
    return str(uri)


class Editor:
    """What it has open, and what it was told last of each file."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self.client = LanguageClient("test", "1")
        self.told: dict[str, types.PublishDiagnosticsParams] = {}
        self.history: list[types.PublishDiagnosticsParams] = []
        self.registered: list[types.Registration] = []
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self._news = asyncio.Condition()

        feature: Callable[[str], Callable[[Any], Any]] = self.client.feature

        @feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        async def published(parameters: types.PublishDiagnosticsParams) -> None:
            async with self._news:
                self.told[parameters.uri] = parameters
                self.history.append(parameters)
                self._news.notify_all()

        @feature(types.CLIENT_REGISTER_CAPABILITY)
        def register(parameters: types.RegistrationParams) -> None:
            self.registered += parameters.registrations

    @property
    def process(self) -> asyncio.subprocess.Process:
        process = self.client._server
        assert process is not None
        return process

    async def open(self, path: Path | str, text: str | None = None) -> Diagnostics:
        uri = uri_of(path) if isinstance(path, Path) else path
        self.texts[uri] = Path(path).read_bytes().decode() if text is None else text
        self.versions[uri] = 1
        item = types.TextDocumentItem(uri, "terraform", 1, self.texts[uri])
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return await self.current(uri) if isinstance(path, Path) else ()

    async def change(self, path: Path, text: str) -> Diagnostics:
        self.type(path, text)
        return await self.current(uri_of(path))

    def type(self, path: Path, text: str) -> None:
        uri = uri_of(path)
        self.texts[uri] = text
        self.versions[uri] += 1
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(self.versions[uri], uri),
                [types.TextDocumentContentChangeWholeDocument(text)],
            )
        )

    def close(self, path: Path) -> None:
        identifier = types.TextDocumentIdentifier(uri_of(path))
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(identifier))

    async def current(self, uri: str) -> Diagnostics:
        """What is said of the text as it is now."""
        version = self.versions[uri]
        return await self.until(uri, lambda told: told.version is not None and told.version >= version)

    async def until(self, uri: str, holds: Callable[[types.PublishDiagnosticsParams], bool]) -> Diagnostics:
        async with self._news:
            await asyncio.wait_for(
                self._news.wait_for(lambda: uri in self.told and holds(self.told[uri])), SECONDS
            )
            return self.told[uri].diagnostics

    async def hover(self, path: Path | str, line: int, character: int) -> str | None:
        uri = uri_of(path) if isinstance(path, Path) else path
        place = types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(line, character))
        found = await self.client.text_document_hover_async(place)
        if found is None:
            return None
        assert isinstance(found.contents, types.MarkupContent)
        return found.contents.value

    async def actions(self, path: Path | str, diagnostic: types.Diagnostic) -> list[types.CodeAction]:
        uri = uri_of(path) if isinstance(path, Path) else path
        context = types.CodeActionContext([diagnostic])
        asked = types.CodeActionParams(types.TextDocumentIdentifier(uri), diagnostic.range, context)
        found = await self.client.text_document_code_action_async(asked)
        actions = [one for one in found or () if isinstance(one, types.CodeAction)]
        assert len(actions) == len(found or ())
        return actions

    async def apply(self, path: Path, action: types.CodeAction) -> Diagnostics:
        """What is said once the action is carried out."""
        uri = uri_of(path)
        assert action.edit is not None
        assert action.edit.changes is not None
        assert list(action.edit.changes) == [uri]
        text = self.texts[uri]
        for edit in sorted(
            action.edit.changes[uri], key=lambda one: (one.range.start.line, one.range.start.character)
        )[::-1]:
            start, end = self._offset(text, edit.range.start), self._offset(text, edit.range.end)
            text = text[:start] + edit.new_text + text[end:]
        return await self.change(path, text)

    def text_at(self, path: Path, range_: types.Range) -> str:
        text = self.texts[uri_of(path)]
        return text[self._offset(text, range_.start) : self._offset(text, range_.end)]

    def _offset(self, text: str, position: types.Position) -> int:
        """As the protocol counts."""
        lines = text.split("\n")
        before = sum(len(line) + 1 for line in lines[: position.line])
        unit = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[self.encoding]
        left = lines[position.line].encode(unit[0])[: position.character * unit[1]]
        return before + len(left.decode(unit[0]))

    async def end(self) -> int:
        await self.client.shutdown_async(None)
        self.client.exit(None)
        return await self.left()

    async def left(self) -> int:
        code = await asyncio.wait_for(self.process.wait(), SECONDS)
        assert self.process.stderr is not None
        said = (await self.process.stderr.read()).decode()
        assert "Traceback" not in said, said
        return code


@contextlib.asynccontextmanager
async def editor(
    *folders: Path, encodings: Sequence[str] = (), env: Mapping[str, str] | None = None
) -> AsyncIterator[Editor]:
    """An editor with these folders open; the server ends with 0 when it is closed."""
    made = Editor(encodings[0] if encodings else "utf-16")
    await made.client.start_io(str(TAP), "lsp", env={**os.environ, **(env or {})})
    general = types.GeneralClientCapabilities(position_encodings=encodings) if encodings else None
    files = types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True)
    answer = await asyncio.wait_for(
        made.client.initialize_async(
            types.InitializeParams(
                capabilities=types.ClientCapabilities(
                    general=general,
                    workspace=types.WorkspaceClientCapabilities(did_change_watched_files=files),
                ),
                process_id=os.getpid(),
                root_uri=uri_of(folders[0]),
                workspace_folders=[types.WorkspaceFolder(uri_of(one), one.name) for one in folders],
            )
        ),
        SECONDS,
    )
    assert answer.capabilities.position_encoding == made.encoding
    made.client.initialized(types.InitializedParams())
    try:
        yield made
        if made.process.returncode is None:
            assert await made.end() == 0
    finally:
        if made.process.returncode is None:
            made.process.kill()
        with contextlib.suppress(Exception):
            await asyncio.wait_for(made.client.stop(), SECONDS)  # type: ignore[no-untyped-call]  # pygls says nothing
