"""Logistic regression in plain Python: small enough to read, slow enough to be worth four workers.

A real training would import its library in here; the scheduler never imports this file.
"""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from zlib import crc32

from ppacer.context import TaskContext

FEATURES = ("hours", "temperature", "vibration", "pressure")


@dataclass(frozen=True)
class Data:
    train: Path
    test: Path


@dataclass(frozen=True)
class Model:
    """Weights for features that were brought to mean 0 and deviation 1."""

    rounds: int
    rate: int
    means: list[float]
    deviations: list[float]
    weights: list[float]
    bias: float

    def chance(self, row: Sequence[float]) -> float:
        """How likely it is that this pump fails, from 0 to 1."""
        scaled = zip(self.weights, row, self.means, self.deviations, strict=True)
        return _logistic(self.bias + sum(weight * (x - mean) / width for weight, x, mean, width in scaled))


@dataclass(frozen=True)
class Best:
    """The shares of pumps, from 0 to 1, that it is right about and that the model in use is: 0 if there is none."""

    path: Path
    accuracy: float
    in_use: float


def split(source: Path, target: Path, seed: int) -> Data:
    """About four fifths of the pumps to learn from, one fifth to be judged by. A pump stays on its side however many
    others come: no model, and not the one in use either, is judged by pumps that it has learnt from.
    """
    learn: list[list[float]] = []
    judge_by: list[list[float]] = []
    with source.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            side = judge_by if crc32(f"{seed} {row['pump']}".encode()) % 5 == 0 else learn
            side.append([*(float(row[name]) for name in FEATURES), float(row["failed"])])
    target.mkdir(parents=True, exist_ok=True)
    data = Data(target / "train.json", target / "test.json")
    data.train.write_text(json.dumps(learn), encoding="utf-8")
    data.test.write_text(json.dumps(judge_by), encoding="utf-8")
    print(f"{len(learn)} pumps to learn from, {len(judge_by)} to be judged by")
    return data


def train(data: Data, rounds: int, rate: int, context: TaskContext) -> Path:
    """Goes down the gradient so many rounds, at a rate in tenths; writes the model, and shows how far it is."""
    rows = json.loads(data.train.read_text(encoding="utf-8"))
    columns = list(zip(*(row[:-1] for row in rows), strict=True))
    means = [sum(column) / len(rows) for column in columns]
    deviations = [
        math.sqrt(sum((x - mean) ** 2 for x in column) / len(rows)) for column, mean in zip(columns, means, strict=True)
    ]
    model = Model(rounds, rate, means, deviations, [0.0] * len(FEATURES), 0.0)
    for round_ in range(rounds):
        errors = [model.chance(row[:-1]) - row[-1] for row in rows]
        step = rate / 10 / len(rows)
        slopes = [
            sum(error * (x - mean) / width for error, x in zip(errors, column, strict=True))
            for column, mean, width in zip(columns, means, deviations, strict=True)
        ]
        weights = [weight - step * slope for weight, slope in zip(model.weights, slopes, strict=True)]
        model = Model(rounds, rate, means, deviations, weights, model.bias - step * sum(errors))
        context.progress((round_ + 1) / rounds)
    path = data.train.with_name(f"model-{rounds}-{rate}.json")
    path.write_text(json.dumps(asdict(model)), encoding="utf-8")
    return path


def judge(data: Data, models: list[Path], in_use: Path) -> Best:
    """The model that is right about the most pumps it has not seen, next to the one in use, by the same pumps."""
    rows = json.loads(data.test.read_text(encoding="utf-8"))
    right = {path: _accuracy(_read(path), rows) for path in [*models, in_use] if path.exists()}
    for path, accuracy in right.items():
        print(f"{path.name}: right about {accuracy:.1%}")
    best = max(models, key=right.__getitem__)
    return Best(best, right[best], right.get(in_use, 0.0))


def publish(path: Path, target: Path) -> None:
    """Puts the model where the service reads it, in one step; the one before is kept, to go back to."""
    if target.exists():
        shutil.copy(target, target.with_name(f"{target.stem}-before.json"))
    beside = target.with_suffix(".part")
    shutil.copy(path, beside)
    beside.replace(target)
    print(f"{path.name} is in use now")


def _read(path: Path) -> Model:
    return Model(**json.loads(path.read_text(encoding="utf-8")))


def _accuracy(model: Model, rows: Sequence[Sequence[float]]) -> float:
    return sum((model.chance(row[:-1]) >= 0.5) == bool(row[-1]) for row in rows) / len(rows)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
