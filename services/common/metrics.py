"""Metrics: declared once with how they are read, exported when somebody asks.

The code counts in plain integers. A `Metric` says what such a number is called and where it
stands; nothing is added to what counts. Only what is rare enough (an emotion, a decision, a
message, a round of appends) is put into a `Histogram`. docs/metrics.md lists them all and is made
from the declarations.

Without SIQ_METRICS_LISTEN (the default) nothing here keeps or costs anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

T = TypeVar("T")
Labels = tuple[str, ...]
Values = int | float | Mapping[str, int] | Mapping[tuple[str, str], int]
"""One number, or one for each value of the attribute, or for each pair of values."""

# From a millisecond to the ten seconds after which what was expected counts as lost.
LATENCY_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 3.0, 10.0)


@dataclass(frozen=True, slots=True)
class Metric(Generic[T]):
    """A number that something of type T keeps."""

    name: str
    """As Prometheus shows it: siq_<part>_<what>_<unit>, counters end in _total."""
    kind: Literal["counter", "gauge"]
    unit: str
    """UCUM: s, By, 1, or what is counted, in braces."""
    help: str
    read: Callable[[T], Values]
    attributes: Labels = ()


@dataclass(slots=True)
class Histogram:
    """A distribution. Recording costs microseconds: never per frame."""

    name: str
    unit: str
    help: str
    attributes: Labels = ()
    buckets: tuple[float, ...] = LATENCY_S
    _sink: Callable[[float, dict[str, str]], None] | None = field(default=None, repr=False)

    def record(self, value: float, *labels: str) -> None:
        """Take one value, with one label for each attribute."""
        if self._sink is not None:
            self._sink(value, dict(zip(self.attributes, labels, strict=True)))

    def attach(self, sink: Callable[[float, dict[str, str]], None]) -> None:
        """Send what is recorded from now on to an exporter."""
        self._sink = sink


@dataclass(frozen=True, slots=True)
class Catalogue(Generic[T]):
    """The metrics of one part of the system, read from objects of type T."""

    part: str
    """Who has them, for the documentation."""
    metrics: tuple[Metric[T], ...]
    histograms: tuple[Histogram, ...] = ()

    @property
    def entries(self) -> tuple[Metric[T] | Histogram, ...]:
        """All of them."""
        return (*self.metrics, *self.histograms)


class Exporter(Protocol):
    """Where metrics go: `metrics_export` has the one for Prometheus."""

    def add(self, catalogue: Catalogue[Any], source: Any) -> None:
        """Export a catalogue, read from `source` and any other source added for it."""
        ...


_exporter: Exporter | None = None


def use(exporter: Exporter | None) -> None:
    """Publish to `exporter` from now on; None: nowhere."""
    global _exporter
    _exporter = exporter


def publish(catalogue: Catalogue[T], source: T) -> None:
    """Offer what `source` counts for as long as the process lives."""
    if _exporter is not None:
        _exporter.add(catalogue, source)
