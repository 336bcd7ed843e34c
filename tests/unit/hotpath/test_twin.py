"""The kernel and its twin say the same, however events are cut into batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotpath.columns import from_wire
from hotpath.detector import Detector, SnapshotError
from hotpath.events import EventKind
from hotpath.recording import FLAGS, event_of_line
from tests.unit.hotpath import twin

if TYPE_CHECKING:
    from hotpath.emission import Emission

T0 = 1_700_000_000_000
Line = dict[str, object]
TARGETS = {
    "button#buy": ["button"],
    "button#off": ["button", "disabled"],
    "button.plus": ["button", "stepper"],
    "a.more": ["link"],
    "div.card": [],
    "canvas": ["canvas"],
    "app": ["unobserved"],
    "input#name": ["text_field"],
}

_target = st.sampled_from(list(TARGETS))
_gap = st.sampled_from([0, 20, 60, 90, 100, 150, 180, 200, 250, 300, 400, 600, 601, 900, 1000, 1300,
                        2500, 2600, 5100])  # fmt: skip
_x = st.sampled_from([100, 100, 103, 112, 125, 131, 160, 300])


def _line(name: str, /, **fields: st.SearchStrategy[object]) -> st.SearchStrategy[Line]:
    return st.fixed_dictionaries({"type": st.just(name), "dt": _gap, **fields})


_press = _line(
    "click", x=_x, y=_x, target=_target,
    button=st.sampled_from([None, None, None, 0, 2]),
    detail=st.sampled_from([None, None, 1, 2, 0]),
    modifiers=st.sampled_from([None, None, None, 0, 4]),
)  # fmt: skip
_noise = st.one_of(
    _line("reaction", kind=st.sampled_from(["mutation", "selection", "network"]),
          of=st.sampled_from([None, None, 1, 2, 3, 4, 7, 9]),
          after=st.sampled_from([None, 5, 99, 800, 1500, 3000])),
    _line("error", source=st.just("x")),
    _line("scroll", y=st.just(5), max_y=st.just(900)),
    _line("select", chars=st.sampled_from([0, 12])),
    _line("drag", px=st.sampled_from([4, 40])),
    _line("change", target=_target),
    _line("visibility", state=st.sampled_from(["hidden", "visible"])),
    _line("submit", target=_target),
    _line("page_view", page=st.just("/next"), nav=st.just("spa")),
    _line("pointer_move", x=_x, y=_x),
)  # fmt: skip


@st.composite
def _burst(draw: st.DrawFn) -> list[Line]:
    """The same press again and again, now and then answered: what chance alone never makes."""
    gap = draw(st.sampled_from([40, 90, 120, 180, 200, 250, 300, 400, 600, 900, 1300]))
    target = draw(_target)
    answered = draw(st.sampled_from([0, 0, 0, 1, 2]))
    lines: list[Line] = []
    for i in range(draw(st.integers(2, 14))):
        lines.append({"type": "click", "dt": gap, "x": draw(_x), "y": 100, "target": target})
        if answered and i % answered == 0:
            lines.append({"type": "reaction", "dt": draw(_gap), "kind": "mutation"})
    return lines


_visits = st.lists(
    st.one_of(_burst(), _burst(), st.lists(_press, max_size=6), st.lists(_noise, max_size=2)),
    max_size=8,
).map(lambda parts: [line for part in parts for line in part])


def _apply(detector: Detector, events: list[Line], t: int, seq: int) -> None:
    names = {name: i for i, name in enumerate(TARGETS, 1)}
    table = {i: (name, sum(FLAGS[flag] for flag in TARGETS[name])) for name, i in names.items()}
    wire = [
        event_of_line(
            line, EventKind[str(line["type"]).upper()], int(str(line["dt"])) if i else 0,
            names.get(str(line.get("target")), 0),
        )
        for i, line in enumerate(events)
    ]  # fmt: skip
    columns = from_wire(wire, table)
    detector.apply("t", "s", "p", seq, t, 0, "", columns.blob, columns.targets, columns.strings)


def _run(visit: list[Line], cuts: set[int], restart: int | None = None) -> list[Emission]:
    """Run a visit, cut into batches before the positions in `cuts`."""
    detector = Detector(8)
    said: list[Emission] = []
    t, start, seq, t_start = T0, 0, 0, T0
    for i, line in enumerate(visit):
        t += int(str(line["dt"]))
        if i == 0:
            t_start = t
        following = i + 1
        if following == len(visit) or following in cuts:
            seq += 1
            _apply(detector, visit[start:following], t_start, seq)
            said += detector.drain()
            if following < len(visit):
                start = following
                t_start = t + int(str(visit[following]["dt"]))
        if restart is not None and i == restart:
            blob = detector.snapshot()
            detector = Detector(8)
            detector.restore(blob)
    detector.advance("t", "s", "p", t + 120_000)
    return said + detector.drain()


def _told(emission: Emission) -> tuple[object, ...]:
    return (
        emission.episode, emission.rev, emission.confidence, emission.trigger,
        emission.occurred_at_ms, len(emission.evidence), emission.element,
        {name: round(value, 6) for name, value in emission.contributions},
    )  # fmt: skip


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_visits)
def test_kernel_says_what_its_twin_says(visit: list[Line]) -> None:
    reference = twin.Twin()
    t = T0
    for i, line in enumerate(visit):
        t += int(str(line["dt"]))
        what = {k: v for k, v in line.items() if k not in ("type", "dt") and v is not None}
        if "target" in what:
            what["flags"] = TARGETS[str(what["target"])]
        reference.happen(t, str(line["type"]), (1, i), **what)
    reference.advance(t + 120_000)
    expected = [
        (
            said.episode, said.rev, said.confidence, said.trigger, said.t, len(said.evidence),
            said.target, {k: round(v, 6) for k, v in said.terms.items()},
        )
        for said in reference.said
    ]  # fmt: skip
    assert [_told(emission) for emission in _run(visit, set())] == expected


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_visits, st.sets(st.integers(0, 100)))
def test_batch_boundaries_change_no_verdict(visit: list[Line], cuts: set[int]) -> None:
    whole = [_told(emission) for emission in _run(visit, set())]
    assert [_told(emission) for emission in _run(visit, cuts)] == whole
    assert [_told(emission) for emission in _run(visit, set(range(1000)))] == whole


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_visits, st.integers(0, 60))
def test_restored_detector_goes_on_as_if_never_stopped(visit: list[Line], at: int) -> None:
    every = set(range(1000))
    assert _run(visit, every, restart=at) == _run(visit, every)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_visits)
def test_contributions_add_up_and_confidence_keeps_the_threshold(visit: list[Line]) -> None:
    for emission in _run(visit, set()):
        tenths = [round(10 * value) for _, value in emission.contributions]
        odds = 2.718281828459045 ** (sum(tenths) / 10)
        assert emission.confidence == round(100 * odds / (1 + odds))
        assert 50 <= emission.confidence <= 100
        assert emission.rev <= 8


def test_snapshot_of_another_version_is_refused() -> None:
    detector = Detector(8)
    blob = detector.snapshot()
    for damaged in (b"", b"siqstate", blob[:-1], blob + b"x", blob.replace(b"siq", b"SIQ"),
                    blob[:8] + b"\xff" + blob[9:]):  # fmt: skip
        with pytest.raises(SnapshotError):
            Detector(8).restore(damaged)
