"""Visits for the kernel and its twin: presses, and what happens between and around them.

Chance alone hardly ever makes a burst, and hardly ever disturbs one. So bursts are drawn whole, and
what answers, ends or spoils them is drawn into them, at the gaps where the rules change their mind.
"""

from __future__ import annotations

from hypothesis import strategies as st

Line = dict[str, object]

TARGETS = {
    "button#buy": ["button"],
    "button#off": ["button", "disabled"],
    "button.plus": ["button", "stepper"],
    "a.more": ["link"],
    "div.card": [],
    "canvas": ["canvas"],
    "canvas#board": ["canvas", "button"],
    "app": ["unobserved"],
    "app#save": ["unobserved", "button"],
    "input#name": ["text_field"],
}

_target = st.sampled_from(list(TARGETS))
_gap = st.sampled_from([0, 20, 60, 90, 100, 150, 180, 200, 250, 300, 400, 600, 601, 900, 1000, 1300,
                        2500, 2600, 5100])  # fmt: skip
# How long after a press something happens, on both sides of each limit of the rules.
_soon = st.sampled_from([0, 20, 99, 100, 101, 299, 300, 301, 399, 400, 401, 600, 999, 1000, 1001,
                         1500, 2000, 2001, 2499, 2500, 2501, 3000])  # fmt: skip
# Behind the clock: up to 2 s is taken for now, more is dropped.
_late = st.sampled_from([-1, -300, -1999, -2000, -2001, -2300])
_x = st.sampled_from([100, 100, 103, 112, 125, 131, 160, 300, 99.5, 129.5, 130.4])


def _line(
    name: str, /, dt: st.SearchStrategy[int] = _gap, **fields: st.SearchStrategy[object]
) -> st.SearchStrategy[Line]:
    return st.fixed_dictionaries({"type": st.just(name), "dt": dt, **fields})


def press(
    target: st.SearchStrategy[str] = _target, dt: st.SearchStrategy[int] = _gap
) -> st.SearchStrategy[Line]:
    return _line(
        "click", dt, x=_x, y=_x, target=target,
        button=st.sampled_from([None, None, None, 0, 2]),
        detail=st.sampled_from([None, None, 1, 2, 0]),
        modifiers=st.sampled_from([None, None, None, 0, 4]),
    )  # fmt: skip


def event(target: st.SearchStrategy[str], dt: st.SearchStrategy[int]) -> st.SearchStrategy[Line]:
    """Anything but a press. `back` names a press by how many came after it."""
    typed = {"keys": st.just(3), "deletes": st.just(0)}
    return st.one_of(
        _line("reaction", dt, kind=st.sampled_from(["mutation", "selection", "network"])),
        _line("reaction", dt, kind=st.sampled_from(["mutation", "dialog", "network", "navigation"]),
              back=st.sampled_from([0, 0, 1, 1, 2, 3, 9, -1]),
              after=st.sampled_from([None, None, 5, 99, 1000, 1001, 2500, 2501])),
        _line("error", dt, source=st.just("x")),
        _line("error", dt, source=st.just("x")),
        _line("scroll", dt, y=st.just(5), max_y=st.just(900)),
        _line("select", dt, chars=st.sampled_from([0, 12])),
        _line("drag", dt, px=st.sampled_from([4, 10, 11])),
        _line("change", dt, target=target),
        _line("input", dt, target=target, **typed),
        _line("visibility", dt, state=st.sampled_from(["hidden", "visible"])),
        _line("submit", dt, target=target),
        _line("page_view", dt, page=st.just("/next"), nav=st.just("spa")),
        _line("pointer_move", dt, x=_x, y=_x),
        st.sampled_from(["copy", "reset", "session_end"]).flatmap(lambda name: _line(name, dt)),
    )  # fmt: skip


@st.composite
def _burst(draw: st.DrawFn) -> list[Line]:
    """The same press again and again, answered regularly, or disturbed here and there."""
    gap = draw(st.sampled_from([40, 90, 120, 180, 200, 250, 300, 400, 600, 900, 1300]))
    target = draw(_target)
    answered = draw(st.sampled_from([0, 0, 0, 1, 2]))
    disturbed = draw(st.sampled_from([(), (), (1,), (2,), (3,), (2, 3), (3, 4), (1, 2, 3, 4, 5)]))
    about = st.one_of(st.just(target), _target)
    lines: list[Line] = []
    for i in range(draw(st.integers(2, 14))):
        lines.append({"type": "click", "dt": gap, "x": draw(_x), "y": 100, "target": target})
        if answered and i % answered == 0:
            lines.append({"type": "reaction", "dt": draw(_gap), "kind": "mutation"})
        if i in disturbed:
            lines.append(draw(event(about, _soon)))
    if draw(st.booleans()):
        lines.append(draw(event(about, _soon)))
    return lines


@st.composite
def _insistence(draw: st.DrawFn) -> list[Line]:
    """Tried, waited, and pressed again, ever faster; each request that it sends may fail."""
    target = draw(st.sampled_from(["button#buy", "div.card", "div.card"]) | _target)
    paused = draw(st.lists(st.sampled_from([500, 601, 2600, 5000]), max_size=3))
    hurried = draw(st.sampled_from([150, 500, 600, 601, 1000, 1400, 1401]))
    x = draw(st.sampled_from([[100], [100, 103], [100, 250], [100, 251]]))
    gaps = [draw(st.sampled_from([0, 9999, 10001])), *paused]
    gaps += [hurried] * draw(st.integers(2, 5))
    fails = draw(st.booleans())
    lines: list[Line] = []
    for gap in gaps:
        lines.append(
            {"type": "click", "dt": gap, "x": draw(st.sampled_from(x)), "y": 100, "target": target}
        )
        if fails and draw(st.integers(0, 3)):
            dt, after = draw(st.sampled_from([0, 40])), draw(st.sampled_from([None, 40]))
            answer: Line = {"type": "reaction", "dt": dt, "kind": "network", "back": 0}
            lines.append(answer if after is None else answer | {"after": after})
            dt = draw(st.sampled_from([0, 100, 1960, 2001]))
            lines.append({"type": "error", "dt": dt, "source": "request:/api"})
    return lines


def unnumbered(lines: list[Line]) -> list[Line]:
    """Answer whatever is unanswered, where the press's number is not known yet."""
    return [{name: value for name, value in line.items() if name != "back"} for line in lines]


def _settle(parts: list[list[Line]]) -> list[Line]:
    """Name the answered presses as recordings do: by their number in the stream."""
    presses = 0
    visit: list[Line] = []
    for line in (line for part in parts for line in part):
        presses += line["type"] == "click"
        settled = dict(line)
        if "back" in settled:
            settled["of"] = max(1, presses - int(str(settled.pop("back"))))
        visit.append(settled)
    return visit


_parts = st.lists(
    st.one_of(
        _burst(),
        _burst(),
        _insistence(),
        st.lists(press(), max_size=6),
        st.lists(event(_target, _gap), max_size=2),
        st.lists(press(dt=_late) | event(_target, _late), min_size=1, max_size=1),
    ),
    max_size=8,
)
VISITS = _parts.map(_settle)
