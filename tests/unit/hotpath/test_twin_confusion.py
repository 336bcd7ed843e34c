"""Confusion and its twin say the same, over the streams of a visit, however it is cut."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.hotpath.helpers.visits import IDLE_MS, T0, Line, run
from tests.unit.hotpath.twin_confusion import Visit

TARGETS = {
    "button#buy": ["button"],
    "button#save": ["button", "form"],
    "button.hint": ["button"],
    "button.x": ["button", "close"],
    "button.plus": ["button", "stepper"],
    "a.more": ["link"],
    "a.home": ["link", "nav"],
    "div.card": [],
    "p.text": [],
    "canvas": ["canvas"],
    "app": ["unobserved"],
    "tab#one": ["tab"],
    "tab#two": ["tab"],
    "tab#three": ["tab"],
    "menu#file": ["button", "menu"],
    "menu#edit": ["menu"],
    "input#name": ["text_field", "form"],
    "input#mail": ["text_field", "form"],
    "input#phone": ["text_field"],
    "input#city": ["text_field"],
}
MENUS = ["tab#one", "tab#two", "tab#three", "menu#file", "menu#edit"]
FIELDS = ["input#name", "input#mail", "input#phone", "input#city"]
PAGES = ["/", "/a", "/b", "/search", "/search/more", "/thanks"]

_gap = st.sampled_from([0, 40, 200, 201, 700, 1000, 1500, 2999, 3000, 4000, 4001, 5000, 5001, 7000,
                        9999, 10_000, 14_000, 31_000])  # fmt: skip
_quick = st.sampled_from([0, 100, 400, 900, 1000, 1100, 2000, 2500, 3300])
_target = st.sampled_from(list(TARGETS))
_place = st.sampled_from([100, 100, 107, 112, 131, 300])


def _line(
    name: str, gap: st.SearchStrategy[int] = _gap, /, **fields: st.SearchStrategy[object]
) -> st.SearchStrategy[Line]:
    return st.fixed_dictionaries({"type": st.just(name), "dt": gap, **fields})


def _press(
    target: st.SearchStrategy[str], gap: st.SearchStrategy[int] = _quick
) -> st.SearchStrategy[Line]:
    return _line(
        "click", gap, x=_place, y=_place, target=target,
        button=st.sampled_from([None, None, None, 0, 2]),
        detail=st.sampled_from([None, None, 1, 2, 0]),
        modifiers=st.sampled_from([None, None, None, None, 4]),
    )  # fmt: skip


def _rows(one: st.SearchStrategy[Line], most: int = 8) -> st.SearchStrategy[list[Line]]:
    return st.lists(one, min_size=1, max_size=most)


_input = _line("input", _quick, target=st.sampled_from(FIELDS), keys=st.just(5), deletes=st.just(0),
               ms=st.just(900))  # fmt: skip
_view = _line("page_view", page=st.sampled_from(PAGES[:4]), vh=st.sampled_from([None, 400, 900]),
              nav=st.sampled_from(["load", "spa", "spa", "back_forward", "reload"]))  # fmt: skip
_scroll = _line("scroll", _quick, y=st.sampled_from([0, 90, 100, 200, 225, 500, 900, 1500]),
                max_y=st.sampled_from([3000, 3000, 3000, 650]))  # fmt: skip
_hover = _line("hover", _quick, target=_target, ms=st.sampled_from([1000, 1400, 900]),
               open=st.sampled_from([None, True]))  # fmt: skip
_invalid = _line("invalid", st.sampled_from([0, 50, 300]), target=st.sampled_from(FIELDS[:3]))
_stray = _line("click", st.sampled_from([900, 999, 1000, 2500]), y=st.just(100), detail=st.just(1),
               x=st.sampled_from([100, 107, 109, 131]),
               target=st.sampled_from(["p.text", "div.card"]))  # fmt: skip
_noise = st.one_of(
    _line("reaction", _quick, kind=st.sampled_from(["mutation", "selection", "network", "dialog"]),
          of=st.sampled_from([None, None, 1, 2, 3, 4, 7]),
          after=st.sampled_from([None, 5, 800, 1500])),
    _line("select", chars=st.sampled_from([0, 12])),
    _line("drag", px=st.sampled_from([4, 40])),
    _line("copy"),
    _line("change", target=_target),
    _line("resize", vw=st.just(900), vh=st.sampled_from([0, 360, 800])),
    _line("track", name=st.sampled_from(["purchase", "hello"])),
    _line("page_view", page=st.just("/thanks"), nav=st.just("load")),
    _line("reset"),
    _line("advance"),
    _line("error", source=st.just("x")),
)  # fmt: skip


@st.composite
def _attempt(draw: st.DrawFn) -> list[Line]:
    sent = st.one_of(_press(st.just("button#save")), _line("submit", target=st.just("form")))
    return [draw(sent), *draw(_rows(_invalid, 3))]


@st.composite
def _search(draw: st.DrawFn) -> list[Line]:
    page = draw(st.sampled_from(["/search", "/search/more", ""]))
    lines: list[Line] = [
        draw(_input),
        {"type": "submit", "dt": draw(_quick), "target": "input#name"},
    ]
    if page:
        nav = draw(st.sampled_from(["load", "load", "spa"]))
        lines.append({"type": "page_view", "dt": draw(_quick), "page": page, "nav": nav})
    return lines


@st.composite
def _back_and_forth(draw: st.DrawFn) -> list[Line]:
    nav = draw(st.sampled_from(["load", "spa", "back_forward"]))
    there, here = draw(st.permutations(PAGES[:5]))[:2]
    by_navigation = draw(st.booleans())
    lines: list[Line] = []
    for i in range(draw(st.integers(2, 7))):
        dt = draw(st.sampled_from([900, 2000, 4000, 7000, 11_000, 19_000]))
        if by_navigation and i % 2 == 0:
            lines.append(draw(_press(st.just("a.home"))))
        if draw(st.sampled_from([0, 0, 0, 1])):
            lines.append(draw(_press(_target)))
        lines.append({"type": "page_view", "dt": dt, "page": (there, here)[i % 2], "nav": nav})
    return lines


@st.composite
def _hunt(draw: st.DrawFn) -> list[Line]:
    """Up and down, now and then with a press between."""
    lines: list[Line] = []
    for i in range(draw(st.integers(4, 14))):
        y = 500 * (i % 2)
        lines.append({"type": "scroll", "dt": draw(_quick), "y": y, "max_y": 3000})
        if draw(st.integers(0, 9)) == 0:
            lines.append(draw(_press(st.sampled_from(["button#buy", "p.text"]))))
    return lines


@st.composite
def _shown(draw: st.DrawFn) -> list[Line]:
    """Refused again and again, and each time the browser or the visitor enters the field."""
    lines: list[Line] = []
    for i in range(draw(st.integers(2, 7))):
        target = FIELDS[i % 2]
        lines.append({"type": "submit", "dt": 1500, "target": "form"})
        lines.append({"type": "invalid", "dt": 50, "target": target})
        dt = draw(st.sampled_from([0, 100, 200, 201]))
        lines.append({"type": "focus", "dt": dt, "target": target})
    return lines


@st.composite
def _menu_and_hint(draw: st.DrawFn) -> list[Line]:
    """One menu or hint opened and shut, now and then with something between."""
    target = draw(st.sampled_from(["menu#file", "menu#edit", "button.hint", "tab#one"]))
    lines: list[Line] = []
    for _ in range(draw(st.integers(2, 7))):
        lines.append(draw(_press(st.just(target), st.sampled_from([300, 401, 900, 1100, 3900]))))
        if target == "button.hint" and draw(st.sampled_from([1, 1, 1, 0])):
            lines.append({"type": "reaction", "dt": 50, "kind": "dialog", "of": None, "after": 50})
        if draw(st.integers(0, 7)) == 0:
            lines.append(draw(st.one_of(_hover, _press(_target))))
    return lines


@st.composite
def _look(draw: st.DrawFn) -> list[Line]:
    """From field to field, now and then writing."""
    lines: list[Line] = []
    for i in range(draw(st.integers(3, 9))):
        dt = draw(st.sampled_from([499, 500, 900, 2000, 4000, 4001]))
        lines.append({"type": "focus", "dt": dt, "target": FIELDS[i % 4]})
        if draw(st.integers(0, 5)) == 0:
            lines.append(draw(_input))
    return lines


@st.composite
def _shake(draw: st.DrawFn) -> list[Line]:
    width = draw(st.sampled_from([20, 60, 160]))
    return [
        {"type": "pointer_move", "dt": 50, "x": 400 + width * (i % 2), "y": 300}
        for i in range(draw(st.integers(3, 60)))
    ]


_parts = st.one_of(
    _rows(_press(_target)), _rows(_press(st.sampled_from(MENUS))), _rows(_scroll, 14),
    _rows(_stray), _hunt(), _shown(), _menu_and_hint(), _look(),
    _rows(_hover), _rows(_view), _rows(_noise, 2), _rows(_input, 2), _shake(), _back_and_forth(),
    _rows(_line("focus", _quick, target=st.sampled_from(FIELDS)), 12),
    st.lists(_attempt(), max_size=4).map(lambda rows: [line for row in rows for line in row]),
    st.lists(_search(), max_size=7).map(lambda rows: [line for row in rows for line in row]),
)  # fmt: skip


@st.composite
def visits(draw: st.DrawFn) -> list[Line]:
    """Streams of a visit: a load begins another one; now and then an older one goes on."""
    lines: list[Line] = [{"type": "page_view", "dt": 0, "page": "/", "nav": "load", "stream": "p0"}]
    number = 0
    for part in draw(st.lists(_parts, max_size=8)):
        other = draw(st.sampled_from([None, None, None, None, 0]))
        for line in part:
            if line["type"] == "page_view" and line["nav"] == "load":
                number += 1
            stream = number if other is None or line["type"] == "page_view" else other
            lines.append({**line, "stream": f"p{stream}"})
    return lines


def _twin(visit: list[Line], pointer: int) -> Visit:
    reference = Visit()
    t = T0
    for i, line in enumerate(visit):
        t += int(str(line["dt"]))
        what = {
            k: v for k, v in line.items() if k not in ("type", "dt", "stream") and v is not None
        }
        if "target" in what:
            what["flags"] = TARGETS.get(str(what["target"]), [])
            if what["target"] not in TARGETS:
                what["target"] = ""
        if pointer:
            what["ptr"] = "touch"
        if line["type"] == "advance":
            reference.advance(t)
        else:
            reference.happen(str(line["stream"]), t, str(line["type"]), i, **what)
    reference.advance(t + IDLE_MS)
    return reference


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(visits(), st.sampled_from([0, 0, 0, 1]))
def test_kernel_says_what_its_twin_says(visit: list[Line], pointer: int) -> None:
    reference = _twin(visit, pointer)
    told, scores = run(visit, TARGETS, "confusion", pointer=pointer)
    for name, stream in reference.streams.items():
        assert [one[1:] for one in told if one.stream == name] == [
            (s.number, s.rev, s.confidence, s.trigger, s.t, s.evidence, s.target, s.terms)
            for s in stream.mood.said
        ]
    automated = any(stream.rage.automated for stream in reference.streams.values())
    peak = max(stream.mood.peak for stream in reference.streams.values())
    assert scores["confusion"] == (0 if automated else peak)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(visits(), st.sets(st.integers(0, 100)), st.integers(0, 60))
def test_cuts_and_takeovers_change_no_verdict(
    visit: list[Line], cuts: set[int], restart: int
) -> None:
    whole = run(visit, TARGETS, "confusion")
    assert run(visit, TARGETS, "confusion", cuts=cuts) == whole
    assert run(visit, TARGETS, "confusion", cuts=range(1000), restart=restart) == whole
