"""Abandonment and its twin say the same, over the streams of a visit, however it is cut."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hotpath.detector import Detector
from hotpath.model import Model
from hotpath.model_file import read_default
from tests.unit.hotpath.helpers import visits as running
from tests.unit.hotpath.helpers.visits import IDLE_MS, T0, Line, run
from tests.unit.hotpath.twin_abandonment import Visit

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGETS = {
    "input#name": ["text_field", "form"],
    "input#mail": ["text_field", "form"],
    "input#city": ["text_field", "form"],
    "input#q": ["text_field"],
    "select#size": ["form"],
    "select#sort": [],
    "button#next": ["button", "form"],
    "button#pay": ["button", "form", "checkout"],
    "button#off": ["button", "checkout", "disabled"],
    "a#basket": ["link", "nav", "checkout"],
    "a#more": ["link"],
    "button#dead": ["button"],
}
PAGES = {
    "/": [], "/shoes": [], "/signup": [], "/search": ["search"], "/cart": ["cart"],
    "/checkout": ["checkout"], "/checkout/payment": ["checkout"], "/thanks": ["success"],
}  # fmt: skip
TRACKS = {"add_to_cart": ["cart"], "begin_checkout": ["checkout"], "purchase": ["success"],
          "draft_saved": ["saved"], "remove_from_cart": []}  # fmt: skip
S = 1000

_gap = st.sampled_from([0, 100, 400, 500, 900, 1500, 1501, 2000, 3000, 5000, 10_000, 10_001,
                        30_000, 45_000])  # fmt: skip
_long = st.sampled_from([3 * S, 29_999, 30 * S, 31 * S, 60 * S, 90 * S, 120 * S, 125 * S, 300 * S,
                         310 * S, 900 * S, 1800 * S, 1900 * S])  # fmt: skip
_target = st.sampled_from(list(TARGETS))
_field = st.sampled_from(["input#name", "input#mail", "input#city", "input#q"])


def _line(
    name: str, gap: st.SearchStrategy[int] = _gap, /, **fields: st.SearchStrategy[object]
) -> st.SearchStrategy[Line]:
    return st.fixed_dictionaries({"type": st.just(name), "dt": gap, **fields})


def _press(target: st.SearchStrategy[str]) -> st.SearchStrategy[Line]:
    return _line(
        "click", x=st.just(9), y=st.just(9), target=target,
        button=st.sampled_from([None, None, None, 2]),
        detail=st.sampled_from([None, 1, 0]),
        modifiers=st.sampled_from([None, None, None, 4]),
    )  # fmt: skip


_view = _line("page_view", page=st.sampled_from(list(PAGES)),
              nav=st.sampled_from(["load", "spa", "spa", "back_forward", "reload"]))  # fmt: skip
_input = _line("input", target=_field, keys=st.just(9), deletes=st.just(0))
_exit = _line("pointer_exit", edge=st.sampled_from(["top", "top", "top", "left"]), vx=st.just(0),
              vy=st.sampled_from([-900, -300, -299]))  # fmt: skip
_move = _line("pointer_move", x=st.just(5), y=st.just(5))
_hide = _line("visibility", state=st.just("hidden"))
_show = _line("visibility", _long, state=st.just("visible"))
_wait = _line("advance", _long)
_tick = _line("tick", _long)
_track = _line("track", name=st.sampled_from(list(TRACKS)))
_submit = _line("submit", target=st.just("select#size"))
_invalid = _line("invalid", st.sampled_from([0, 1000, 1500, 1501]), target=_field)
_noise = st.one_of(
    _line("scroll", y=st.just(50), max_y=st.just(900)),
    _line("hover", target=_target, ms=st.just(1000), open=st.just(True)),
    _line("focus", target=_field),
    _line("blur", target=_field, filled=st.just(True), ms=st.just(900)),
    _line("change", target=_target),
    _line("select", chars=st.just(3)),
    _line("copy"),
    _line("press_cancel", target=_target),
    _line("error", source=st.just("x")),
    _line("resize", vw=st.just(900), vh=st.just(600)),
    _line("reset"),
    _line("session_end"),
)  # fmt: skip


def _rows(one: st.SearchStrategy[Line], most: int = 3) -> st.SearchStrategy[list[Line]]:
    return st.lists(one, min_size=1, max_size=most)


def _row(*lines: st.SearchStrategy[Line]) -> st.SearchStrategy[list[Line]]:
    return st.tuples(*lines).map(list)


def _anger() -> st.SearchStrategy[list[Line]]:
    """The same dead button, pressed in anger."""
    press: Line = {"type": "click", "dt": 250, "x": 9, "y": 9, "target": "button#dead"}
    return st.integers(3, 5).map(lambda n: [press] * n)


_parts = st.one_of(
    _rows(_view), _rows(_press(_target)), _rows(_input, 6), _row(_exit), _row(_exit, _move),
    _row(_exit, _wait), _row(_exit, _hide, _wait), _row(_hide, _wait), _row(_hide, _show),
    _row(_hide, _wait, _wait, _show), _rows(_wait, 2), _rows(_tick, 2), _row(_track), _anger(),
    _row(_submit, _view), _row(_submit), _row(_submit, _invalid), _rows(_noise, 2),
    _row(_input, _input, _input, _view), _row(_view, _wait, _view), _rows(_move, 3),
    _row(_press(_target), _view), _row(_view, _view, _move), _row(_input, _move, _wait, _view),
    _row(_press(_target), _view, _press(_target), _view),
)  # fmt: skip


@st.composite
def visits(draw: st.DrawFn) -> list[Line]:
    """Streams of a visit: a load begins another one; now and then an older one goes on."""
    first = draw(st.sampled_from(["/", "/cart", "/checkout", "/signup"]))
    lines: list[Line] = [
        {"type": "page_view", "dt": 0, "page": first, "nav": "load", "stream": "p0"}
    ]
    number = 0
    for part in draw(st.lists(_parts, max_size=9)):
        other = draw(st.sampled_from([None, None, None, None, 0]))
        for line in part:
            if line["type"] == "page_view" and line["nav"] == "load" and number < 5:
                number += draw(st.integers(0, 1))
            stream = number if other is None else other
            lines.append({**line, "stream": f"p{stream}"})
    return lines


_pace = st.sampled_from([20, 39, 40, 500, 3000, 9000, 14_999, 15_000, 20_000, 20_001, 31_000])
_move_on = _line("pointer_move", _pace, x=st.just(5), y=st.just(5))
_way = st.one_of(
    _row(_line("page_view", _pace, page=st.sampled_from(["/", "/shoes", "/cart", "/checkout"]),
               nav=st.sampled_from(["spa", "spa", "load", "back_forward"]))),
    _row(_press(st.sampled_from(["a#more", "a#basket", "button#dead", "button#pay"]))),
    _row(_line("input", _pace, target=_field, keys=st.just(9), deletes=st.just(0))),
    _row(_line("scroll", _pace, y=st.just(50), max_y=st.just(900))),
    _rows(_move_on, 3), _row(_track), _row(_press(st.just("button#pay")), _invalid), _anger(),
)  # fmt: skip
_last = st.one_of(_row(_hide, _wait, _wait), _row(_line("session_end", _pace)), _row(_exit, _wait))


@st.composite
def purchases(draw: st.DrawFn) -> list[Line]:
    """Ways into a purchase and away from it, which end."""
    stream = 0
    lines: list[Line] = [
        {"type": "page_view", "dt": 0, "page": "/cart", "nav": "load", "stream": "p0"}
    ]
    for part in [*draw(st.lists(_way, max_size=12)), draw(_last)]:
        for line in part:
            stream += line.get("nav") == "load"
            lines.append({**line, "stream": f"p{stream}"})
    return lines


@pytest.fixture(autouse=True, scope="module")
def _only_bursts_are_a_struggle() -> Iterator[None]:
    """Let no other emotion be felt than rage by bursts of presses, which has a twin as it is."""
    files = read_default()
    for emotion in ("rage", "confusion"):
        mute = {name: replace(f, weight=0) for name, f in files[emotion].features.items()}
        files[emotion] = replace(files[emotion], features=mute)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "Detector", partial(Detector, model=Model(files)))
        yield


def _twin(visit: list[Line], pointer: int, off: int | None) -> Visit:
    reference = Visit()
    t = T0
    for i, line in enumerate(visit):
        t += int(str(line["dt"]))
        what = {
            k: v for k, v in line.items() if k not in ("type", "dt", "stream") and v is not None
        }
        if "target" in what:
            what["flags"] = TARGETS[str(what["target"])]
        if line["type"] == "page_view":
            what["means"] = set(PAGES[str(what["page"])])
        if line["type"] == "track":
            what["means"] = set(TRACKS[str(what["name"])])
        if pointer:
            what["ptr"] = "touch"
        if line["type"] == "advance":
            reference.advance(t)
        else:
            reference.happen(str(line["stream"]), t, str(line["type"]), i, **what)
        reference.off |= i == off
    reference.advance(t + IDLE_MS)
    return reference


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(visits() | purchases(), st.sampled_from([0, 0, 0, 1]), st.none() | st.integers(0, 30))
def test_kernel_says_what_its_twin_says(visit: list[Line], pointer: int, off: int | None) -> None:
    reference = _twin(visit, pointer, off)
    told, scores = run(visit, TARGETS, "abandonment", pointer=pointer, off=off)
    for name, stream in reference.streams.items():
        assert [one[1:] for one in told if one.stream == name] == [
            (s.number, s.rev, s.confidence, s.trigger, s.t, s.evidence, s.target, s.terms)
            for s in stream.mood.said
        ]
    automated = any(stream.rage.automated for stream in reference.streams.values())
    peak = max(stream.mood.peak for stream in reference.streams.values())
    assert scores["abandonment"] == (0 if automated else peak)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(visits(), st.sets(st.integers(0, 100)), st.integers(0, 60))
def test_cuts_and_takeovers_change_no_verdict(
    visit: list[Line], cuts: set[int], restart: int
) -> None:
    whole = run(visit, TARGETS, "abandonment")
    assert run(visit, TARGETS, "abandonment", cuts=cuts) == whole
    assert run(visit, TARGETS, "abandonment", cuts=range(1000), restart=restart) == whole
