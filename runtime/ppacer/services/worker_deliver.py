"""How a worker calls a notifier, and how it asks for an address that only it may know."""

from __future__ import annotations

import inspect
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

from ppacer.context import TaskContext
from ppacer.core import codec
from ppacer.notifiers import Message, NotifierError
from ppacer.services.worker_arguments import context_parameter, rebuild_arguments

PING_SECONDS = 10.0
"""How long an answer may take that nobody reads."""


def deliver(
    callables: Mapping[str, Callable[[], object]],
    notifier: str,
    message: dict[str, object],
    /,
    *args: object,
    **kwargs: object,
) -> object:
    """Calls a notifier of the program with the fields of a `Message`. What it returns is nobody's business: the result
    is none, or awaitable. Raises what the notifier raises, and `NotifierError`.
    """
    load = callables.get(notifier)
    if load is None:
        raise NotifierError(f"this program has no notifier {notifier}")
    target = load()
    text = Message(**message)  # type: ignore[arg-type]  # the scheduler made it of one
    if inspect.isclass(target):
        positional, named = _arguments(target, [*args], kwargs)
        made: object = target(*positional, **named)
        if not callable(made):
            raise NotifierError(f"objects of class {notifier} cannot be called: the class has no __call__ method")
        result = made(_first(made, text))
    elif not callable(target):
        raise NotifierError(f"{notifier} is not callable")
    else:
        (_, *positional), named = _arguments(target, [None, *args], kwargs)
        result = target(_first(target, text), *positional, **named)
    return _finish(result) if inspect.isawaitable(result) else None


def ping(_callables: Mapping[str, Callable[[], object]], address: str) -> None:
    """Asks for an address. Raises `NotifierError`, which does not tell the address."""
    if not address.startswith(("http://", "https://")):
        raise NotifierError("the address of a ping begins with http:// or https://")
    try:
        with urllib.request.urlopen(address, timeout=PING_SECONDS):  # noqa: S310 (looked at above)
            return
    except urllib.error.HTTPError as error:
        raise NotifierError(f"the answer was {error.code}") from None
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        raise NotifierError(f"there was no answer: {getattr(reason, 'strerror', None) or reason}") from None
    except ValueError:
        raise NotifierError("the address of the ping is none") from None


async def _finish(result: Awaitable[object]) -> None:
    await result


def _arguments(
    target: Callable[..., object], args: list[object], kwargs: Mapping[str, object]
) -> tuple[list[object], dict[str, object]]:
    """The arguments as the annotations want them. Raises `ArgumentError` where they do not fit."""
    if context_parameter(target) is not None:
        raise NotifierError("a notifier is given a ppacer.notifiers.Message, and no TaskContext")
    return rebuild_arguments(target, codec.encode(args), codec.encode(dict(kwargs)), cast("TaskContext", None))


def _first(target: Callable[..., object], message: Message) -> object:
    """The message, or its text for a parameter that wants text."""
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        return message
    wants_text = bool(parameters) and parameters[0].annotation in (str, "str")
    return message.text if wants_text else message
