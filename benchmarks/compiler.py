"""What the compiler costs, as ratios that hold on any machine: `python benchmarks/compiler.py`.

Processor time of whole processes, the best of several runs, against two baselines of the same run: a bare Python start
(`python -c pass`) and Lark's own parse of the same file (its contextual lexer, its LALR parser, a tree with positions).
Ends with 1 if a ratio is above its limit.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

RUNS = 5
SMALL_RUNS = 15

LARK = """
import sys, time
from lark import Lark, Token
from ppc.parse_grammar import GRAMMAR
import importlib.util
spec = importlib.util.spec_from_file_location("benchmark", sys.argv[1])
benchmark = importlib.util.module_from_spec(spec)
sys.modules["benchmark"] = benchmark
spec.loader.exec_module(benchmark)
text = open(sys.argv[2], encoding="utf-8").read()
parser = benchmark.lark_parser(Lark, Token, GRAMMAR.read_text(encoding="utf-8"))
times = []
for _ in range(int(sys.argv[3])):
    start = time.process_time()
    parser.parse(text)
    times.append(time.process_time() - start)
print(min(times))
"""


class Measured(NamedTuple):
    """Processor time in seconds, and the most memory in MB."""

    seconds: float
    memory: float


class Line(NamedTuple):
    what: str
    value: float
    limit: float
    unit: str


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        return _print([*_small(), *_large(), *_shapes(), *_faults()])


def _small() -> Iterator[Line]:
    """`ppc check` of 60 lines, against a bare start."""
    Path("small.ppd").write_text(small(), encoding="utf-8")
    assert small().count("\n") == 60
    check = [sys.executable, "-m", "ppc.cli", "check", "small.ppd"]
    _measure(check, 1)  # compiles the modules
    bare, checked = [], []
    for _ in range(SMALL_RUNS):
        bare.append(_measure([sys.executable, "-c", "pass"], 1).seconds)
        checked.append(_measure(check, 1).seconds)
    yield Line("ppc check of 60 lines, whole process / bare Python start", min(checked) / min(bare), 8, "×")


def _large() -> Iterator[Line]:
    """`ppc check` and `ppc build` of 10,000 tasks in 100 dags, against Lark's parse."""
    Path("shop.py").write_text(SHOP, encoding="utf-8")
    Path("large.ppd").write_text(large(100, 100), encoding="utf-8")
    lark = float(_output([sys.executable, "-c", LARK, str(Path(__file__)), "large.ppd", "2"]))
    for command in ("check", "build"):
        measured = _measure([sys.executable, "-m", "ppc.cli", command, "large.ppd"], 2)
        what = f"ppc {command} of 10,000 tasks in 100 dags"
        yield Line(f"{what}, whole process / Lark's parse", measured.seconds / lark, 4, "×")
        yield Line(f"{what}, memory", measured.memory, 300, "MB")


def _shapes() -> Iterator[Line]:
    """A chain and a fan-out of 10,000 tasks in one dag, against half as many: twice the work, not four times."""
    for name, shape in (("chain", chain), ("fan-out", fan_out)):
        for command in ("check", "build"):
            yield _growth(f"ppc {command} of a {name} of 10,000 tasks / of 5,000", shape, 10_000, command, 0)


def _faults() -> Iterator[Line]:
    yield _growth("ppc check of a file with 2,000 faults / with 1,000", faulty, 2_000, "check", 1)


def _growth(what: str, make: Callable[[int], str], size: int, command: str, code: int) -> Line:
    times = []
    for count in (size // 2, size):
        Path("shape.ppd").write_text(make(count), encoding="utf-8")
        times.append(_measure([sys.executable, "-m", "ppc.cli", command, "shape.ppd"], 2, code).seconds)
    return Line(what, times[1] / times[0], 2.8, "×")


# --- sources ---------------------------------------------------------------------------------------------------------

SHOP = """
from datetime import date

def extract(region: str, day: date, full: bool = False, limit: int = 0) -> list[str]: ...
def load(rows: list[str], table: str, day: date) -> int: ...
"""


def small() -> str:
    """Two dags in 60 lines, with a bit of everything that is common."""
    lines = ['"""Nightly loads."""', "", "defaults { retries = 2, timeout = 5m }", ""]
    for dag in ("sales", "stock"):
        lines += [f"dag {dag} {{", f'  """Load the {dag}."""', "", '  schedule = cron("15 4 * * *")']
        lines += ['  timezone = "Europe/Warsaw"', "  start    = 2026-01-01", '  tags     = ["nightly"]', ""]
        for number in range(8):
            lines.append(
                f'  task dump_{number} = shell(f"pg_dump -t {dag}_{number} --day {{run.date}}") {{ retries = 5 }}'
            )
            lines.append(f'  task tell_{number} = print("dumped", dump_{number}, run.date - 1d, {number})')
        lines += ["  task done = empty()", "  [tell_0, tell_1, tell_2, tell_3] -> done", "}", ""]
    lines[-1:] = []
    return "\n".join([*lines, *["# and a line"] * (60 - len(lines))]) + "\n"


def large(dags: int, tasks: int) -> str:
    lines = ["import shop", "", "defaults {", "  retries = 2", "}", ""]
    for dag in range(dags):
        lines += [f"dag d{dag} {{", '  schedule = cron("15 4 * * *")']
        for task in range(0, tasks, 2):
            lines.append(f'  task extract_{task} = shop.extract("eu", day = run.date - 1d, limit = {task})')
            lines += [
                f'  task load_{task} = shop.load(extract_{task}, "t{task}", day = run.date) {{',
                "    retries = 5",
                "  }",
            ]
            if task:
                lines.append(f"  load_{task - 2} -> extract_{task}")
        lines += ["}", ""]
    return "\n".join(lines)


def chain(size: int) -> str:
    tasks = "".join(f"  task t{number} = empty()\n" for number in range(size))
    edges = "".join(f"  t{number} -> t{number + 1}\n" for number in range(size - 1))
    return f"dag d {{\n{tasks}{edges}}}\n"


def fan_out(size: int) -> str:
    tasks = "".join(f"  task t{number} = empty()\n" for number in range(size))
    return f"dag d {{\n{tasks}  t0 -> [{', '.join(f't{number}' for number in range(1, size))}]\n}}\n"


def faulty(size: int) -> str:
    lines = [f"  task t{number} = prnt(nosuch{number})\n" for number in range(size // 2)]
    return f"dag d {{\n{''.join(lines)}}}\n"


# --- Lark ------------------------------------------------------------------------------------------------------------


def lark_parser(lark: type, token: type, grammar: str) -> object:
    """A parser of Lark alone: the compiler's grammar with terminals of Lark's own lexer in place of the declared ones.

    It lacks what only the compiler's lexer can do (f-strings, dicts, lines that go on): the sources here have none.
    """
    rules = "\n".join(line for line in grammar.splitlines() if not line.startswith("%declare"))
    return lark(
        rules + TERMINALS,
        parser="lalr",
        start="module",
        lexer="contextual",
        postlex=_Lines(token),
        propagate_positions=True,
        maybe_placeholders=False,
    )


TERMINALS = r"""
NEWLINE: /(?:[ \t]*(?:\#[^\n]*)?\n)+/
LBRACE: "{"
RBRACE: "}"
LPAR: "("
RPAR: ")"
LSQB: "["
RSQB: "]"
COMMA: ","
COLON: ":"
DOT: "."
EQUAL: "="
ARROW: "->"
QUESTION: "?"
EQ: "=="
NE: "!="
LT: "<"
LE: "<="
GT: ">"
GE: ">="
PLUS: "+"
MINUS: "-"
STAR: "*"
SLASH: "/"
PERCENT: "%"
NAME: /[A-Za-z_][A-Za-z0-9_]*/
STRING: /"(?:[^"\\\n]|\\.)*"/
DATE.3: /\d{4}-\d{2}-\d{2}/
DURATION.2: /(?:\d+(?:ms|[dhms]))+/
NUMBER: /\d+(?:\.\d+)?/
%ignore /[ \t]+/
"""
_WORDS = re.findall(r"\w+", "or and not in true false none import from as include let notifier pool label template")
_WORDS += re.findall(r"\w+", "defaults dag param task when group on success failure finally")
_ABSENT = re.findall(r"\w+", "LDICT RDICT FSTART FTEXT FOPEN FSPEC FCLOSE FEND BROKEN_BODY BROKEN_SETTINGS")
TERMINALS += "".join(f"{word.upper()}.2: /{word}\\b/\n" for word in _WORDS)
TERMINALS += "".join(f'{name}: "\\0{name}"\n' for name in _ABSENT)


class _Lines:
    """Leaves one NEWLINE after each statement, none elsewhere."""

    always_accept = ("NEWLINE",)

    def __init__(self, token: type) -> None:
        self._token = token

    def process(self, stream: Iterator[object]) -> Iterator[object]:
        last = "NEWLINE"
        for each in stream:
            kind = each.type  # type: ignore[attr-defined]
            if kind == "NEWLINE" and last in ("NEWLINE", "LBRACE"):
                continue
            if kind == "RBRACE" and last not in ("NEWLINE", "LBRACE"):
                yield self._token.new_borrow_pos("NEWLINE", "\n", each)  # type: ignore[attr-defined]
            yield each
            last = kind


# --- measuring -------------------------------------------------------------------------------------------------------


def _measure(command: Sequence[str], runs: int, code: int = 0) -> Measured:
    """The least processor time of several runs and the most memory of any."""
    times, memory = [], 0.0
    for _ in range(runs):
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_environment()
        ) as child:
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != code:
            raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
        times.append(used.ru_utime + used.ru_stime)
        memory = max(memory, used.ru_maxrss / 1024)
    return Measured(min(times), memory)


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, env=_environment()).stdout


def _environment() -> dict[str, str]:
    """Modules are compiled once, as in any installation, and not beside the sources."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(Path.cwd() / "pycache")}


def _print(lines: Sequence[Line]) -> int:
    width = max(len(line.what) for line in lines)
    for what, value, limit, unit in lines:
        verdict = "ok" if value <= limit else "ABOVE ITS LIMIT"
        print(f"{what:<{width}}  {value:6.1f} {unit:<2}  (at most {limit:g})  {verdict}")
    return int(any(line.value > line.limit for line in lines))


if __name__ == "__main__":
    sys.exit(main())
