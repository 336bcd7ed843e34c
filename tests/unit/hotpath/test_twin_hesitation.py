"""Hesitation and its twin say the same, however the visit is cut."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.hotpath.helpers.visits import IDLE_MS, T0, Line, run
from tests.unit.hotpath.twin_hesitation import Stream

TARGETS = {
    "button#buy": ["button", "cta"],
    "button#pay": ["button", "form", "checkout"],
    "div.plan": ["price"],
    "button#compare": ["button"],
    "a.more": ["link"],
    "tab#yearly": ["tab"],
    "button#off": ["button", "cta", "disabled"],
    "button.plus": ["button", "stepper"],
    "video": ["media", "button"],
    "div.card": [],
    "input#small": ["form"],
    "input#large": ["form"],
    "input#gift": ["button", "form"],
    "select#sort": [],
    "input#name": ["text_field", "form"],
    "input#mail": ["text_field", "form"],
    "input#q": ["text_field"],
}
DECISIONS = ["button#buy", "button#pay", "div.plan", "button#compare"]
OPTIONS = ["input#small", "input#large", "input#gift", "select#sort"]
FIELDS = ["input#name", "input#mail", "input#q"]

TRACKS = {"purchase": ["success"], "viewed": []}
_gap = st.sampled_from([0, 100, 599, 600, 900, 1000, 1499, 1500, 2000, 2500, 3000, 4000, 6000, 8000,
                        9000, 15_001])  # fmt: skip
_short = st.sampled_from([40, 200, 400, 700, 1000])
_any = st.sampled_from(list(TARGETS))
_decision = st.sampled_from([*DECISIONS, *DECISIONS, "a.more", "video", "button.plus"])
_option = st.sampled_from(OPTIONS)
_field = st.sampled_from(FIELDS)
_rest_ms = st.sampled_from([1400, 1999, 2000, 2499, 2500, 3500, 4499, 4500, 6000, 12_000, 12_001])


def _line(
    name: str, gap: st.SearchStrategy[int] = _gap, /, **fields: st.SearchStrategy[object]
) -> st.SearchStrategy[Line]:
    return st.fixed_dictionaries({"type": st.just(name), "dt": gap, **fields})


def _press(
    target: st.SearchStrategy[str], gap: st.SearchStrategy[int] = _gap
) -> st.SearchStrategy[Line]:
    return _line(
        "click", gap, x=st.just(300), y=st.just(200), target=target,
        button=st.sampled_from([None, None, None, None, 2]),
        detail=st.sampled_from([None, None, 1, 0]),
        modifiers=st.sampled_from([None, None, None, None, 4]),
    )  # fmt: skip


_move = _line(
    "pointer_move", st.sampled_from([20, 40, 80, 400, 900, 1900, 2001]),
    x=st.sampled_from([100, 102, 140, 300, 420]), y=st.sampled_from([100, 103, 180]),
)  # fmt: skip
_input = _line(
    "input", target=_field, keys=st.sampled_from([0, 3, 4, 5, 9]),
    deletes=st.sampled_from([0, 0, 1, 3, 5]), ms=st.sampled_from([None, 400, 600, 2000, 4500]),
    paste=st.sampled_from([None, None, None, True]),
)  # fmt: skip
_submit = _line("submit", target=st.just("input#name"))
_noise = st.one_of(
    _line("scroll", y=st.just(50), max_y=st.just(900)),
    _line("page_view", page=st.just("/next"), nav=st.sampled_from(["load", "spa"])),
    _line("visibility", state=st.sampled_from(["hidden", "visible"])),
    _line("pointer_exit", edge=st.just("left"), vx=st.just(-90), vy=st.just(0)),
    _line("hover", target=_any, ms=_rest_ms, open=st.sampled_from([True, None])),
    _line("tick"), _line("advance"), _line("reset"), _line("session_end"),
)  # fmt: skip


@st.composite
def _rest(draw: st.DrawFn) -> list[Line]:
    """The mouse rests on something: as a browser tells it, with or without what comes between."""
    target, ms = draw(_decision), draw(_rest_ms)
    told: Line = {"type": "hover", "dt": draw(_gap) + 1000, "target": target, "ms": 1000,
                  "open": True}  # fmt: skip
    over: Line = {"type": "hover", "dt": ms - 1000, "target": target, "ms": ms}
    between: Line | None = draw(st.one_of(
        st.none(), st.none(), _press(_decision, st.just(300)), _line("tick", st.just(300)),
        _line("focus", st.just(300), target=_field),
        _line("visibility", st.just(300), state=st.just("hidden")),
    ))  # fmt: skip
    if between is None:
        return [told, over]
    if draw(st.booleans()):
        return [told, between, {**over, "dt": ms - 1300}]
    return [between, {**told, "dt": 700}, over]


@st.composite
def _written(draw: st.DrawFn) -> list[Line]:
    """A field entered, written in, left."""
    target = draw(_field)
    burst: st.SearchStrategy[Line] = _input.map(lambda line: {**line, "target": target})
    ms = st.sampled_from([2999, 3000, 9000, 45_001])
    return [
        *draw(st.lists(_line("focus", target=st.just(target)), min_size=1, max_size=1)),
        *draw(st.lists(burst, max_size=4)),
        *draw(st.lists(st.one_of(
            _line("blur", target=st.just(target), filled=st.booleans(), ms=ms),
            _line("blur", target=st.just(target), ms=ms)), max_size=1)),
    ]  # fmt: skip


def _rows(one: st.SearchStrategy[Line], most: int) -> st.SearchStrategy[list[Line]]:
    return st.lists(one, min_size=1, max_size=most)


@st.composite
def _way(draw: st.DrawFn) -> list[Line]:
    return [*draw(_rows(_move, 8)), draw(_press(_decision, _short))]


_changes = st.lists(_line("change", st.sampled_from([599, 600, 1000, 4000, 20_000, 20_001]),
                          target=st.sampled_from(OPTIONS[:3])), min_size=1, max_size=6)  # fmt: skip
_sent = st.one_of(
    st.tuples(_submit).map(list), st.tuples(_press(_decision)).map(list),
    st.tuples(_line("advance")).map(list),
    st.tuples(_line("track", name=st.sampled_from(list(TRACKS)))).map(list),
)  # fmt: skip
_filled = st.tuples(
    st.lists(st.one_of(_written(), _changes), min_size=2, max_size=3), _sent
).map(lambda both: [line for part in (*both[0], both[1]) for line in part])  # fmt: skip
_cancel = _line("press_cancel", target=_any)
_VIEW: Line = {"type": "page_view", "dt": 0, "page": "/plans", "nav": "load"}
_visits = st.tuples(
    st.sampled_from([[_VIEW], [_VIEW, {"type": "scroll", "dt": 1600, "y": 1, "max_y": 900}], []]),
    st.lists(
        st.one_of(_rest(), _rest(), _written(), _changes, _filled, _way(), _rows(_input, 3),
                  _rows(_press(_any), 2), _rows(_cancel, 2), _rows(_noise, 2)),
        max_size=8,
    ),
).map(lambda parts: [*parts[0], *(line for part in parts[1] for line in part)])  # fmt: skip


def _twin(visit: list[Line], pointer: int) -> Stream:
    reference = Stream()
    t = T0
    for i, line in enumerate(visit):
        t += int(str(line["dt"]))
        what = {k: v for k, v in line.items() if k not in ("type", "dt") and v is not None}
        if "target" in what:
            what["flags"] = TARGETS[str(what["target"])]
        if line["type"] == "track":
            what["means"] = TRACKS[str(what["name"])]
        if pointer:
            what["ptr"] = "touch"
        if line["type"] == "advance":
            reference.advance(t)
        else:
            reference.happen(t, str(line["type"]), i, **what)
    reference.advance(t + IDLE_MS)
    return reference


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_visits, st.sampled_from([0, 0, 0, 1]))
def test_kernel_says_what_its_twin_says(visit: list[Line], pointer: int) -> None:
    reference = _twin(visit, pointer).mood
    told, scores = run(visit, TARGETS, "hesitation", pointer=pointer)
    assert [one[1:] for one in told] == [
        (s.number, s.rev, s.confidence, s.trigger, s.t, s.evidence, s.target, s.terms)
        for s in reference.said
    ]
    assert scores["hesitation"] == reference.peak


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_visits, st.sets(st.integers(0, 60)), st.integers(0, 40))
def test_cuts_and_takeovers_change_no_verdict(
    visit: list[Line], cuts: set[int], restart: int
) -> None:
    whole = run(visit, TARGETS, "hesitation")
    assert run(visit, TARGETS, "hesitation", cuts=cuts) == whole
    assert run(visit, TARGETS, "hesitation", cuts=range(1000), restart=restart) == whole
