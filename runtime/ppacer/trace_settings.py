"""Whether and how traces are sent, as the environment says it to every program that uses OpenTelemetry:
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/.

Nothing here needs the libraries of the extra `otel`. What only concerns the sending (headers, certificates, time-out,
compression) is read by these.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from ppacer.records import dataclass

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL = "http/protobuf"
_DEFAULT_ENDPOINT = "http://localhost:4318"
_PARENTBASED = "parentbased_"


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """`share` of all runs (0 to 1) are traced; `collector` is where spans go, without what might be secret."""

    share: float
    collector: str


def trace_settings(environ: Mapping[str, str]) -> TraceSettings | None:
    """None unless an endpoint, or the exporter `otlp`, is set. Raises `ValueError` for what cannot be followed."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip()
    _, endpoint = _first(environ, *_ENDPOINTS)
    if exporter == "none" or not (exporter or endpoint):
        return None
    if exporter not in ("", "otlp"):
        raise ValueError(f"OTEL_TRACES_EXPORTER = {exporter!r}: traces are sent by `otlp`, or not at all: `none`")
    name, protocol = _first(environ, *_PROTOCOLS)
    if protocol not in ("", _PROTOCOL):
        raise ValueError(f"{name} = {protocol!r}: traces are sent by {_PROTOCOL}, mostly to port 4318")
    return TraceSettings(_share(environ), _collector(environ))


def _collector(environ: Mapping[str, str]) -> str:
    name, endpoint = _first(environ, *_ENDPOINTS)
    refused = f"{name} is no URL with http:// or https://"  # and may hold a key
    try:
        parts = urlsplit(endpoint or _DEFAULT_ENDPOINT)
    except ValueError:
        raise ValueError(refused) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(refused)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _share(environ: Mapping[str, str]) -> float:
    sampler = environ.get("OTEL_TRACES_SAMPLER", "").strip()
    match sampler.removeprefix(_PARENTBASED):
        case "" | "always_on":
            return 1.0
        case "always_off":
            return 0.0
        case "traceidratio":
            return _ratio(environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip())
        case _:
            raise ValueError(f"OTEL_TRACES_SAMPLER = {sampler!r}: there is `always_on`, `always_off`, `traceidratio`")


def _ratio(text: str) -> float:
    try:
        ratio = float(text or "1")
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise ValueError(f"OTEL_TRACES_SAMPLER_ARG = {text!r}: a share from 0 to 1 is wanted")
    return ratio


def _first(environ: Mapping[str, str], *names: str) -> tuple[str, str]:
    """The first of the variables that is set, and its value; one that is empty counts as not set."""
    for name in names:
        value = environ.get(name, "").strip()
        if value:
            return name, value
    return names[-1], ""
