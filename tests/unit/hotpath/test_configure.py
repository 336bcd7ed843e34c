"""A tenant's own settings in the detector: thresholds, emotions off, elements ignored."""

from __future__ import annotations

import struct

import pytest

from hotpath.columns import from_wire
from hotpath.detector import Detector
from hotpath.emission import Emission
from hotpath.events import EventKind, FieldKind, TargetFlag
from hotpath.fields import EVENTS
from tests.unit.hotpath.helpers.abandonment import checkout

T0 = 1_700_000_000_000
BUTTON = {1: ("button#buy", 1 << 1), 2: ("button#like", 1 << 1)}
Events = list[list[object]]
VALUES = {FieldKind.TARGET: 1, FieldKind.FLAG: 1, FieldKind.TEXT: "x", FieldKind.COUNT: 3_000}
ON_TARGETS = [
    kind for kind, table in EVENTS.items() if any(field.kind == FieldKind.TARGET for field in table)
]


def dead_presses(target: int = 1, count: int = 3) -> Events:
    return [[3, 250 if i else 0, 100, 100, target] for i in range(count)]


def apply(
    detector: Detector, events: Events, *, tenant: str = "acme", seq: int = 1, t: int = T0
) -> int:
    c = from_wire(events, BUTTON)
    return detector.apply(tenant, "s", "p", seq, t, 0, "/", c.blob, c.targets, c.strings)


def test_thresholds_hold_for_their_tenant_alone() -> None:
    detector = Detector()
    detector.configure("acme", {"rage": 86}, ())
    assert apply(detector, dead_presses()) == 0
    assert apply(detector, dead_presses(), tenant="other") == 1
    detector.configure("acme", {"rage": 85}, ())
    assert apply(detector, dead_presses(), seq=2, t=T0 + 60_000) > 0


def test_a_threshold_left_out_is_the_detectors_own() -> None:
    detector = Detector(threshold=86)
    detector.configure("acme", {"confusion": 10}, ())
    assert apply(detector, dead_presses()) == 0


def test_an_emotion_that_is_off_is_never_said_and_settings_can_be_taken_back() -> None:
    detector = Detector(threshold=0)
    detector.configure("acme", {"rage": 101}, ())
    assert apply(detector, dead_presses(count=8)) == 0
    assert detector.scores("acme", "s")["rage"] > 90
    detector.configure("acme", {}, ())
    assert apply(detector, dead_presses(), seq=2, t=T0 + 60_000) > 0


@pytest.mark.parametrize("off", [False, True])
def test_a_risk_that_is_open_when_its_emotion_is_switched_off(off: bool) -> None:
    """It is not confirmed any more; that it was taken back is told."""
    given_up, bought = checkout().hide(20).wait(60), checkout().hide(20).wait(60)
    said = given_up.triggers
    assert said == bought.triggers == ["hidden", "hidden_long"]
    for visit in (given_up, bought):
        visit.detector.configure("t", {"abandonment": 101} if off else {}, ())
    given_up.wait(4000)
    bought.show(70).at(75, "track", name="Order Completed").wait(4000)
    assert ("abandonment_confirmed" in given_up.triggers) is not off
    assert not off or given_up.triggers == said
    assert bought.triggers == [*said, "abandonment_cancelled"]


def test_timers_are_judged_by_the_tenants_settings() -> None:
    presses: Events = [[3, 90 if i else 0, 100, 100, 1] for i in range(3)]
    detector = Detector()
    detector.configure("acme", {"rage": 101}, ())
    for tenant in ("acme", "other"):
        assert apply(detector, presses, tenant=tenant) == 0
    assert detector.advance("other", "s", "p", T0 + 5_000) == 1
    assert detector.advance("acme", "s", "p", T0 + 5_000) == 0


def test_an_ignored_element_raises_nothing_and_others_go_on() -> None:
    detector = Detector()
    detector.configure("acme", {}, ["button#like"])
    assert apply(detector, dead_presses(target=2, count=8)) == 0
    assert detector.scores("acme", "s") == Detector().scores("acme", "s")
    assert apply(detector, dead_presses(target=1), seq=2, t=T0 + 3_000) == 1
    assert detector.drain()[0].element == "button#buy"
    assert apply(detector, dead_presses(target=2), tenant="other") == 1


def test_an_answer_that_names_a_press_still_finds_it_among_ignored_ones() -> None:
    detector = Detector()
    detector.configure("acme", {}, ["button#like"])
    events = dead_presses(target=2, count=2)
    for number in (3, 4, 5):
        press: list[object] = [3, 250, 100, 100, 1]
        answer: list[object] = [4, 10, 0, number, 10]
        events += [press, answer]
    apply(detector, events)
    assert detector.scores("acme", "s")["rage"] < 50


def test_a_target_where_none_belongs_means_the_same_whatever_came_before() -> None:
    """A drag names none; a damaged one must not find what another tenant ignores."""
    drag = struct.pack("<HHBIHf", 1, 1 | 1 << 3, EventKind.DRAG, 10, 1, 200.0)
    said: list[int] = []
    for between in (False, True):
        detector = Detector()
        detector.configure("other", {}, ["button#like"])
        apply(detector, dead_presses(count=2))
        if between:
            apply(detector, dead_presses(target=2), tenant="other")
        detector.apply("acme", "s", "p", 2, T0 + 300, 0, "/", drag, [("div", 0)], [])
        said.append(apply(detector, dead_presses(count=2), seq=3, t=T0 + 500))
    assert said == [0, 0]


def said_about(kind: EventKind, ignored: list[str]) -> list[Emission]:
    table = {1: ("form#x", int(TargetFlag.CTA | TargetFlag.CHECKOUT | TargetFlag.BUTTON))}
    event: list[object] = [int(kind), 700, *(VALUES.get(field.kind, 0) for field in EVENTS[kind])]
    detector = Detector(threshold=0)
    detector.configure("acme", {}, ignored)
    tick: list[object] = [26, 0]
    c = from_wire([tick, *[list(event) for _ in range(40)]], table)
    detector.apply("acme", "s", "p", 1, T0, 0, "/a", c.blob, c.targets, c.strings)
    detector.advance("acme", "s", "p", T0 + 60_000)
    return detector.drain()


@pytest.mark.parametrize("kind", ON_TARGETS)
def test_no_kind_of_event_on_an_ignored_element_accuses(kind: EventKind) -> None:
    assert said_about(kind, ["form#x"]) == []


def test_several_kinds_of_events_would_accuse() -> None:
    """By themselves; a refusal needs an attempt, and presses are tried above."""
    accusing = {kind for kind in ON_TARGETS if said_about(kind, [])}
    assert accusing == {EventKind.HOVER, EventKind.CHANGE, EventKind.PRESS_CANCEL}


def test_snapshots_hold_no_settings_and_a_restored_detector_keeps_its_own() -> None:
    plain, tuned = Detector(), Detector()
    tuned.configure("acme", {"rage": 101}, ())
    apply(plain, dead_presses(count=2))
    tuned.restore(plain.snapshot())
    assert apply(tuned, [[3, 0, 100, 100, 1]], seq=2, t=T0 + 500) == 0
    plain.restore(tuned.snapshot())
    assert apply(plain, dead_presses(), seq=3, t=T0 + 60_000) > 0


@pytest.mark.parametrize(
    ("thresholds", "why"),
    [({"fury": 50}, "no such emotion: fury"), ({"rage": 102}, "0 to 101"), ({"rage": -1}, "0 to")],
)
def test_settings_that_mean_nothing_are_refused(thresholds: dict[str, int], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Detector().configure("acme", thresholds, ())
