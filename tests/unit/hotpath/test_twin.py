"""The kernel and its twin say the same, however events are cut into batches."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotpath.detector import Detector, SnapshotError
from tests.unit.hotpath.helpers.visits import IDLE_MS, T0, Line, Told, run
from tests.unit.hotpath.twin_anger import AngryTwin

TARGETS = {
    "button#buy": ["button"],
    "button#off": ["button", "disabled"],
    "button.plus": ["button", "stepper"],
    "a.more": ["link"],
    "div.card": [],
    "canvas": ["canvas"],
    "app": ["unobserved"],
    "input#name": ["text_field"],
    "input#mail": ["text_field"],
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
    _line("page_view", page=st.sampled_from(["/next", "/thanks"]), nav=st.just("spa")),
    _line("track", name=st.just("purchase")),
    _line("reset"),
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


@st.composite
def _anger(draw: st.DrawFn) -> list[Line]:
    """Keys mashed, attempts refused, presses that end in errors, a cursor shaken."""
    kind = draw(st.sampled_from(["keys", "refused", "errors", "cursor"]))
    gap = draw(st.sampled_from([300, 900, 1900, 2000, 2100, 4900, 5001]))
    lines: list[Line] = []
    for i in range(draw(st.integers(1, 6)) * (10 if kind == "cursor" else 1)):
        field = "input#name" if draw(st.integers(0, 9)) else "input#mail"
        if kind == "keys":
            keys = draw(st.sampled_from([1, 2, 11, 12, 20]))
            ms = draw(st.sampled_from([None, 0, 333, 800, 1333]))
            paste = draw(st.sampled_from([None, None, None, True]))
            lines.append({"type": "input", "dt": gap, "target": field, "keys": keys, "deletes": 0,
                          "ms": ms, "paste": paste})  # fmt: skip
        elif kind == "refused":
            if draw(st.booleans()):
                lines.append({"type": "submit", "dt": gap, "target": "button#buy"})
            else:
                lines.append(draw(_press) | {"dt": gap, "target": "button#off"})
            lines.append({"type": "invalid", "dt": 40, "target": field})
        elif kind == "errors":
            lines.append(draw(_press) | {"dt": gap})
            lines += draw(st.lists(_noise, max_size=1)) if draw(st.booleans()) else []
            lines.append({"type": "error", "dt": draw(_gap), "source": "x"})
        else:
            lines.append({"type": "pointer_move", "dt": 50, "x": 400 + 60 * (i % 2), "y": 300})
    return lines


_visits = st.lists(
    st.one_of(
        _burst(),
        _burst(),
        _anger(),
        _anger(),
        st.lists(_press, max_size=6),
        st.lists(_noise, max_size=2),
    ),
    max_size=8,
).map(lambda parts: [line for part in parts for line in part])


def _run(visit: list[Line], cuts: set[int], restart: int | None = None) -> list[Told]:
    return run(visit, TARGETS, "rage", cuts=cuts, restart=restart)[0]


def _twin(visit: list[Line]) -> AngryTwin:
    reference = AngryTwin()
    t = T0
    for i, line in enumerate(visit):
        t += int(str(line["dt"]))
        what = {k: v for k, v in line.items() if k not in ("type", "dt") and v is not None}
        if "target" in what:
            what["flags"] = TARGETS[str(what["target"])]
        reference.happen(t, str(line["type"]), (1, i), **what)
    reference.advance(t + IDLE_MS)
    return reference


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_visits)
def test_kernel_says_what_its_twin_says(visit: list[Line]) -> None:
    told = _run(visit, set())
    assert sorted(one[1:] for one in told) == _twin(visit).told()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_visits, st.sets(st.integers(0, 100)))
def test_batch_boundaries_change_no_verdict(visit: list[Line], cuts: set[int]) -> None:
    whole = _run(visit, set())
    assert _run(visit, cuts) == whole
    assert _run(visit, set(range(1000))) == whole


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_visits, st.integers(0, 60))
def test_restored_detector_goes_on_as_if_never_stopped(visit: list[Line], at: int) -> None:
    every = set(range(1000))
    assert _run(visit, every, restart=at) == _run(visit, every)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_visits)
def test_contributions_add_up_and_confidence_keeps_the_threshold(visit: list[Line]) -> None:
    for told in _run(visit, set()):
        odds = 2.718281828459045 ** round(sum(told.terms.values()), 6)
        assert told.confidence == round(100 * odds / (1 + odds))
        assert 50 <= told.confidence <= 100
        assert told.rev <= 8


def test_snapshot_of_another_version_is_refused() -> None:
    detector = Detector(8)
    blob = detector.snapshot()
    for damaged in (b"", b"siqstate", blob[:-1], blob + b"x", blob.replace(b"siq", b"SIQ"),
                    blob[:8] + b"\xff" + blob[9:]):  # fmt: skip
        with pytest.raises(SnapshotError):
            Detector(8).restore(damaged)
