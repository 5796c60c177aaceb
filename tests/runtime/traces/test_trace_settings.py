"""Whether and how traces are sent, as the environment says it."""

from __future__ import annotations

import asyncio
import sys

import pytest

from ppacer import spec
from ppacer.cli.traces import tracing
from ppacer.config_values import ConfigError
from ppacer.trace_settings import TraceSettings, trace_settings

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
AT = {ENDPOINT: "http://collector:4318"}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {ENDPOINT: ""},
        {"OTEL_TRACES_EXPORTER": ""},
        {"OTEL_SERVICE_NAME": "sales", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://collector:4318"},
        AT | {"OTEL_TRACES_EXPORTER": "none"},
        AT | {"OTEL_SDK_DISABLED": "True"},
        {"OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_nothing_is_sent_unless_it_is_asked_for(environ: dict[str, str]) -> None:
    assert trace_settings(environ) is None


@pytest.mark.parametrize(
    ("environ", "settings"),
    [
        (AT, TraceSettings(1.0, "http://collector:4318")),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, TraceSettings(1.0, "http://localhost:4318")),
        (
            AT | {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://name:key@other.example/v1/traces?key=s3cret"},
            TraceSettings(1.0, "https://other.example"),
        ),
        (AT | {"OTEL_SDK_DISABLED": "false"}, TraceSettings(1.0, "http://collector:4318")),
        (AT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, TraceSettings(1.0, "http://collector:4318")),
        (AT | {"OTEL_TRACES_SAMPLER": "parentbased_always_off"}, TraceSettings(0.0, "http://collector:4318")),
        (
            AT | {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25"},
            TraceSettings(0.25, "http://collector:4318"),
        ),
        (AT | {"OTEL_TRACES_SAMPLER": "traceidratio"}, TraceSettings(1.0, "http://collector:4318")),
        (AT | {"OTEL_TRACES_SAMPLER_ARG": "0.25"}, TraceSettings(1.0, "http://collector:4318")),
    ],
)
def test_what_is_sent_where(environ: dict[str, str], settings: TraceSettings) -> None:
    assert trace_settings(environ) == settings


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"OTEL_TRACES_EXPORTER": "console"}, "OTEL_TRACES_EXPORTER = 'console': traces are sent by `otlp`"),
        (AT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL = 'grpc': .* http/protobuf"),
        (AT | {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"}, "OTLP_TRACES_PROTOCOL = 'http/json'"),
        ({ENDPOINT: "collector:4318"}, f"{ENDPOINT} is no URL with http:// or https://"),
        ({ENDPOINT: "http://[collector"}, f"{ENDPOINT} is no URL with http:// or https://"),
        (AT | {"OTEL_TRACES_SAMPLER": "jaeger_remote"}, "OTEL_TRACES_SAMPLER = 'jaeger_remote': there is `always_on`"),
        (AT | {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "7"}, "a share from 0 to 1"),
        (AT | {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "nan"}, "a share from 0 to 1"),
        (AT | {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "all"}, "a share from 0 to 1"),
    ],
)
def test_what_cannot_be_followed_is_refused(environ: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        trace_settings(environ)


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, "http://key@127.0.0.1:9/")
    monkeypatch.setitem(sys.modules, "opentelemetry.context", None)
    monkeypatch.delitem(sys.modules, "ppacer.services.trace_export", raising=False)

    async def begin() -> None:
        async with tracing(spec.Program("p", "b" * 64, "0", (), (), ()), "one"):
            raise AssertionError("it must not begin")

    with pytest.raises(ConfigError, match=r"sent to http://127.0.0.1:9, .*install `ppacer\[otel\]`, or set OTEL_"):
        asyncio.run(begin())
