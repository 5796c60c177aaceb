"""Where the secrets of tasks come from: a folder with a file for each, a callable of the users', or the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

from ppacer.services.worker_error import describe

_CALLABLE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


class NoSecretError(Exception):
    """There is no such secret; the message names it, and where it was looked for."""


class LookupFailedError(Exception):
    """It could not be found out whether there is such a secret; the message holds the traceback."""


def is_callable_name(source: str) -> bool:
    """Whether a source of secrets is the name of a callable, `module:name`, rather than a folder."""
    return _CALLABLE.fullmatch(source) is not None


class Secrets:
    """Looks secrets up in `source`: a folder, a callable's name, or none for the environment.

    The callable is given the name of a secret and returns its text; for one that it does not know it returns none or
    raises `KeyError`. It may be called by several threads at once.
    """

    def __init__(self, source: str | None, environment: Mapping[str, str]) -> None:
        self._find: Callable[[str], str]
        if source is None:
            self._find = _Environment(environment).find
        elif is_callable_name(source):
            self._find = _Provider(source).find
        else:
            self._find = _Folder(Path(source).absolute()).find

    def find(self, name: str) -> str:
        """The secret of that name. Raises `NoSecretError`, `LookupFailedError`."""
        return self._find(name)


class _Environment:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def find(self, name: str) -> str:
        if name not in self._environment:
            raise NoSecretError(
                f'there is no secret "{name}": the environment of the executor has no such variable '
                f"(the setting `secrets` names another place to look)"
            )
        return self._environment[name]


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, name: str) -> str:
        """The file's text without the newline at its end."""
        if name in ("", ".", "..") or os.sep in name or "\0" in name:
            raise NoSecretError(f'there is no secret "{name}": that is no name of a file in {self._folder}')
        try:
            text = (self._folder / name).read_bytes().decode()
        except FileNotFoundError:
            raise NoSecretError(f'there is no secret "{name}": {self._folder} has no such file') from None
        except UnicodeDecodeError:
            raise NoSecretError(f'the secret "{name}" is no text in UTF-8: {self._folder / name}') from None
        except OSError as fault:
            reason = (fault.strerror or str(fault)).lower()
            raise NoSecretError(f'the secret "{name}" cannot be read: {self._folder / name}: {reason}') from None
        return text.removesuffix("\n").removesuffix("\r")


class _Provider:
    def __init__(self, source: str) -> None:
        self._source = source
        self._provide: Any = None

    def find(self, name: str) -> str:
        try:
            found = self._ask(name)
        except NoSecretError:
            raise
        except Exception as fault:
            text = f'{self._source} could not look up the secret "{name}":\n{describe(fault)}'
            raise LookupFailedError(text) from None
        if found is None:
            raise NoSecretError(f'there is no secret "{name}": {self._source} does not know it')
        if not isinstance(found, str):
            raise NoSecretError(f'{self._source} gave {type(found).__name__}, no text, for the secret "{name}"')
        return found

    def _ask(self, name: str) -> object:
        if self._provide is None:
            self._provide = self._load()
        try:
            return self._provide(name)
        except KeyError:
            return None

    def _load(self) -> Any:
        module, _, path = self._source.partition(":")
        try:
            return attrgetter(path)(import_module(module))
        except ModuleNotFoundError as fault:
            if not f"{module}.".startswith(f"{fault.name}."):
                raise
            raise NoSecretError(
                f"the setting `secrets` is {self._source}, but there is no module {fault.name}"
            ) from None
