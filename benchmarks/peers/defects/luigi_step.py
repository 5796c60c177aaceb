"""What Luigi leaves to its users: where a task keeps its output. Here it is kept in memory, as JSON."""

from __future__ import annotations

import json

import luigi
from luigi.mock import MockTarget


class Step(luigi.Task):
    def output(self) -> MockTarget:
        return MockTarget(self.task_id)

    def write(self, value: object) -> None:
        with self.output().open("w") as file:
            json.dump(value, file)

    def read(self):
        with self.input().open() as file:
            return json.load(file)
