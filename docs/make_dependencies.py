"""Writes `dependencies.md` beside this file: what comes with ppacer, of what is installed here.

python docs/make_dependencies.py

It needs an environment with all extras. Sizes are those of one day; tests compare names and licences with what is
installed, so that the page cannot leave anything out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

FILE: Final = Path(__file__).with_name("dependencies.md")

EXTRAS: Final = ("", "build", "import", "lsp", "notify", "otel", "mysql", "postgresql")
"""What programs and their writers install; `docs`, `examples` and `dev` are for work on ppacer itself."""

WHY: Final = {
    "alembic": "changes of the database's tables; loaded only when a database is upgraded",
    "apprise": "the notifier `apprise`, with a hundred services to send to; loaded in the worker that sends",
    "croniter": "times of cron expressions",
    "filelock": "the lock by which one process owns a SQLite database",
    "jinja2": "the templates of programs, and of the files beside them",
    "lark": "the table of the grammar, worked out of it",
    "mashumaro": "requests of the API as typed values, and their description in OpenAPI",
    "opentelemetry-exporter-otlp-proto-http": "traces, sent by OTLP; loaded only where the environment asks for them",
    "opentelemetry-sdk": "the spans of these",
    "packaging": "requirements of distributions, for a program in one file",
    "prometheus-client": "metrics as Prometheus reads them; loaded with the first look at them",
    "psycopg": "the driver of PostgreSQL, compiled; loaded only for an URL of that kind",
    "pygls": "the language server's protocol",
    "pymysql": "the driver of MySQL and MariaDB, in Python alone; loaded only for an URL of that kind",
    "pyyaml": "workflows of Dagu, for `ppc import dagu`",
    "sqlalchemy": "statements that SQLite, PostgreSQL and MySQL all take",
    "tornado": "HTTP: the page, the API, executors",
    "tzdata": "time zones where the system has none",
}

SPDX: Final = {
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Dual License": "Apache-2.0 OR BSD-3-Clause",  # python-dateutil
}
"""What distributions call their licence that do not name it by its SPDX expression."""

INTRODUCTION: Final = """\
# Dependencies

`pip install ppacer` brings what a program needs to run, and nothing for building one; what is optional is an extra.
This page is made by `docs/make_dependencies.py` of what is installed, and tests see to it that it leaves nothing out. A
program [in one file](shipping.md) tells with `info` what it holds, and `ppc build --sbom` writes it as CycloneDX.

Sizes are as installed, without bytecode, of the versions of one day (Linux, x86-64, Python 3.11). All that a
program needs is under permissive licences. Of the extras, psycopg is under the LGPL and certifi under the MPL.

`pip-audit` compares what is installed with the database of known faults: `pip-audit --skip-editable` in the environment
of a program. That asks a service on the internet, so the tests of ppacer do not. Where that cannot be reached it says
`could not be audited` of each distribution and ends with 0 all the same.
"""


def direct(extra: str) -> list[str]:
    """The distributions that ppacer itself asks for, with that extra or, for `""`, without any."""
    return sorted(key(each.name) for each in _required("ppacer", extra) if _of_extra(each, extra))


def closure(extra: str) -> list[str]:
    """The same with all that they need here."""
    found: set[str] = set()
    waiting = [(each.name, each.extras) for each in _required("ppacer", extra) if _of_extra(each, extra)]
    done: set[tuple[str, str]] = set()
    while waiting:
        name, extras = waiting.pop()
        found.add(key(name))
        for wanted in ("", *extras):
            if (key(name), wanted) not in done:
                done.add((key(name), wanted))
                waiting += [(each.name, each.extras) for each in _required(name, wanted)]
    return sorted(found)


def key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(name: str) -> str:
    """As an SPDX expression, as far as the distribution says which it is."""
    said = metadata.metadata(name)
    texts = [text for field in ("License-Expression", "License") for text in said.get_all(field) or ()]
    texts = [text for text in texts if "\n" not in text and len(text) < 100]
    texts += [text.rpartition(" :: ")[2] for text in said.get_all("Classifier") or () if text.startswith("License ::")]
    return SPDX.get(texts[0], texts[0]) if texts else "?"


def lines() -> Iterator[str]:
    """The page."""
    yield INTRODUCTION
    base = closure("")
    for extra in EXTRAS:
        listed = base if not extra else [name for name in closure(extra) if name not in base]
        own = direct(extra)
        total = sum(_size(name) for name in listed)
        yield f"## {'What every program needs' if not extra else f'`ppacer[{extra}]`'}\n"
        number = f"{len(listed)} distribution{'' if len(listed) == 1 else 's'}"
        yield f"{number}, {_megabytes(total)}{' beside those above' if extra else ''}.\n"
        yield "| distribution | for what | licence | size |\n|---|---|---|---|"
        for name in [*own, *(name for name in listed if name not in own)]:
            why = WHY[name] if name in own else f"needed by {', '.join(_needing(name, listed))}"
            yield f"| `{name}` | {why} | {licence(name)} | {_megabytes(_size(name))} |"
        yield ""


def _required(name: str, extra: str) -> list[Requirement]:
    """What the distribution asks for here, with that extra."""
    found = map(Requirement, metadata.requires(name) or ())
    return [each for each in found if each.marker is None or each.marker.evaluate({"extra": extra})]


def _of_extra(requirement: Requirement, extra: str) -> bool:
    """Whether it is the extra that asks for it: without one, everything is asked for that is not of an extra."""
    return ("extra" in str(requirement.marker)) == bool(extra)


def _needing(name: str, listed: list[str]) -> list[str]:
    wanted = {each: [key(need.name) for extra in ("", "binary") for need in _required(each, extra)] for each in listed}
    return [f"`{each}`" for each in listed if name in wanted[each]]


def _size(name: str) -> int:
    places = [Path(str(file.locate())) for file in metadata.files(name) or () if file.suffix != ".pyc"]
    return sum(place.stat().st_size for place in places if place.is_file())


def _megabytes(size: int) -> str:
    return f"{max(size / 1_000_000, 0.1):.1f} MB"


if __name__ == "__main__":
    FILE.write_text("\n".join(lines()).rstrip() + "\n", encoding="utf-8")
