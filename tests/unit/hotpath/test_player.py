"""Recordings played as a live site would."""

from __future__ import annotations

from hotpath.player import Player
from tests.unit.hotpath.helpers.abandonment import T0, Visit


def form() -> tuple[Visit, Player]:
    """A form, half filled in; nothing happens in its stream any more."""
    visit = Visit().form(0)
    return visit, Player(visit.detector, "t")


def heard(visit: Visit) -> list[tuple[str, float]]:
    return [(e.trigger, (e.occurred_at_ms - T0) / 1000) for e in visit.detector.drain()]


def test_timers_go_off_at_their_own_time() -> None:
    visit, player = form()
    alone = Visit().form(0).wait(200)
    player.until("s", T0 + 200_000)
    assert heard(visit) == [(e.trigger, (e.occurred_at_ms - T0) / 1000) for e in alone.said]
    assert alone.said != []


def test_nothing_goes_off_before_its_time_or_twice() -> None:
    visit, player = form()
    player.until("s", T0 + 50_000)
    assert heard(visit) == []
    player.until("s", T0 + 200_000)
    assert heard(visit) != []
    player.until("s", T0 + 200_000)
    assert heard(visit) == []


def test_each_session_has_its_own_time() -> None:
    visit, player = form()
    player.until("another", T0 + 200_000)
    assert heard(visit) == []


def test_a_page_that_was_left_hears_that_the_visit_goes_on() -> None:
    visit = Visit().page(0, "/cart").page(6, "/checkout", stream="2")
    visit.at(9, "input", "2", target="input#name").page(12, "/cart", "back_forward", stream="3")
    player = Player(visit.detector, "t")
    assert [e.trigger for e in visit.said] == ["back_out"]
    visit.page(20, "/checkout", stream="4").at(30, "input", "4", target="input#name")
    player.until("s", T0 + 44_000)
    assert [trigger for trigger, _ in heard(visit)] == ["abandonment_cancelled"]
