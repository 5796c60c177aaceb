"""Luigi: tasks of one worker, with the central scheduler."""

from __future__ import annotations

import sys
import time
from importlib.metadata import version
from pathlib import Path

import luigi

from benchmarks.peers.drivers.measuring import free_port, report, serving

_DONE: set[str] = set()
_SCHEDULER = {"scheduler_host": "127.0.0.1", "workers": 1, "log_level": "WARNING"}


class Nothing(luigi.Task):
    """A task that does nothing, after another one if `number` is not 0 and it is in a chain."""

    number = luigi.IntParameter()
    chained = luigi.BoolParameter()

    def requires(self) -> list[luigi.Task]:
        return [Nothing(number=self.number - 1, chained=True)] if self.chained and self.number else []

    def run(self) -> None:
        _DONE.add(self.task_id)

    def complete(self) -> bool:
        return self.task_id in _DONE


def main() -> None:
    folder, size = Path(sys.argv[1]), int(sys.argv[2])
    port = free_port()
    command = ["luigid", "--address", "127.0.0.1", "--port", str(port), "--state-path", "state.pickle"]
    with serving(command, port, "/", folder) as server:
        server.look()
        took = []
        chain = [Nothing(number=size - 1, chained=True)]
        wide = [Nothing(number=number, chained=False) for number in range(size)]
        for tasks in (chain, wide):
            began = time.perf_counter()
            if not luigi.build(tasks, **_SCHEDULER, scheduler_port=port):
                raise SystemExit("luigi.build failed")
            took.append(time.perf_counter() - began)
        if len(_DONE) != 2 * size:
            raise SystemExit(f"{len(_DONE)} tasks were run, not {2 * size}")
    report(version("luigi"), size, (took[0], took[1]), server)


if __name__ == "__main__":
    main()
