"""The server: requests of an editor in, answers of the other modules out. Nothing is decided here but when to check."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Sequence
from typing import Final

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from ppc import __version__
from ppc.lsp import formatting, hints, navigation, outline, streams
from ppc.lsp import hover as hovers
from ppc.lsp.colours import LEGEND, semantic_tokens
from ppc.lsp.completion import complete, described
from ppc.lsp.fixes import code_actions
from ppc.lsp.positions import Positions
from ppc.lsp.session import Session, file_of
from ppc.lsp.workspace import Workspace

_QUIET_SECONDS: Final = 0.01
"""A check begins when nothing was typed for so long."""
_IDLE_SECONDS: Final = 0.5
"""So long after a check, if nothing came meanwhile, all that earlier ones have left is collected. Right after one only
what is young is looked at: the more there is to look at, the longer somebody who types would have to wait."""
_MOST_CHECKS: Final = 256
"""After so many without a pause all is collected. That is little by then: what one check has made is freed by the next
one, all but some hundred objects and the text of its files."""
_YOUNGEST, _ALL = 0, 2

_WATCHED: Final = ("**/*.ppd", "**/*.py")


class Server(LanguageServer):
    """`paths` and `python` are those of the command; an editor may add to them with its initialisation options."""

    def __init__(self, paths: Sequence[str], python: str | None) -> None:
        super().__init__("ppc", __version__)
        self._paths, self._python = list(paths), python
        self._session: Session | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._checks = 0

    @property
    def session(self) -> Session:
        assert self._session is not None, "an editor begins with `initialize`"
        return self._session

    def begin(self, params: lsp.InitializeParams) -> None:
        named = [folder.uri for folder in self.workspace.folders.values()]
        if not named and params.root_uri:
            named = [params.root_uri]
        options = params.initialization_options
        given = options if isinstance(options, dict) else {}
        paths = [path for path in given.get("path", []) if isinstance(path, str)]
        python = given.get("python")
        workspace = Workspace(
            [file_of(uri) for uri in named],
            [*self._paths, *paths],
            python if isinstance(python, str) and python else self._python,
        )
        encoding = lsp.PositionEncodingKind(self.workspace.position_encoding)
        capabilities = params.capabilities.workspace
        edits = None if capabilities is None else capabilities.workspace_edit
        operations = edits.resource_operations if edits is not None and edits.document_changes else None
        self._session = Session(workspace, Positions(encoding), frozenset(operations or ()))

    def check_soon(self) -> None:
        """Checks when nothing more is typed for a moment."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_QUIET_SECONDS, self._check)

    def _check(self) -> None:
        for told in self.session.publish():
            self.text_document_publish_diagnostics(told)
        self._checks += 1
        loop = asyncio.get_running_loop()
        loop.call_soon(self._collect, _ALL if self._checks == _MOST_CHECKS else _YOUNGEST)
        self._timer = loop.call_later(_IDLE_SECONDS, self._collect, _ALL)

    def _collect(self, generation: int) -> None:
        if generation == _ALL:
            self._checks = 0
        gc.collect(generation)


def serve(paths: Sequence[str], python: str | None) -> None:
    """Serves one editor over standard input and output until it says `exit` or is gone."""
    gc.freeze()  # what is there by now stays: nothing of it need be looked at
    gc.disable()  # see `Server._check`
    # The server closes its streams in the end, which the rest of the command goes on using.
    make_server(paths, python).start_io(open(os.dup(0), "rb"), open(os.dup(1), "wb"))  # noqa: PTH123, SIM115


def make_server(paths: Sequence[str], python: str | None) -> Server:
    server = Server(paths, python)
    _register_life(server)
    _register_texts(server)
    _register_outline(server)
    _register_names(server)
    _register_typing(server)
    _register_pictures(server)
    return server


def _register_life(server: Server) -> None:
    @server.feature(lsp.INITIALIZE)
    def initialize(params: lsp.InitializeParams) -> None:
        server.begin(params)

    @server.feature(lsp.INITIALIZED)
    def initialized(_params: lsp.InitializedParams) -> None:
        capabilities = server.client_capabilities.workspace
        watching = capabilities and capabilities.did_change_watched_files
        if watching and watching.dynamic_registration:
            watchers = [lsp.FileSystemWatcher(pattern) for pattern in _WATCHED]
            options = lsp.DidChangeWatchedFilesRegistrationOptions(watchers)
            wanted = lsp.Registration("ppc-files", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            server.client_register_capability(lsp.RegistrationParams([wanted]))


def _register_texts(server: Server) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: lsp.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        server.session.open(document.uri, document.text, document.version)
        server.check_soon()

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: lsp.DidChangeTextDocumentParams) -> None:
        document = params.text_document
        server.session.change(document.uri, params.content_changes, document.version)
        server.check_soon()

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: lsp.DidCloseTextDocumentParams) -> None:
        server.session.close(params.text_document.uri)
        server.check_soon()

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def did_save(params: lsp.DidSaveTextDocumentParams) -> None:
        server.session.workspace.stored([server.session.path(params.text_document.uri)])
        server.check_soon()

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def did_change_watched_files(params: lsp.DidChangeWatchedFilesParams) -> None:
        server.session.workspace.stored(server.session.path(change.uri) for change in params.changes)
        server.check_soon()

    kinds = [
        lsp.CodeActionKind.QuickFix,
        lsp.CodeActionKind.SourceFixAll,
        lsp.CodeActionKind.RefactorExtract,
        lsp.CodeActionKind.RefactorRewrite,
    ]

    @server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(code_action_kinds=kinds))
    def code_action(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        return code_actions(server.session, params)

    @server.feature(lsp.TEXT_DOCUMENT_FORMATTING)
    def format_file(params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit]:
        return formatting.format_file(server.session, params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_RANGE_FORMATTING)
    def format_range(params: lsp.DocumentRangeFormattingParams) -> list[lsp.TextEdit]:
        return formatting.format_lines(server.session, params.text_document.uri, params.range)

    @server.feature(lsp.TEXT_DOCUMENT_ON_TYPE_FORMATTING, lsp.DocumentOnTypeFormattingOptions("}", ["\n"]))
    def format_typed(params: lsp.DocumentOnTypeFormattingParams) -> list[lsp.TextEdit]:
        return formatting.format_typed(server.session, params)


def _register_outline(server: Server) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def document_symbol(params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
        return outline.document_symbols(server.session, params.text_document.uri)

    @server.feature(lsp.WORKSPACE_SYMBOL)
    def workspace_symbol(params: lsp.WorkspaceSymbolParams) -> list[lsp.WorkspaceSymbol]:
        return outline.workspace_symbols(server.session, params.query)

    @server.feature(lsp.TEXT_DOCUMENT_FOLDING_RANGE)
    def folding_range(params: lsp.FoldingRangeParams) -> list[lsp.FoldingRange]:
        return outline.folding_ranges(server.session, params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_LINK)
    def document_link(params: lsp.DocumentLinkParams) -> list[lsp.DocumentLink]:
        return outline.document_links(server.session, params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_SELECTION_RANGE)
    def selection_range(params: lsp.SelectionRangeParams) -> list[lsp.SelectionRange]:
        return outline.selection_ranges(server.session, params.text_document.uri, params.positions)


def _register_typing(server: Server) -> None:
    options = lsp.CompletionOptions(trigger_characters=[".", "=", '"', "(", "[", ","], resolve_provider=True)

    @server.feature(lsp.TEXT_DOCUMENT_COMPLETION, options)
    def completion(params: lsp.CompletionParams) -> list[lsp.CompletionItem]:
        return complete(server.session, params.text_document.uri, params.position)

    @server.feature(lsp.COMPLETION_ITEM_RESOLVE)
    def resolve(item: lsp.CompletionItem) -> lsp.CompletionItem:
        return described(server.session, item)

    trigger = lsp.SignatureHelpOptions(trigger_characters=["(", ","], retrigger_characters=["="])

    @server.feature(lsp.TEXT_DOCUMENT_SIGNATURE_HELP, trigger)
    def signature(params: lsp.SignatureHelpParams) -> lsp.SignatureHelp | None:
        return hints.signature_help(server.session, params.text_document.uri, params.position)


def _register_pictures(server: Server) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, LEGEND)
    def tokens(params: lsp.SemanticTokensParams) -> lsp.SemanticTokens:
        return semantic_tokens(server.session, params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_INLAY_HINT)
    def inlay_hint(params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
        now = time.time_ns() // 1000
        return hints.inlay_hints(server.session, params.text_document.uri, params.range, now)

    @server.feature(lsp.TEXT_DOCUMENT_PREPARE_CALL_HIERARCHY)
    def prepare_streams(params: lsp.CallHierarchyPrepareParams) -> list[lsp.CallHierarchyItem]:
        return streams.prepare(server.session, params.text_document.uri, params.position)

    @server.feature(lsp.CALL_HIERARCHY_INCOMING_CALLS)
    def upstream(params: lsp.CallHierarchyIncomingCallsParams) -> list[lsp.CallHierarchyIncomingCall]:
        return streams.upstream(server.session, params.item)

    @server.feature(lsp.CALL_HIERARCHY_OUTGOING_CALLS)
    def downstream(params: lsp.CallHierarchyOutgoingCallsParams) -> list[lsp.CallHierarchyOutgoingCall]:
        return streams.downstream(server.session, params.item)

    @server.feature(lsp.TEXT_DOCUMENT_CODE_LENS)
    def code_lens(params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
        return hints.code_lenses(server.session, params.text_document.uri)

    @server.command(hints.GRAPH_COMMAND)
    def graph(uri: str, dag: str | None = None) -> dict[str, str]:
        return hints.graph(server.session, uri, dag)


def _register_names(server: Server) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    def hover(params: lsp.HoverParams) -> lsp.Hover | None:
        now = time.time_ns() // 1000
        return hovers.hover(server.session, params.text_document.uri, params.position, now)

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    def definition(params: lsp.DefinitionParams) -> lsp.Location | None:
        return navigation.definition(server.session, params.text_document.uri, params.position)

    @server.feature(lsp.TEXT_DOCUMENT_TYPE_DEFINITION)
    def type_definition(params: lsp.TypeDefinitionParams) -> lsp.Location | None:
        return navigation.type_definition(server.session, params.text_document.uri, params.position)

    @server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
    def references(params: lsp.ReferenceParams) -> list[lsp.Location]:
        declaration = params.context.include_declaration
        return navigation.references(server.session, params.text_document.uri, params.position, declaration=declaration)

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    def highlight(params: lsp.DocumentHighlightParams) -> list[lsp.DocumentHighlight]:
        return navigation.highlights(server.session, params.text_document.uri, params.position)

    @server.feature(lsp.TEXT_DOCUMENT_PREPARE_RENAME)
    def prepare_rename(params: lsp.PrepareRenameParams) -> lsp.Range | None:
        return navigation.renamable(server.session, params.text_document.uri, params.position)

    @server.feature(lsp.TEXT_DOCUMENT_RENAME, lsp.RenameOptions(prepare_provider=True))
    def rename(params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
        try:
            return navigation.rename(server.session, params.text_document.uri, params.position, params.new_name)
        except navigation.RenameError as error:
            raise JsonRpcException(str(error), lsp.LSPErrorCodes.RequestFailed.value) from error
