"""Models are trained where the label is, judged, and published if they are good enough."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from tests.examples.conftest import Example

GUESSES = {"rounds": 0, "rate": 1, "means": [0.0] * 4, "deviations": [1.0] * 4, "weights": [0.0] * 4, "bias": -1.0}
"""A model that takes each pump for sound."""


def test_the_best_model_takes_the_place_of_the_one_in_use_once(example: Callable[[str], Example]) -> None:
    here = example("training")
    training = here.load()
    published = here.folder / "out/model.json"
    published.parent.mkdir()
    published.write_text(json.dumps(GUESSES), encoding="utf-8")
    first = training.run("training")
    assert first.status == "success", first
    names = [f"model-{rounds}-{rate}.json" for rounds in (100, 400) for rate in (1, 3)]
    right = dict(re.findall(r"^(\S+): right about (\S+)%$", first["best"].log_text, re.MULTILINE))
    assert list(right) == [*names, "model.json"]
    best = max(names, key=lambda name: float(right[name]))
    assert float(right[best]) >= 80 > float(right["model.json"])
    assert published.read_text(encoding="utf-8") == (here.folder / "out" / best).read_text(encoding="utf-8")
    assert json.loads((here.folder / "out/model-before.json").read_text(encoding="utf-8")) == GUESSES
    again = training.run("training", tasks={"model": f"out/{best}"})
    assert f"model.json: right about {right[best]}%" in again["best"].log_text
    assert again.statuses("release") == {"release": "skipped"}


def test_only_trainings_ask_for_the_label(example: Callable[[str], Example]) -> None:
    (dag,) = example("training").load().program.dags
    labels = {task.id: task.runs_on for task in dag.tasks}
    trainings = {name for name in labels if name.startswith("model[")}
    assert len(trainings) == 4
    assert labels == {name: ("gpu",) if name in trainings else () for name in labels}


def test_a_model_that_is_no_gain_is_not_published(example: Callable[[str], Example]) -> None:
    training = example("training").load()
    for accuracy, in_use in ((0.6, 0.0), (0.9, 0.9), (0.9, 0.95)):
        best = {"path": "out/m.json", "accuracy": accuracy, "in_use": in_use}
        result = training.run("training", tasks={"model": "out/m.json", "best": best})
        assert result.statuses("release") == {"release": "skipped"}
        assert [alert.event for alert in result.alerts] == ["success"]


def test_no_model_is_judged_by_what_it_has_learnt(example: Callable[[str], Example]) -> None:
    here = example("training")
    training = here.load()
    stubs = {"model": "out/m.json", "best": {"path": "out/m.json", "accuracy": 0.0, "in_use": 0.0}}
    training.run("training", tasks=stubs)
    before = json.loads((here.folder / "out/test.json").read_text(encoding="utf-8"))
    pumps = here.folder / "data/pumps.csv"
    table = pumps.read_text(encoding="utf-8").splitlines()
    pumps.write_text("\n".join([table[0], *table[20:], "P999,10,60,1,5,0", ""]), encoding="utf-8")
    training.run("training", tasks=stubs)
    learnt = json.loads((here.folder / "out/train.json").read_text(encoding="utf-8"))
    assert [row for row in before if row in learnt] == []
