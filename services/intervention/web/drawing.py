"""The line of what happened: the visitor's events as ticks, then what was done about it as dots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sentientiq.detection.v1 import emotion_pb2

from services.intervention.escalation.evidence import Seen

Kind = Literal["felt", "helped", "told", "acted"]
WIDTH, HEIGHT = 340, 66
_LEFT, _RIGHT = 12, WIDTH - 12
_MOST_TICKS = 40
_MOST_DOTS = 10
_APART = 16.0
"""Dots nearer than this would cover one another."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened."""

    at_ms: int
    kind: Kind
    text: str

    @property
    def at(self) -> str:
        """For a <time>."""
        return datetime.fromtimestamp(self.at_ms / 1000, UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on the drawing."""

    x: float
    kind: str
    height: float = 0.0


@dataclass(frozen=True, slots=True)
class Drawing:
    """The line with its marks; `alt` says the same."""

    ticks: list[Mark]
    """What the visitor did, up to the moment it tipped."""
    dots: list[Mark]
    felt_x: float
    label: str
    """How many events in how long; empty where nobody could say."""
    alt: str


def draw(
    emotion: emotion_pb2.Emotion, evidence: Sequence[Seen], moments: Sequence[Moment]
) -> Drawing:
    """Draw a thread. What is known by its order only is evenly spaced."""
    first, *others = sorted(moments, key=lambda one: one.kind != "felt")
    tail = sorted(others, key=lambda one: one.at_ms)[-_MOST_DOTS:]
    felt_x = round(_RIGHT - 6 - len(tail) * _APART, 1)
    count, room = len(evidence or emotion.evidence), felt_x - _LEFT - 14
    label, what = "", f"{count} events led to it, in order"
    if evidence:
        began_ms, took_ms = evidence[0].at_ms, evidence[-1].at_ms - evidence[0].at_ms
        ticks = [
            Mark(
                round(_LEFT + room * (one.at_ms - began_ms) / max(took_ms, 1), 1),
                "press" if one.press else "event",
                24.0 if one.press else 12.0,
            )
            for one in evidence[-_MOST_TICKS:]
        ]
        noun = "presses" if all(one.press for one in evidence) else "events"
        label = f"{count} {noun} in {took_ms / 1000:.1f} s" if count > 1 else ""
        what = f"{label or '1 event'} led to it"
    else:
        shown = min(count, _MOST_TICKS)
        ticks = [
            Mark(round(_LEFT + room * place / max(shown - 1, 1), 1), "event", 18.0)
            for place in range(shown)
        ]
    said = "; ".join(one.text for one in (first, *tail))
    return Drawing(
        ticks,
        [Mark(round(felt_x + 20 + _APART * place, 1), one.kind) for place, one in enumerate(tail)],
        felt_x,
        label,
        f"{what}. Then: {said}." if count else f"{said}.",
    )
