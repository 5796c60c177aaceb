"""What templates of programs and of the files beside them are read with."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from ppc.literals import quote


def environment() -> Environment:
    """For the templates in `ppc/templates`; a name that is not given is an error."""
    templates = Environment(
        loader=PackageLoader("ppc"),
        autoescape=select_autoescape(),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    templates.filters["quote"] = quote
    return templates
