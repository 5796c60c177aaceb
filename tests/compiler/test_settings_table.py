"""The tables of settings: each is a field of the spec."""

from __future__ import annotations

from dataclasses import fields

import pytest

from ppacer import spec
from ppc.settings import DAG_SETTINGS, POOL_SETTINGS, TASK_SETTINGS

ELSEWHERE = {"after", "schedule"}
"""`after` becomes parents, `schedule` the field `schedules`."""


@pytest.mark.parametrize(
    ("settings", "kind"), [(TASK_SETTINGS, spec.Task), (DAG_SETTINGS, spec.Dag), (POOL_SETTINGS, spec.Pool)]
)
def test_a_setting_is_a_field_of_the_spec(settings: dict[str, object], kind: type) -> None:
    assert settings.keys() - ELSEWHERE <= {field.name for field in fields(kind)}


def test_settings_of_both_read_alike() -> None:
    for name in TASK_SETTINGS.keys() & DAG_SETTINGS.keys():
        assert TASK_SETTINGS[name].type == DAG_SETTINGS[name].type
