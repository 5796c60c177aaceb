"""`ppc lsp`: the language server, which an editor starts and speaks to over standard input and output."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ppc.cli_error import CommandError
from ppc.cli_options import add_search, search_folders


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--stdio", action="store_true", help="speak over standard input and output, as is done anyway")
    add_search(parser)


def run(arguments: Namespace) -> int:
    try:
        from ppc.lsp.server import serve  # noqa: PLC0415 - an extra, which other commands do without
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise CommandError('the language server needs more: pip install "ppacer[lsp]"') from error
    serve(search_folders(arguments), arguments.python)
    return 0
