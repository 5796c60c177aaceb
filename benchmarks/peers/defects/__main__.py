"""`benchmarks/peers/defects/run [PEER…]`: makes the same mistakes on each and prints who tells, when, and how.

What was observed is kept beside the peers, so that `--table` prints it again, of all who were asked at any time.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from benchmarks.peers import peers
from benchmarks.peers.__main__ import install
from benchmarks.peers.defects.mistakes import SOUND, mistakes
from benchmarks.peers.defects.stages import CHECK, LOAD, RUN, STAGES
from benchmarks.peers.defects.told import Told, Unsound, observe

_WORDS = {CHECK: "check", LOAD: "load", RUN: "run", None: "**never**"}
_COUNTED = {CHECK: "told by a check", LOAD: "told at load", RUN: "told at run", None: "never told"}


def main(argv: Sequence[str] | None = None) -> int:
    known = {peer.name: peer for peer in peers.PEERS if peer.name in STAGES}
    parser = argparse.ArgumentParser(prog="benchmarks/peers/defects/run", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="PEER", help=f"one of {', '.join(known)}; none for all")
    parser.add_argument("--table", action="store_true", help="only print what was observed before")
    given = parser.parse_args(argv)
    if unknown := [name for name in given.names if name not in known]:
        parser.error(f"there is no {', '.join(unknown)}: choose from {', '.join(known)}")
    names = given.names or list(known)
    kept = peers.PLACES / "told"
    kept.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in () if given.table else names:
        problem = install(known[name])
        if problem is None:
            try:
                observed = observe(known[name])
            except (Unsound, SystemExit) as error:
                problem = str(error)
        if problem is not None:
            failed.append(f"{name}: {problem}")
            continue
        found = {
            "when": time.strftime("%d %B %Y"),
            "load": os.getloadavg()[0],
            "version": version(known[name]),
            "told": {key: asdict(each) for key, each in observed.items()},
        }
        (kept / f"{name}.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    shown = {}
    for name in names:
        file = kept / f"{name}.json"
        if file.exists():
            found = json.loads(file.read_text(encoding="utf-8"))
            told = {key: Told(**each) for key, each in found["told"].items()}
            shown[f"{name} {found['version']}"] = (name, told)
    print(table({title: told for title, (_, told) in shown.items()}))
    print(lines(dict(shown.values())))
    for problem in failed:
        print(f"\nnot observed: {problem}")
    return 1 if failed else 0


def version(peer: peers.Peer) -> str:
    if peer.requirements:
        return peer.requirements[0].partition("==")[2]
    from ppacer import __version__  # noqa: PLC0415 - the peers' environments do not have it

    return __version__


def table(told: Mapping[str, Mapping[str, Told]]) -> str:
    """Who tells of each mistake at which stage, as Markdown, and how many at each."""
    rows = [f"| mistake | {' | '.join(told)} |", f"|---|{'---|' * len(told)}"]
    for mistake in mistakes():
        if mistake.key != SOUND:
            cells = [_cell(each.get(mistake.key)) for each in told.values()]
            rows.append(f"| {mistake.words} | {' | '.join(cells)} |")
    for stage, words in _COUNTED.items():
        numbers = [sum(not each.reason and each.stage == stage for each in found.values()) for found in told.values()]
        rows.append(f"| **{words}** | {' | '.join(f'**{number}**' for number in numbers)} |")
    numbers = [sum(bool(each.reason) for each in found.values()) for found in told.values()]
    rows.append(f"| **cannot be made** | {' | '.join(f'**{number}**' for number in numbers)} |")
    numbers = [sum(bool(each.checker) for each in found.values()) for found in told.values()]
    rows.append(f"| **told by mypy** | {' | '.join(f'**{number}**' for number in numbers)} |")
    return "\n".join(rows) + "\n"


def _cell(told: Told | None) -> str:
    if told is None:
        return "not observed"
    if told.reason:
        return "–"
    return _WORDS[told.stage] + (" †" if told.checker else "")


def lines(told: Mapping[str, Mapping[str, Told]]) -> str:
    """What each said of each mistake, as Markdown."""
    text = []
    for mistake in mistakes():
        if mistake.key == SOUND:
            continue
        text.append(f"\n## {mistake.words[0].upper()}{mistake.words[1:]}\n")
        for name, found in told.items():
            each = found.get(mistake.key)
            if each is None:
                continue
            said = each.reason or (f"{each.stage}: {_code(each.line)}" if each.stage else "never")
            text.append(f"- **{name}**{' –' if each.reason else ','} {said}")
            if each.checker:
                text.append(f"  - mypy: {_code(each.checker)}")
    return "\n".join(text)


def _code(line: str) -> str:
    fence = "``" if "`" in line else "`"
    pad = " " if "`" in line else ""
    return f"{fence}{pad}{line}{pad}{fence}"


if __name__ == "__main__":
    sys.exit(main())
