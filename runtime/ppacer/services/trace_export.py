"""Spans over OTLP/HTTP, by the libraries of the extra `otel`: imported only where traces are sent."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags, set_span_in_context

import ppacer
from ppacer import spec
from ppacer.core.spans import Span

_NANOSECONDS = 1000
"""In a microsecond."""

_LIBRARY = "opentelemetry"
_LONGEST_REASON = 300
_SYSTEM_ERROR = re.compile(r"\[Errno -?\d+\] ([\w ]+)")
_ADDRESS = re.compile(r" with url: \S+|https?://\S+")
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class ExportError(Exception):
    """Spans that could not be sent; the text says why, as far as the library does."""


class OtlpExporter:
    """Its address, headers, time-out and the like are those of the environment. Raises `ValueError` for what cannot be
    used of these. `instance` tells one start of the program from all others."""

    def __init__(self, program: spec.Program, instance: str) -> None:
        self._heard = _Heard()
        library = logging.getLogger(_LIBRARY)
        library.addHandler(self._heard)
        library.propagate = False  # a collector that is away is told of once, and not by the library
        self._sender = OTLPSpanExporter()
        self._ids = _Ids()
        self._ended = _Ended()
        provider = TracerProvider(
            sampler=ALWAYS_ON,  # which runs are traced has been decided
            resource=_resource(program, instance),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        provider.add_span_processor(self._ended)
        self._tracer = provider.get_tracer("ppacer", ppacer.__version__)

    def export(self, spans: Sequence[Span]) -> None:
        """Sends them; tries for some seconds. Raises `ExportError`."""
        self._heard.messages.clear()
        for span in spans:
            self._make(span)
        try:
            result = self._sender.export(self._ended.take())
        except Exception as error:  # as earlier versions have it of a collector that is not there
            raise ExportError(_reason(str(error))) from error
        if result is not SpanExportResult.SUCCESS:
            # The first message says why, which the later ones only follow.
            heard = self._heard.messages
            raise ExportError(_reason(heard[0] if heard else "the collector did not take them"))

    def close(self) -> None:
        self._sender.shutdown()

    def _make(self, span: Span) -> None:
        self._ids.trace_id, self._ids.span_id = span.trace_id, span.span_id
        context = Context()
        if span.parent is not None:
            parent = SpanContext(span.trace_id, span.parent, is_remote=False, trace_flags=_SAMPLED)
            context = set_span_in_context(NonRecordingSpan(parent), context)
        made = self._tracer.start_span(span.name, context, start_time=span.begun * _NANOSECONDS)
        for name, value in span.attributes.items():
            made.set_attribute(name, _text(value) if isinstance(value, str) else value)
        error = span.error
        if error is not None:
            made.set_attribute("error.type", error.kind)
            made.set_status(Status(StatusCode.ERROR, _text(error.message)))
            if error.text is not None:
                event = {"exception.message": _text(error.message), "exception.stacktrace": _text(error.text)}
                event["exception.type"] = error.exception or error.kind
                made.add_event("exception", event, span.ended * _NANOSECONDS)
        made.end(span.ended * _NANOSECONDS)


class _Ids(IdGenerator):
    """Gives out the ids of the span that is being made."""

    trace_id = 0
    span_id = 0

    def generate_span_id(self) -> int:
        return self.span_id

    def generate_trace_id(self) -> int:
        return self.trace_id


class _Ended(SpanProcessor):
    """Keeps the spans that were made until they are taken."""

    def __init__(self) -> None:
        self._spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self._spans.append(span)

    def take(self) -> list[ReadableSpan]:
        spans, self._spans = self._spans, []
        return spans


class _Heard(logging.Handler):
    """What the library says while it sends: it tells nobody else why something could not be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def _reason(text: str) -> str:
    """What a text of the library says of why; never the address, which may hold a key."""
    found = _SYSTEM_ERROR.search(text)
    return found[1].lower() if found is not None else _ADDRESS.sub("", text)[:_LONGEST_REASON]


def _resource(program: spec.Program, instance: str) -> Resource:
    """The program, unless the environment names the service."""
    own = {"service.version": program.build[:12], "service.instance.id": instance}
    described = OTELResourceDetector().detect().attributes
    if "service.name" not in described:
        own["service.name"] = program.name
    return Resource.create({name: value for name, value in own.items() if name not in described})


def _text(text: str) -> str:
    """What UTF-8 cannot hold would be refused with all spans that go along."""
    return text.encode("utf-8", "replace").decode()
