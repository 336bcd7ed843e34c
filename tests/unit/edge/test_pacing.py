"""Pages that keep to what they are asked, before a log of a known width, in virtual time."""

from __future__ import annotations

import heapq
import itertools
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from edge.pacing import Pacing

_HEARD_S = 0.02
_ROUND_S = 0.004
_LARGE_ROUND_S = 0.008
_LARGE = 32
_LEAST_S = 0.002


@dataclass
class Line:
    """A crowd, a worker's pacing, and a log that takes `width` records a second."""

    pages: int
    width: float
    load: Callable[[float], float]
    """What the crowd would send at a time, as a share of the width."""
    stalls: dict[float, float] = field(default_factory=dict[float, float])
    """When the log stands still, and until when."""
    obeys: bool = True
    now_s: float = 0.0
    taken: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """When each record was accepted and how long it took."""
    asked: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """When a page was asked to wait, and how long."""

    def run(self, lasts_s: float) -> None:
        """Play it."""
        pacing, chance, order = Pacing(), random.Random(1), itertools.count()
        queue: list[float] = []
        under_way: list[float] = []
        silent_until = [0.0] * self.pages
        asked_until = [0.0] * self.pages
        heard = [self.now_s] * self.pages
        round_from_s, senders = 0.0, itertools.cycle(range(self.pages))
        events: list[tuple[float, int, str, Any]] = [(self.now_s, next(order), "send", None)]

        def later(at_s: float, what: str, of: Any = None) -> None:
            heapq.heappush(events, (at_s, next(order), what, of))

        while events and events[0][0] < lasts_s:
            self.now_s, _, what, of = heapq.heappop(events)
            if what == "send":
                gap_s = 1 / (self.load(self.now_s) * self.width)
                later(self.now_s + gap_s * chance.uniform(0.5, 1.5), "send")
                page = next(senders)
                if self.obeys and self.now_s < silent_until[page]:
                    continue
                if not queue:
                    pacing.waits()
                    later(max(self.now_s, round_from_s), "round")
                queue.append(self.now_s)
                wait_s = pacing.accepted()
                gap_s = self.now_s - max(heard[page], asked_until[page])
                heard[page] = self.now_s
                if self.now_s >= asked_until[page] and wait_s > gap_s / 2:
                    asked_until[page] = self.now_s + wait_s
                    self.asked.append((self.now_s, wait_s))
                    later(self.now_s + _HEARD_S, "hear", (page, wait_s))
            elif what == "hear":
                silent_until[of[0]] = self.now_s + of[1]
            elif what == "round" and queue and not under_way:
                pacing.taken()
                under_way, queue = queue, []
                rest_s = _ROUND_S if len(under_way) < _LARGE else _LARGE_ROUND_S
                round_from_s = self.now_s + rest_s
                takes_s = max(_LEAST_S, len(under_way) / self.width)
                for since_s, until_s in self.stalls.items():
                    if since_s <= self.now_s < until_s:
                        takes_s = max(takes_s, until_s - self.now_s)
                later(self.now_s + takes_s, "written")
            elif what == "written":
                pacing.written(len(under_way))
                self.taken += [(at_s, self.now_s - at_s) for at_s in under_way]
                under_way = []
                if queue:
                    later(max(self.now_s, round_from_s), "round")

    def p99_s(self, since_s: float, until_s: float) -> float:
        found = sorted(took for at, took in self.taken if since_s <= at < until_s)
        return found[int(0.99 * len(found))]

    def goodput(self, since_s: float, until_s: float) -> float:
        """Records that got into the log, as a share of what it can take."""
        count = sum(1 for at, took in self.taken if since_s <= at + took < until_s)
        return count / (until_s - since_s) / self.width


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[[Line, float], Line]:
    def run(line: Line, lasts_s: float) -> Line:
        monkeypatch.setattr(time, "monotonic", lambda: line.now_s)
        line.now_s = 1.0
        line.run(lasts_s)
        return line

    return run


Play = Callable[[Line, float], Line]


def surge(now_s: float) -> float:
    return 3.0 if 10 <= now_s < 70 else 0.5


@pytest.mark.parametrize(("pages", "width"), [(50, 250.0), (100, 500.0)])
def test_at_23_a_surge_of_three_times_the_most(play: Play, pages: int, width: float):
    line = play(Line(pages, width, surge), 90.0)
    assert line.goodput(10, 70) >= 0.9
    assert line.p99_s(10, 70) <= 0.3
    assert line.p99_s(70, 71) <= 0.3
    assert line.p99_s(72, 90) <= 2 * line.p99_s(1, 10)
    assert not [at for at, _ in line.asked if at < 10 or at > 80]


def test_many_pages_that_say_little_are_held_too(play: Play):
    """Each page's first record comes before it can be asked: they wait; later ones do not."""
    line = play(Line(500, 250.0, surge), 90.0)
    assert line.p99_s(20, 70) <= 0.75
    assert line.goodput(10, 70) >= 0.75


def test_below_the_most_nobody_is_asked(play: Play):
    assert play(Line(500, 1_000.0, lambda _: 0.8), 60.0).asked == []


def test_after_a_hiccup_nobody_is_asked_for_nothing(play: Play):
    """What waited is soon written: a page would send its next record later than that anyway."""
    line = play(Line(1_000, 1_000.0, lambda _: 0.5, {10.0: 10.4}), 30.0)
    assert line.asked == []
    assert line.p99_s(11, 30) < 0.1


def test_pages_that_do_not_listen_are_told_but_not_again_and_again(play: Play):
    line = play(Line(50, 250.0, lambda _: 1.5, obeys=False), 20.0)
    assert 50 <= len(line.asked) < 0.2 * len(line.taken)


def test_a_log_that_stands_still_asks_everybody(play: Play):
    line = play(Line(50, 250.0, lambda _: 0.5, {10.0: 20.0}), 19.0)
    late = [wait for at, wait in line.asked if at > 12]
    assert late
    assert max(late) <= 6.0


def test_before_anything_was_written_the_wait_is_a_second(play: Play):
    line = play(Line(5, 10.0, lambda _: 1.0, {0.0: 100.0}), 5.0)
    assert line.asked[0][1] == pytest.approx(1.0)
