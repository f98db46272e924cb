"""What one editor has open: asks for judgements of it, and tells the editor what they say."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lsprotocol import types
from pygls import uris
from pygls.lsp.server import LanguageServer
from pygls.workspace import TextDocument

from tapstack.commands.lsp_values import counts, diagnostic, path_of, real_path, span_of
from tapstack.deployment.editing import Around, Desk, Judged, Mend, Problem
from tapstack.deployment.places import Span
from tapstack.deployment.zygote import Unanswered, Zygote
from tapstack.settings import FILE_NAME

_SECONDS: Final = 60.0
_ENCODINGS: Final = {
    types.PositionEncodingKind.Utf8: "utf-8",
    types.PositionEncodingKind.Utf16: "utf-16",
    types.PositionEncodingKind.Utf32: "utf-32",
}


@dataclass(eq=False)
class _Stack:
    """A directory that is judged as a whole. `generation` counts the changes of what it is made from."""

    directory: Path
    generation: int = 0
    problems: tuple[Problem, ...] = ()
    places: tuple[Path, ...] = ()
    is_judging: bool = False
    is_due: bool = False
    timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None


@dataclass
class EditorSession:
    """Everything that one client has open."""

    server: LanguageServer
    zygote: Zygote
    environment: str
    stacks: dict[Path, _Stack] = field(default_factory=dict)
    owners: dict[str, Path] = field(default_factory=dict)
    """The directory of the stack that each open document is judged with, by real path."""
    published: set[str] = field(default_factory=set)
    """The real paths that the client has been told problems of."""
    is_over: bool = False

    def opened(self, uri: str) -> None:
        """A document is there to be judged."""
        path = path_of(uri)
        if path is None or not counts(path):
            return
        real = os.path.realpath(path)
        self.owners.setdefault(real, self._stack_directory(path))
        self.stacks.setdefault(self.owners[real], _Stack(self.owners[real]))
        self.changed(uri, 0)

    def changed(self, uri: str, pause: float) -> None:
        """A file is not as it was; its stacks are judged after a pause, in seconds, without another change."""
        path = path_of(uri)
        owner = self.owners.get(os.path.realpath(path)) if path else None
        for stack in list(self.stacks.values()):
            if path and (stack.directory == owner or {path, path.parent} & set(stack.places)):
                self._due(stack, pause)

    def closed(self, uri: str) -> None:
        """What is on disk counts again."""
        path = path_of(uri)
        if path is None:
            return
        self.owners.pop(os.path.realpath(path), None)
        self.changed(uri, 0)
        # Nobody looks at a stack of which nothing is open; what is said of it would grow old.
        for directory in set(self.stacks) - set(self.owners.values()):
            stack = self.stacks.pop(directory)
            stack.generation += 1
            if stack.timer:
                stack.timer.cancel()
        self._publish()

    def everything_changed(self) -> None:
        """Others have changed files."""
        for stack in self.stacks.values():
            self._due(stack, 0)

    def end(self) -> None:
        """Say nothing more."""
        self.is_over = True

    def problems(self, uri: str, position: types.Position) -> list[Problem]:
        """Those at a place; on the header of a block, all of its resource."""
        real, at = real_path(uri), (position.line, position.character)
        here = Span(at, at)
        found = [one for one in self._all() if os.path.realpath(one.file) == real]
        exact = [one for one in found if one.span.touches(here)]
        around = [one for one in found if one.header and one.header.touches(here) and one not in exact]
        return exact + around

    async def mends(self, uri: str, range_: types.Range) -> tuple[Mend, ...]:
        """What ends the problems at a place."""
        path = path_of(uri)
        owner = self.owners.get(os.path.realpath(path)) if path else None
        if path is None or owner is None:
            return ()
        question = Around(self._desk(owner), str(path), span_of(range_))
        try:
            found: tuple[Mend, ...] = await asyncio.to_thread(self.zygote.ask, question, seconds=_SECONDS)
        except Unanswered:
            return ()
        return found

    def uri(self, file: str) -> str:
        """As the client calls a file, which may write other characters of it as percent signs."""
        document = self._documents().get(os.path.realpath(file))
        return document.uri if document else uris.from_fs_path(file) or ""

    def _due(self, stack: _Stack, pause: float) -> None:
        stack.generation += 1
        if stack.timer:
            stack.timer.cancel()
        stack.timer = asyncio.get_running_loop().call_later(pause, self._start, stack)

    def _start(self, stack: _Stack) -> None:
        if self.is_over:
            return
        stack.is_due = True
        if not stack.is_judging:
            stack.is_judging = True
            stack.task = asyncio.create_task(self._judge(stack))

    async def _judge(self, stack: _Stack) -> None:
        """Until nothing has changed meanwhile; what is old by the time that it is known is dropped."""
        try:
            while stack.is_due:
                stack.is_due, generation = False, stack.generation
                judged = await self._judged(stack)
                if self.is_over:
                    return
                if stack.generation == generation:
                    stack.problems, stack.places = judged.problems, judged.places
                    self._adopt(stack)
                    self._publish()
        finally:
            stack.is_judging = False

    async def _judged(self, stack: _Stack) -> Judged:
        desk = self._desk(stack.directory)
        try:
            judged: Judged = await asyncio.to_thread(self.zygote.ask, desk, seconds=_SECONDS)
        except Unanswered as failure:
            files = [real for real, owner in self.owners.items() if owner == stack.directory]
            start = Span((0, 0), (0, 0))
            said = tuple(Problem(file, start, "error", failure.message) for file in files)
            return Judged(said, stack.places)
        return judged

    def _adopt(self, stack: _Stack) -> None:
        """A document in a directory that its stack does not call is judged with what is beside it."""
        places = {os.path.realpath(place) for place in stack.places}
        for real, owner in list(self.owners.items()):
            here = Path(real).parent
            if owner == stack.directory and not {real, str(here)} & places:
                self.owners[real] = here
                self._due(self.stacks.setdefault(here, _Stack(here)), 0)
        if stack.directory not in self.owners.values():
            self.stacks.pop(stack.directory, None)

    def _publish(self) -> None:
        """Tell the client all that is known of each file, and that files are without problems which had some."""
        # Of a document that has not been judged yet nothing is known, which is not that it is well.
        judged = (real for real, owner in self.owners.items() if self.stacks[owner].places)
        files: dict[str, list[Problem]] = {real: [] for real in (*judged, *self.published)}
        for one in self._all():
            problems = files.setdefault(os.path.realpath(one.file), [])
            if one not in problems:
                problems.append(one)
        documents = self._documents()
        for real, problems in files.items():
            document = documents.get(real)
            self.server.text_document_publish_diagnostics(
                types.PublishDiagnosticsParams(
                    uri=self.uri(problems[0].file if problems else real),
                    version=document.version if document else None,
                    diagnostics=[diagnostic(one) for one in problems],
                )
            )
        self.published = {real for real, problems in files.items() if problems}

    def _all(self) -> Iterable[Problem]:
        return (one for stack in self.stacks.values() for one in stack.problems)

    def _desk(self, directory: Path) -> Desk:
        held = {real: one.source for real, one in self._documents().items()}
        encoding = _ENCODINGS[types.PositionEncodingKind(self.server.workspace.position_encoding or "utf-16")]
        return Desk(directory, self.environment, held, encoding)

    def _documents(self) -> dict[str, TextDocument]:
        found = {}
        for document in self.server.workspace.text_documents.values():
            path = path_of(document.uri)
            if path is not None and counts(path):
                found[os.path.realpath(path)] = document
        return found

    def _stack_directory(self, path: Path) -> Path:
        """The nearest directory with a tap.toml, within the folder that the editor has open or the repository."""
        named = (one.uri for one in self.server.workspace.folders.values())
        folders = {path_of(uri) for uri in (*named, self.server.workspace.root_uri or "")}
        for here in path.parents:
            if (here / FILE_NAME).is_file() or here / FILE_NAME == path:
                return here
            if here in folders or (here / ".git").exists():
                break
        return path.parent
