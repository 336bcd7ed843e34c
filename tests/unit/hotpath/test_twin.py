"""The kernel and its twin say the same, however events are cut into batches."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotpath.detector import Detector, SnapshotError
from tests.unit.hotpath.helpers.mood_twin import promised
from tests.unit.hotpath.helpers.presses import TARGETS as PRESSED
from tests.unit.hotpath.helpers.presses import VISITS, event, press, unnumbered
from tests.unit.hotpath.helpers.visits import IDLE_MS, T0, Line, Told, run
from tests.unit.hotpath.twin_anger import AngryTwin

TARGETS = PRESSED | {"input#mail": ["text_field"]}
_gap = st.sampled_from([0, 90, 300, 900, 1999, 2000, 2001, 2500, 5100])
_about = st.sampled_from(list(PRESSED))


_between = st.lists(event(_about, _gap), max_size=1).map(unnumbered)
_PURCHASE: Line = {"type": "track", "dt": 300, "name": "purchase"}


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
                lines.append(draw(press()) | {"dt": gap, "target": "button#off"})
            lines.append({"type": "invalid", "dt": 40, "target": field})
        elif kind == "errors":
            lines.append(draw(press()) | {"dt": gap})
            lines += (
                draw(st.lists(event(_about, _gap), max_size=1).map(unnumbered))
                if draw(st.booleans())
                else []
            )
            lines.append({"type": "error", "dt": draw(_gap), "source": "x"})
        else:
            lines.append({"type": "pointer_move", "dt": 50, "x": 400 + 60 * (i % 2), "y": 300})
    return lines


_visits = st.lists(
    st.one_of(
        VISITS, _anger(), _anger(), st.just([{"type": "track", "dt": 300, "name": "purchase"}])
    ),
    max_size=5,
).map(lambda parts: [line for part in parts for line in part])


def _forced_cuts(visit: list[Line]) -> set[int]:
    """Where a batch must end: time never goes back within one."""
    return {i for i, line in enumerate(visit) if int(str(line["dt"])) < 0}


def _run(visit: list[Line], cuts: set[int], restart: int | None = None) -> list[Told]:
    cuts = cuts | _forced_cuts(visit)
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


def _agree(visit: list[Line]) -> list[Told]:
    """Let both judge a visit; returns what they said."""
    reference = _twin(visit)
    told, scores = run(visit, TARGETS, "rage", cuts=_forced_cuts(visit))
    assert sorted(one[1:] for one in told) == reference.told()
    assert scores["automated"] == reference.automated
    peak = max(reference.peak, reference.mood.peak)
    assert scores["rage"] == (0 if reference.automated else peak)
    return told


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_visits)
def test_kernel_says_what_its_twin_says(visit: list[Line]) -> None:
    _agree(visit)


def _presses(target: str, *gaps: int) -> list[Line]:
    return [{"type": "click", "dt": dt, "x": 100, "y": 100, "target": target} for dt in gaps]


@pytest.mark.parametrize("target", ["button#buy", "button#off"])
@pytest.mark.parametrize("limit", [5_000, 30_000, 60_000])
@pytest.mark.parametrize("over", [-250, -1, 0, 1, 250])
def test_kernel_and_twin_agree_on_how_long_an_episode_is_remembered(
    target: str, limit: int, over: int
) -> None:
    """The last press of the first burst is `limit + over` before the third of the second."""
    first = _presses("button#buy", 0, 250, 250, 250)
    second = _presses(target, limit + over - 500, 250, 250, 250)
    assert len(_agree([*first, *second])) > 1


@pytest.mark.parametrize("about", ["button#buy", "a.more"])
@pytest.mark.parametrize(
    "event",
    [
        {"type": "submit"},
        {"type": "select", "chars": 1},
        {"type": "select", "chars": 0},
        {"type": "drag", "px": 10},
        {"type": "drag", "px": 11},
        {"type": "copy"},
        {"type": "change"},
        {"type": "input", "keys": 1, "deletes": 0},
        {"type": "visibility", "state": "hidden"},
        {"type": "visibility", "state": "visible"},
        {"type": "scroll", "y": 1, "max_y": 9},
        {"type": "error", "source": "x"},
        {"type": "reaction", "kind": "selection"},
        {"type": "reaction", "kind": "mutation"},
        {"type": "page_view", "page": "/next", "nav": "spa"},
        {"type": "reset"},
        {"type": "session_end"},
    ],
    ids=lambda event: " ".join(map(str, event.values())),
)
def test_kernel_and_twin_agree_on_what_happens_amid_a_burst(event: Line, about: str) -> None:
    """After each number of presses, and on both sides of each limit of time."""
    target = {"target": about} if event["type"] in ("submit", "change", "input") else {}
    for presses in range(1, 6):
        for dt in (0, 99, 100, 101, 299, 300, 301, 1000, 1001):
            gaps = [250] * 5
            gaps[presses % 5] = max(0, 250 - dt)
            lines = _presses(about, *gaps)
            _agree([*lines[:presses], {**event, **target, "dt": dt}, *lines[presses:]])


@pytest.mark.parametrize("target", ["button#buy", "div.card", "button.plus", "a.more"])
@pytest.mark.parametrize("before", [(), (5000,), (5001,), (601,), (4000, 4000)])
@pytest.mark.parametrize("last", [(600, 600), (601, 601), (1400, 1400), (1400, 1401)])
@pytest.mark.parametrize("elsewhere", [None, 10_000, 10_001])
@pytest.mark.parametrize("apart", [180, 181])
def test_kernel_and_twin_agree_on_who_insists(
    target: str, before: tuple[int, ...], last: tuple[int, ...], elsewhere: int | None, apart: int
) -> None:
    visit = _presses(target, elsewhere or 0, *before, *last)
    visit[-1]["x"] = 100 + apart
    if elsewhere is not None:
        visit = [*_presses("button#off", 0), *visit]
    _agree(visit)


def test_who_comes_back_to_what_says_nothing_about_itself_is_enraged() -> None:
    tried = _presses("div.card", 0, 2000)
    assert not _agree(tried)
    (told,) = _agree([*tried, *_presses("div.card", 300, 300)])
    assert (told.trigger, told.terms["insisted"]) == ("rage_click", 0.4)
    # At once as many, or after something else was pressed, is how people work.
    assert not _agree(_presses("div.card", 0, 300, 300, 300))
    assert not _agree([*_presses("button#off", 0), *tried, *_presses("div.card", 300, 300)])


@pytest.mark.parametrize("after", [100, 1999, 2000, 2001])
def test_a_request_that_fails_answers_nothing(after: int) -> None:
    visit: list[Line] = []
    for number in range(1, 4):
        answer: Line = {"type": "reaction", "dt": 40, "kind": "network", "of": number, "after": 40}
        visit += [*_presses("button#buy", 200), answer]
    assert not _agree(visit)
    errors: list[Line] = [{"type": "error", "dt": dt, "source": "request:/x"} for dt in (after, 1)]
    said = _agree([*visit, *errors])
    # The first press is 520 ms old when the answers are in; two of three accuse the page.
    assert bool(said) == (after == 100)
    mutation = [line | ({"kind": "mutation"} if "kind" in line else {}) for line in visit]
    assert not _agree([*mutation, *errors])


def test_what_answers_slowly_is_given_its_time() -> None:
    slow: list[Line] = [
        *_presses("button#buy", 0),
        {"type": "reaction", "dt": 600, "kind": "state"},
    ]
    patient = [*slow, *_presses("button#buy", 1000, 250, 250)]
    told = _agree(patient)[0]
    # Half as long again as it took: 900 ms after the second of them.
    assert told.t - T0 == 600 + 1000 + 250 + 900
    assert not _agree([*patient, {"type": "reaction", "dt": 300, "kind": "state"}])


def test_the_next_page_answers_every_press_on_its_link() -> None:
    visit = _presses("a.more", 0, 300, 300)
    (told,) = _agree(visit)
    assert told.t - T0 == 300 + 2500
    leaves: Line = {"type": "reaction", "dt": 1500, "kind": "navigation", "of": 1, "after": 2100}
    assert not _agree([*visit, leaves])


def test_kernel_and_twin_stop_revising_after_the_eighth_time() -> None:
    visit = [line for _ in range(4) for line in _presses("button.plus", 2600, 450, 450, 450, 450)]
    assert [told.rev for told in _agree(visit)] == [1, 2, 3, 4, 5, 6, 7, 8]


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
        assert told.confidence == promised("rage", round(10 * sum(told.terms.values())))
        assert 50 <= told.confidence <= 100
        assert told.rev <= 8


def test_snapshot_of_another_version_is_refused() -> None:
    detector = Detector(8)
    blob = detector.snapshot()
    for damaged in (b"", b"siqstate", blob[:-1], blob + b"x", blob.replace(b"siq", b"SIQ"),
                    blob[:8] + b"\xff" + blob[9:]):  # fmt: skip
        with pytest.raises(SnapshotError):
            Detector(8).restore(damaged)
