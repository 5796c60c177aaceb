"""Whether a program that serves, or executes, sends traces: what the environment says, and whether it can be done."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ppacer import spec
from ppacer.config_values import ConfigError
from ppacer.services.traces import Traces
from ppacer.trace_settings import TraceSettings, trace_settings


def traces_wanted() -> TraceSettings | None:
    """None where no traces are to be sent. Raises `ConfigError`."""
    try:
        return trace_settings(os.environ)
    except ValueError as error:
        raise ConfigError(str(error)) from error


@asynccontextmanager
async def tracing(program: spec.Program, instance: str) -> AsyncIterator[Traces | None]:
    """What sends traces, if any are to be sent; at the end, what is left of them. Raises `ConfigError`."""
    settings = traces_wanted()
    if settings is None:
        yield None
        return
    traces = _opened(program, instance, settings)
    try:
        yield traces
    finally:
        await asyncio.to_thread(traces.close)


def _opened(program: spec.Program, instance: str, settings: TraceSettings) -> Traces:
    try:
        from ppacer.services.trace_export import OtlpExporter  # noqa: PLC0415 - an extra, and long to load
    except ImportError as error:
        raise ConfigError(
            f"the environment (OTEL_…) asks for traces to be sent to {settings.collector}, which takes libraries that "
            f"are not installed ({error}): install `ppacer[otel]`, or set OTEL_TRACES_EXPORTER=none"
        ) from error
    try:
        exporter = OtlpExporter(program, instance)
    except ValueError as error:
        raise ConfigError(f"the environment (OTEL_…) says how to send traces, but: {error}") from error
    return Traces(exporter, settings.collector, settings.share)
