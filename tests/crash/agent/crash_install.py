"""Wraps functions of the program's modules once those have been executed, before anybody else has seen them."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

import crash_executor
import crash_plants
import crash_scheduler
import crash_workers
from crash_agent import FILE

PLANT = os.environ.get("CRASH_PLANT", "")


class _Patches(importlib.abc.MetaPathFinder):
    """Lets modules be found as ever, and has patches made to some once they have been executed."""

    def __init__(self, patches: dict[str, Callable[[ModuleType], None]]) -> None:
        self._patches = patches

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in self._patches:
            return None
        found = importlib.machinery.PathFinder.find_spec(name, path, target)
        if found is None or found.loader is None:
            return found
        execute, patch = found.loader.exec_module, self._patches[name]

        def execute_and_patch(module: ModuleType) -> None:
            execute(module)
            patch(module)

        found.loader.exec_module = execute_and_patch  # type: ignore[method-assign]
        return found


def _install() -> None:
    patches = {**crash_scheduler.PATCHES, **crash_executor.PATCHES, **crash_workers.PATCHES}
    for name, plant in crash_plants.PLANTS.get(PLANT, {}).items():
        patches[name] = _both(plant, patches.get(name))
    sys.meta_path.insert(0, _Patches(patches))


def _both(
    plant: Callable[[ModuleType], None], patch: Callable[[ModuleType], None] | None
) -> Callable[[ModuleType], None]:
    """The planted fault first: what is written down is what the program, fault and all, says and does."""

    def change(module: ModuleType) -> None:
        plant(module)
        if patch is not None:
            patch(module)

    return change


if FILE:
    _install()
