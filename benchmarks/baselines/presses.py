"""Presses as the rules of others see them, read from lines of a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SELECTED_MS: Final = 700
"""A `select` line this soon after a press belongs to it: the SDK waits 300 ms with it."""
DOUBLE_MS: Final = 500
UNLIKE_MUTATIONS: Final = frozenset({"focus", "submit", "scroll"})
"""Answers that change nothing in the document. A request does: its outcome shows."""


@dataclass
class Press:
    """One press."""

    t: int
    x: float
    y: float
    page_y: float
    """With the scroll position, for rules that count in page coordinates."""
    stream: str
    target: str
    flags: frozenset[str]
    mutated_ms: float = float("inf")
    """Time until the document changed."""
    selected: bool = False
    """It changed the selection."""
    scrolled: bool = False
    """A scroll came before the next press."""
    interrupted: bool = False
    """Something other than a press was done since the press before."""


DEEDS: Final = frozenset({"scroll", "input", "change", "submit", "focus", "blur", "copy", "drag"})
"""What a visitor does that ends a run of equal actions for rules that count those."""


def presses_of(lines: Iterable[Mapping[str, object]]) -> list[Press]:
    """Return the primary presses of one session, in order."""
    presses: list[Press] = []
    by_index: dict[tuple[str, int], Press] = {}
    counts: dict[str, int] = {}
    scroll: dict[str, float] = {}
    deed = False
    for line in lines:
        kind = line["type"]
        t = int(cast("float", line["t"]))
        stream = str(line.get("stream", "1"))
        last = presses[-1] if presses else None
        if kind == "click":
            counts[stream] = counts.get(stream, 0) + 1
            if line.get("button") or line.get("modifiers"):
                continue
            press = _press(line, t, stream, scroll.get(stream, 0.0))
            press.interrupted, deed = deed, False
            if last is not None and "text_field" in press.flags:
                # A second click in a field selects a word: browsers do that, and scripts see it.
                press.selected = press.target == last.target and t - last.t < DOUBLE_MS
            presses.append(press)
            by_index[stream, counts[stream]] = press
        elif kind == "reaction":
            _answer(line, t, stream, presses, by_index)
        elif kind == "scroll":
            scroll[stream] = float(cast("float", line["y"]))
            if last is not None:
                last.scrolled = True
        elif kind == "page_view":
            scroll[stream] = 0.0
        elif kind == "select" and last is not None and t - last.t <= SELECTED_MS:
            last.selected = True
        deed = deed or kind in DEEDS
    return presses


def _press(line: Mapping[str, object], t: int, stream: str, scroll: float) -> Press:
    x, y = float(cast("float", line["x"])), float(cast("float", line["y"]))
    flags = frozenset(cast("list[str]", line.get("flags", [])))
    return Press(t, x, y, y + scroll, stream, str(line["target"]), flags)


def _answer(
    line: Mapping[str, object], t: int, stream: str, presses: list[Press],
    by_index: dict[tuple[str, int], Press],
) -> None:  # fmt: skip
    """Note an answer at its press; one that names none answers the open ones of its stream."""
    kind = str(line["kind"])
    of = line.get("of")
    if of is not None:
        named = by_index.get((stream, int(cast("float", of))))
        answered = [named] if named is not None else []
    else:
        answered = [p for p in presses[-20:] if p.stream == stream and p.mutated_ms == float("inf")]
    for press in answered:
        if kind == "selection":
            press.selected = True
        if kind == "scroll":
            press.scrolled = True
        if kind not in UNLIKE_MUTATIONS:
            press.mutated_ms = min(
                press.mutated_ms, float(cast("float", line.get("after", t - press.t)))
            )
