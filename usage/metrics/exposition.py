"""Snapshots of processes -> Prometheus' text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from usage.metrics.between_processes import SharedSums, Snapshot
from usage.metrics.declared import CONFIG_AGE, METRICS, PREFIX, PROCESSES, Metric
from usage.metrics.sums import Labels, Sums

MERGES: dict[str, Any] = {"sum": sum, "max": max, "min": min}


class Shown(Collector):
    """The metrics of all processes, as prometheus-client wants them."""

    def __init__(self, gone: Sums, living: Sequence[Snapshot], now_s: float) -> None:
        self._sums, self._living, self._now_s = Sums(), living, now_s
        for sums in (gone, *(one.sums for one in living)):
            self._sums.merge(sums)

    def collect(self) -> Iterator[Any]:
        for metric in METRICS:
            if metric.kind == "counter":
                yield self._counter(metric)
            elif metric.kind == "histogram":
                yield self._histogram(metric)
            else:
                yield self._gauge(metric)

    def _counter(self, metric: Metric) -> CounterMetricFamily:
        family = CounterMetricFamily(PREFIX + metric.name, metric.help, labels=metric.labels)
        for labels, amount in sorted(self._sums.counters[metric.name].items()):
            family.add_metric(labels, amount)
        return family

    def _histogram(self, metric: Metric) -> HistogramMetricFamily:
        family = HistogramMetricFamily(PREFIX + metric.name, metric.help, labels=metric.labels)
        bounds = [*map(floatToGoString, metric.buckets), "+Inf"]
        for labels, row in sorted(self._sums.histograms[metric.name].items()):
            family.add_metric(labels, list(zip(bounds, accumulate(row[:-1]), strict=True)), row[-1])
        return family

    def _gauge(self, metric: Metric) -> GaugeMetricFamily:
        family = GaugeMetricFamily(PREFIX + metric.name, metric.help, labels=metric.labels)
        found: dict[Labels, list[float]] = {}
        for labels, value in self._values(metric):
            found.setdefault(labels, []).append(value)
        for labels, values in sorted(found.items()):
            family.add_metric(labels, MERGES[metric.merge](values))
        return family

    def _values(self, metric: Metric) -> Iterable[tuple[Labels, float]]:
        if metric is PROCESSES:
            return [((), float(len(self._living)))]
        if metric is CONFIG_AGE:  # it grows, also where a process hangs and tells nothing
            told = ((one.gauges.get(metric.name, ()), self._now_s - one.told_s) for one in self._living)
            return ((labels, value + since_s) for rows, since_s in told for labels, value in rows)
        return (row for one in self._living for row in one.gauges.get(metric.name, ()))


class Newest(Collector):
    """The metrics at the moment of each reading, for a server of prometheus-client's."""

    def __init__(self, shared: SharedSums, clock: Callable[[], float]) -> None:
        self._shared, self._clock = shared, clock

    def describe(self) -> list[Any]:
        """Nothing: to register it must not read."""
        return []

    def collect(self) -> Iterator[Any]:
        return Shown(*self._shared.read(), self._clock()).collect()


def text_of(gone: Sums, living: Sequence[Snapshot], *, now_s: float, accept: str = "") -> tuple[str, bytes]:
    """The content type and the text, in the format that the reader accepts."""
    encode, kind = choose_encoder(accept)
    return kind, encode(Shown(gone, living, now_s))
