"""What the browser and the SDK make of it: lines of a recording, sampled as sdk/js does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator

    from benchmarks.visitors.motion import Path
    from benchmarks.visitors.site import Element

Line = dict[str, object]
MOVE_MS: Final = 40
DWELL_MS: Final = 1000
OPEN_MS: Final = 2500
"""Answers that come later are not reported."""
DOUBLE_MS: Final = 500


class Tab:
    """One tab. Time is the visitor's own, in ms; nothing here decides anything."""

    def __init__(
        self,
        rng: Generator,
        session: str,
        t0: float,
        ptr: str,
        vw: int,
        vh: int,
    ) -> None:
        self.rng = rng
        self.session = session
        self.now = t0
        self.ptr = ptr
        self.vw, self.vh = vw, vh
        self.lines: list[tuple[int, int, Line]] = []
        self.stream = 0
        self.presses = 0
        self.scroll = 0.0
        self.at = (float(rng.uniform(0.1, 0.9)) * vw, float(rng.uniform(0.1, 0.9)) * vh)
        self._moved: tuple[float, int, int] = (-1e9, -1, -1)
        self._hover: tuple[Element, float] | None = None
        self._last_press: tuple[str, float, int] = ("", -1e9, 0)

    def emit(self, what: str, at: float | None = None, /, **fields: object) -> None:
        """Record an event, now or at `at`."""
        t = round(self.now if at is None else at)
        line: Line = {"session": self.session, "stream": f"p{self.stream}", "t": t, "type": what}
        if self.ptr != "mouse":
            line["ptr"] = self.ptr
        line.update((name, value) for name, value in fields.items() if value is not None)
        self.lines.append((t, len(self.lines), line))

    def view(
        self, path: str, nav: str, height: float, referrer: str | None, *, fresh: bool
    ) -> None:
        """Show a page; a fresh document begins a stream and forgets what was under way."""
        self.leave()
        if fresh:
            self.lines = [entry for entry in self.lines if entry[0] <= self.now]
            self.stream += 1
            self.presses = 0
        self.scroll = 0.0
        self.emit(
            "page_view",
            page=path,
            nav=nav,
            referrer=referrer,
            vw=self.vw,
            vh=self.vh,
            height=round(height),
        )

    def trace(self, path: Path) -> None:
        """Let the pointer follow a path; keep what a throttled `pointermove` would."""
        start = self.now
        x, y = np.rint(path.x), np.rint(path.y)
        changed = np.flatnonzero(
            np.diff(x, prepend=self.at[0]) + 1j * np.diff(y, prepend=self.at[1])
        )
        # Frames are late now and then, and the event is stamped when it is handled.
        late = self.rng.random(len(path.t)) < 0.05
        t = start + path.t + np.where(late, self.rng.uniform(2, 18, len(path.t)), 0.0)
        last_t, last_x, last_y = self._moved
        for i in changed:
            if t[i] - last_t < MOVE_MS or (x[i] == last_x and y[i] == last_y):
                continue
            last_t, last_x, last_y = float(t[i]), int(x[i]), int(y[i])
            self.emit("pointer_move", last_t, x=last_x, y=last_y)
        self._moved = (last_t, last_x, last_y)
        self.now = start + float(path.t[-1])
        self.at = (float(path.x[-1]), float(path.y[-1]))

    def enter(self, element: Element) -> None:
        """The pointer rests on something that can be acted on."""
        if self.ptr != "mouse" or (self._hover and self._hover[0] is element):
            return
        self.leave()
        self._hover = (element, self.now)

    def leave(self) -> None:
        """The pointer goes elsewhere, or what was under it has gone."""
        if self._hover is None:
            return
        element, since = self._hover
        self._hover = None
        if self.now - since >= DWELL_MS:
            flags = list(element.flags)
            self.emit(
                "hover",
                since + DWELL_MS,
                target=element.target,
                flags=flags,
                ms=DWELL_MS,
                open=True,
            )
            self.emit("hover", target=element.target, flags=flags, ms=round(self.now - since))

    def press(self, element: Element, x: float, y: float, held_ms: float) -> float | None:
        """Press something; return the ms until its answer, or None. Ends with the release."""
        down = self.now
        self.now += held_ms
        last_target, last_t, last_detail = self._last_press
        again = last_target == element.target and self.now - last_t < DOUBLE_MS
        detail = last_detail + 1 if again else 1
        self._last_press = (element.target, self.now, detail)
        self.presses += 1
        index = self.presses
        self.emit(
            "click",
            x=round(x),
            y=round(y),
            target=element.target,
            flags=list(element.flags),
            button=0,
            detail=detail,
        )
        answer = element.answer
        if not answer.kind or "unobserved" in element.flags:
            return None
        after = answer.median_ms * float(np.exp(answer.spread * self.rng.standard_normal()))
        if after < OPEN_MS:
            self.emit(
                "reaction",
                max(self.now, down + after),
                kind=answer.kind,
                of=index,
                after=round(after),
            )
        if answer.fails:
            failed = down + after + float(self.rng.uniform(80, 500))
            self.emit("error", failed, source="request:/api/" + element.target.split("#")[-1][:20])
        return after

    def recording(self) -> list[Line]:
        """Return the lines in order of time."""
        return [line for _, _, line in sorted(self.lines, key=lambda entry: entry[:2])]
