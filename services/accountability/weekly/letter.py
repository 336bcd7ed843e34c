"""What a weekly mail says, as data: every figure carries the command that it was made with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, what it counts, and where it comes from."""

    text: str
    meaning: str
    query: str
    note: str = ""
    """An interval, or what it does not say."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a chart."""

    label: str
    figure: Figure
    share: float
    """Of the longest, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars, and the same in words for whoever does not see them."""

    title: str
    alt: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Missed:
    """A recommendation that was not acted on in time."""

    decision_id: str
    company: str
    what: str
    """What became of it."""
    when: str
    """Day and time where the person is."""
    value: Figure | None
    can_act: bool


@dataclass(frozen=True, slots=True)
class Cost:
    """What ignoring cost, or why nobody can tell yet."""

    text: str
    method: str
    figures: tuple[Figure, ...]
    warnings: tuple[str, ...]
    query: str
    summary: str = ""
    """What was found in words, numbers in it: it is shown as a link to its query."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A whole mail."""

    tenant_id: str
    person_id: str
    name: str
    week: str
    days: str
    """ "16 to 22 November 2026"."""
    zone: str
    executive: bool
    headline: Figure
    figures: tuple[Figure, ...]
    missed: tuple[Missed, ...]
    more_missed: int
    """How many the list leaves out."""
    charts: tuple[Chart, ...]
    cost: Cost
    gaps: tuple[str, ...] = field(default=())
    """What could not be asked, and so is not in it."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to tell."""
        return not self.missed and not self.charts and all(f.text == "0" for f in self.figures)

    def queries(self) -> list[str]:
        """Each command once, in order of appearance."""
        return list(dict.fromkeys(figure.query for figure in self._figures()))

    def _figures(self) -> Iterator[Figure]:
        yield self.headline
        yield from self.figures
        yield from (item.value for item in self.missed if item.value is not None)
        for chart in self.charts:
            yield from (bar.figure for bar in chart.bars)
        yield from self.cost.figures
        if self.cost.query:
            yield Figure("", "", self.cost.query)
