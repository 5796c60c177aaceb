"""ppacer: the program that `ppc build` writes, asked over its API."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks import programs
from benchmarks.peers.drivers.measuring import STAMP, Server, lateness, report
from ppacer import __version__

_OFTEN = """
import stamps

dag often {
  schedule = cron("* * * * *")
  task first = stamps.stamp(run.scheduled_at)
}
"""


def main() -> None:
    folder, size = Path(sys.argv[1]), int(sys.argv[2])
    source = programs.long("process", size) + programs.wide("process").replace("from steps import step, numbers\n", "")
    file = programs.build(folder / "program", source.replace("import step\n", "import numbers, step\n"))
    with programs.running(file) as program:
        server = Server(program.process.pid, program.ready_seconds)
        server.look()
        program.trigger(programs.LONG)
        program.wait(programs.LONG)
        program.trigger(programs.WIDE, count=size)
        program.wait(programs.WIDE)
    often = folder / "often"
    often.mkdir()
    os.environ["PPC_PATH"] = str(often)
    (often / "stamps.py").write_text(STAMP.replace("STAMPS", str(often / "stamps")), encoding="utf-8")
    with programs.running(programs.build(often / "program", _OFTEN)):
        late = lateness(often / "stamps")
    query = "SELECT dag, (finished_at - created_at) / 1e6 FROM runs"
    took = dict(programs.read(file, query))
    report(__version__, size, (took[programs.LONG], took[programs.WIDE]), server, late)


if __name__ == "__main__":
    main()
