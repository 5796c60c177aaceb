"""Values of settings, read from texts of flags and of the environment or from what a TOML file holds.

Each reader raises `ConfigError` for what cannot be used; `origins` tells where each value came from.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias, TypeVar

from ppacer.database_url import UnknownKindError, is_server, shown

Values: TypeAlias = dict[str, object]
_Word = TypeVar("_Word", bound=StrEnum)


class ConfigError(Exception):
    """A setting that cannot be used; the message names the setting and where it came from."""


def _refusal(name: str, value: object, origins: Mapping[str, str], wanted: str) -> ConfigError:
    told = "…" if name == "token" else repr(shown(value) if isinstance(value, str) else value)
    return ConfigError(f"{name} = {told} ({origins.get(name, 'default')}): {wanted}")


def read_text(values: Values, name: str, origins: Mapping[str, str]) -> str | None:
    value = values.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise _refusal(name, value, origins, "expected a text that is not empty")
    return value


def read_token(values: Values, origins: Mapping[str, str]) -> str | None:
    token = read_text(values, "token", origins)
    if token is not None and not re.fullmatch(r"[!-~]{1,1000}", token):
        raise _refusal("token", token, origins, "expected letters, digits and signs of ASCII, without spaces")
    return token


def read_integer(values: Values, name: str, origins: Mapping[str, str], default: int, *, least: int, most: int) -> int:
    value = values.get(name, default)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _refusal(name, value, origins, f"expected a whole number from {least} to {most}")
    return value


def read_seconds(values: Values, name: str, origins: Mapping[str, str], default: float, *, least: float) -> float:
    value = values.get(name, default)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", value):
        value = float(value)
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= 86_400:
        raise _refusal(name, value, origins, f"expected a number of seconds from {least:g} to 86400")
    return float(value)


def _several(value: object) -> tuple[str, ...]:
    """The texts of a list, or those between the commas of a text, each once; a blank one where it is none of both."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list | tuple):
        return ("",)
    found = [part.strip() for text in given for part in (text.split(",") if isinstance(text, str) else ("",))]
    return tuple(dict.fromkeys(found))


def read_word(values: Values, name: str, origins: Mapping[str, str], default: _Word) -> _Word:
    """One of the words of an enum."""
    value = values.get(name, default)
    words = {word.value: word for word in type(default)}
    if not isinstance(value, str) or value not in words:
        raise _refusal(name, value, origins, f"expected {' or '.join(words)}")
    return words[value]


def read_labels(value: object, origins: Mapping[str, str]) -> tuple[str, ...]:
    found = _several(value)
    if not all(found):
        raise _refusal("labels", value, origins, "expected labels, such as gpu")
    return found


def read_proxies(value: object, origins: Mapping[str, str]) -> tuple[str, ...]:
    found = _several(value)
    try:
        for text in found:
            ipaddress.ip_network(text)
    except ValueError as error:
        raise _refusal("proxies", value, origins, "expected addresses or networks, such as 10.0.0.0/8") from error
    return found


def read_database(name: str, value: object, origins: Mapping[str, str]) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _refusal(name, value, origins, "expected the path of a file, or an URL")
    try:
        is_server(value)
    except UnknownKindError as error:
        raise ConfigError(f"{name} ({origins.get(name, 'default')}): {error}") from error
    return value


def read_urls(value: object, origins: Mapping[str, str]) -> tuple[str, ...]:
    found = _several(value)
    if not all(re.match(r"https?://[^/\s]+", url) for url in found):
        raise _refusal("scheduler", value, origins, "expected an address such as http://127.0.0.1:9321")
    return tuple(dict.fromkeys(url.rstrip("/") for url in found))
