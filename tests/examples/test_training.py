"""Models are trained where the label is, judged, and published if they are good enough."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.examples.conftest import Example


@pytest.mark.slow
def test_the_best_model_is_published(example: Callable[[str], Example]) -> None:
    here = example("training")
    said = here.command(here.build(), "run", "training", "--label", "gpu")
    models = [here.folder / f"out/model-{rounds}-{rate}.json" for rounds in (100, 400) for rate in (1, 3)]
    assert all(f"{path.name}: right about" in said for path in models)
    published = json.loads((here.folder / "out/model.json").read_text(encoding="utf-8"))
    assert published["accuracy"] >= 0.8
    assert f"model-{published['rounds']}-{published['rate']}.json is in use now" in said


def test_a_model_that_is_no_good_is_not_published(example: Callable[[str], Example]) -> None:
    training = example("training").load()
    result = training.run(
        "training", tasks={"model": "out/model.json", "best": {"path": "out/m.json", "accuracy": 0.6}}
    )
    assert result.statuses("release") == {"release": "skipped"}
    assert [alert.event for alert in result.alerts] == ["success"]
