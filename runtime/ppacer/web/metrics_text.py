"""Metrics as the text that Prometheus reads. Loads its client library, which takes a while: not for a start."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TypeAlias

from prometheus_client import GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from ppacer.services.measures import Histogram
from ppacer.web.metrics import Metric, MetricKind, Sample, Snapshot

_Family: TypeAlias = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


def written(state: Snapshot) -> bytes:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(_Moment(state))
    return generate_latest(registry)


class _Moment(Collector):
    def __init__(self, state: Snapshot) -> None:
        self._state = state

    def collect(self) -> Iterator[_Family]:
        for metric, samples in self._state:
            yield _family(metric, samples)


def _family(metric: Metric, samples: Sequence[Sample]) -> _Family:
    if metric.kind is MetricKind.HISTOGRAM:
        histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        for sample in samples:
            assert isinstance(sample.value, Histogram)
            histogram.add_metric(sample.labels, _buckets(sample.value), sample.value.total)
        return histogram
    kind = CounterMetricFamily if metric.kind is MetricKind.COUNTER else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.labels)
    for sample in samples:
        assert not isinstance(sample.value, Histogram)
        family.add_metric(sample.labels, sample.value)
    return family


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """How many values were at most each bound: Prometheus counts upwards."""
    bounds = [*map(str, histogram.bounds), "+Inf"]
    return list(zip(bounds, accumulate(histogram.counts), strict=True))
