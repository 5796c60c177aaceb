"""`ppc graph`: the dags of a file as a picture, or as text that other tools draw."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from ppacer import spec
from ppc.cli_compile import chosen_dags, compile_one
from ppc.cli_error import CommandError, UsageError
from ppc.cli_options import add_dag, add_search
from ppc.cli_report import tell_text
from ppc.package import OutputError, write_text


class Drawing(StrEnum):
    """What a dag is drawn as."""

    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"


_BY_SUFFIX: Final = {".svg": Drawing.SVG, ".dot": Drawing.DOT, ".gv": Drawing.DOT}


def add_arguments(parser: ArgumentParser) -> None:
    add_dag(parser)
    parser.add_argument(
        "--format",
        choices=[each.value for each in Drawing],
        help="Mermaid's text, Graphviz's DOT, or a picture as SVG [by the name of the output; mermaid]",
    )
    parser.add_argument("-o", dest="output", metavar="PLACE", help="the file to write [the standard output]")
    add_search(parser)


def run(arguments: Namespace) -> int:
    place = None if arguments.output is None else Path(arguments.output)
    if place is not None and place.suffix == ".ppd":
        raise UsageError(f"{place} would be a source: a drawing ends in .svg, .dot or .mmd")
    program, compilation = compile_one(arguments)
    if program is None:
        tell_text(compilation)
        return CommandError.code
    text = _draw(chosen_dags(program, arguments), _drawing(arguments.format, place))
    if place is None:
        sys.stdout.write(text)
        return 0
    try:
        write_text(place, text)
    except OutputError as error:
        raise CommandError(str(error)) from error
    return 0


def _drawing(chosen: str | None, place: Path | None) -> Drawing:
    if chosen is not None:
        return Drawing(chosen)
    return Drawing.MERMAID if place is None else _BY_SUFFIX.get(place.suffix.lower(), Drawing.MERMAID)


def _draw(dags: Sequence[spec.Dag], drawing: Drawing) -> str:
    from ppc.draw_svg import svg  # noqa: PLC0415 - each only where it is asked for
    from ppc.draw_text import dot, mermaid  # noqa: PLC0415

    return {Drawing.MERMAID: mermaid, Drawing.DOT: dot, Drawing.SVG: svg}[drawing](dags)
