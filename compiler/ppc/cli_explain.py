"""`ppc explain`: the page of a code, or all codes with a line each."""

from __future__ import annotations

import difflib
import sys
from argparse import ArgumentParser, Namespace

from ppc import explanations
from ppc.cli_error import UsageError
from ppc.cli_report import colour_on


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("code", metavar="CODE", nargs="?", help="such as E201 [a list of all codes]")


def run(arguments: Namespace) -> int:
    if arguments.code is None:
        for code in explanations.codes():
            print(f"{code}  {explanations.title(code)}")
        return 0
    code = arguments.code.upper()
    if not explanations.is_known(code):
        similar = difflib.get_close_matches(code, explanations.codes(), 1)
        way_out = f"a similar one is {similar[0]}" if similar else "`ppc explain` lists all"
        raise UsageError(f"there is no code {arguments.code}; {way_out}")
    page = explanations.page(code)
    print(_with_bold_heads(page) if colour_on(sys.stdout) else page, end="")
    return 0


def _with_bold_heads(page: str) -> str:
    lines = page.split("\n")
    return "\n".join(f"\x1b[1m{line}\x1b[0m" if line.startswith("#") else line for line in lines)
