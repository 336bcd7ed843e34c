"""The rules of anger beside bursts of presses once more, slow and obvious; bursts are twin.py's.

- key_mashing: 12 keys or more in one burst, more than 15 but at most 60 a second, nothing pasted,
  not in a game.
- refused_submits: from the third attempt within 20 s on that is refused because of the same field,
  with at most two keys between any two of them. More is an attempt to mend and takes all back. An
  attempt is a control pressed or a submit, refused within 5 s; its first refusal counts.
- error_presses: from the third press within 15 s on that an error follows within 2 s; the newest
  press is blamed, once. Half if it was answered or cannot be; nothing if it is made to be pressed
  again and again and was answered. What failed was not answered.
- raged_cursor: the cursor is shaken; once in 5 s.

Success takes everything back. Within 5 s after the newest press of a burst that was told nothing is
judged: it has been said. Episodes are numbered together with those of bursts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from tests.unit.hotpath.helpers.cursor_twin import CursorTwin
from tests.unit.hotpath.helpers.mood_twin import MoodTwin
from tests.unit.hotpath.twin import ACTIONABLE, REPEATED_BY_DESIGN, Twin


@dataclass
class AngryTwin(Twin):
    """One stream."""

    mood: MoodTwin = field(default_factory=lambda: MoodTwin("rage"))
    cursor: CursorTwin = field(default_factory=CursorTwin)
    tried: float = -math.inf
    refused: str = ""
    keys: int = 0

    def __post_init__(self) -> None:
        self.mood.numbers = self.numbers

    def happen(self, t: int, kind: str, ref: tuple[int, int], /, **what: Any) -> None:
        late = self.clock is not None and self.clock - t > 2000
        super().happen(t, kind, ref, **what)
        if late:
            return
        t = max(t, self.clock or 0)
        self.cursor.begin(t)
        target, flags, line = str(what.get("target", "")), set[str](what.get("flags", ())), ref[1]
        if kind == "click":
            plain = not what.get("button") and not what.get("modifiers") and what.get("detail") != 0
            if plain and flags & ACTIONABLE and "text_field" not in flags:
                self.tried = t
            if plain:
                self.cursor.put(what["x"], what["y"])
        elif kind == "pointer_move":
            if self.cursor.shaken(t, what["x"], what["y"]) and what.get("ptr") != "touch":
                if not self.mood.recent("raged_cursor", t, 5000):
                    self.mood.mark("raged_cursor", t, line)
                self.feel(t, "raged_cursor")
        elif kind == "input":
            self.write(t, line, target, flags, what)
        elif kind == "submit":
            self.tried = t
        elif kind == "invalid" and t - self.tried <= 5000:
            self.tried = -math.inf
            if target != self.refused or self.keys > 2:
                self.mood.forget("refused_submits")
            self.refused, self.keys = target, 0
            self.step(t, line, "refused_submits", 20_000, target)
        elif kind == "error":
            self.fail(t, line)
        elif kind == "page_view" or kind in ("session_end", "reset", "track"):
            ended = kind in ("session_end", "reset")
            success = "thanks" in what.get("page", "") or "purchase" in what.get("name", "")
            if (ended or success) and self.mood.marks:
                self.mood.forget()
                self.feel(t, "raged_cursor")
            if ended or success or kind == "page_view":
                self.tried, self.refused = -math.inf, ""

    def feel(self, t: int, trigger: str, target: str = "") -> None:
        told = self.episode is not None and t - self.episode.last_press <= 5000
        if not told and not self.automated:
            self.mood.judge(t, trigger, target)

    def step(
        self, t: int, line: int, feature: str, within: int, target: str = "", strength: int = 100
    ) -> None:
        """The first two are worth nothing by themselves."""
        third = len(self.mood.recent(feature, t, within)) >= 2
        self.mood.mark(feature, t, line, strength if third else 0)
        if third:
            self.feel(t, feature, target)

    def write(self, t: int, line: int, target: str, flags: set[str], what: dict[str, Any]) -> None:
        keys, ms = what["keys"], what.get("ms")
        # Deleting and pasting are edits too.
        self.keys += 100 if what.get("paste") else max(1, keys)
        if what.get("paste") or ms is None or "game" in flags or keys < 12:
            return
        if 15 * ms < 1000 * keys <= 60 * ms:
            self.mood.mark("key_mashing", t, line)
            self.feel(t, "key_mashing", target)

    def fail(self, t: int, line: int) -> None:
        if not self.presses:
            return
        press = self.presses[-1]
        answered = press.latency is not None and not press.failed
        works = answered and press.flags & REPEATED_BY_DESIGN
        blamed = any(m.t >= press.t for m in self.mood.marks if m.feature == "error_presses")
        if t - press.t > 2000 or works or blamed:
            return
        proof = not answered and press.observable
        self.step(t, line, "error_presses", 15_000, strength=100 if proof else 50)

    def told(self) -> list[tuple[object, ...]]:
        """What it has said, bursts and the rest, by episode."""
        bursts: list[tuple[object, ...]] = [
            (
                s.episode, s.rev, s.confidence, s.trigger, s.t, [line for _, line in s.evidence],
                s.target, {k: round(v, 6) for k, v in s.terms.items()},
            )
            for s in self.said
        ]  # fmt: skip
        others: list[tuple[object, ...]] = [
            (s.number, s.rev, s.confidence, s.trigger, s.t, s.evidence, s.target, s.terms)
            for s in self.mood.said
        ]
        return sorted(bursts + others, key=lambda said: said[:2])
