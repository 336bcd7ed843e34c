"""Whether the worker is short of room: then pages' least telling events are left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from hotpath.events import EventKind

SHEDDABLE: Final = frozenset(
    int(kind) for kind in (EventKind.POINTER_MOVE, EventKind.SCROLL, EventKind.HOVER)
)
"""What says least by itself and comes most. Presses and their answers, submits, exits, forms, and
whatever a page says of itself are never left out before the session itself is refused."""


@dataclass(slots=True)
class Pressure:
    """Set by the log's writer, looked at by sessions."""

    high: bool = False
    """More than half of the room for what the log has not yet is in use."""


def lightened(events: list[list[Any]]) -> tuple[list[list[Any]], int]:
    """A frame without what says least, and how much that was; its time goes to the next event.

    A frame that is not well-formed stays as it is, to be refused.
    """
    kept: list[list[Any]] = []
    carried: float = 0
    shed = 0
    for event in events:
        if len(event) < 2 or not all(isinstance(item, int | float) for item in event[:2]):
            return events, 0
        if event[0] in SHEDDABLE:
            carried += event[1]
            shed += 1
            continue
        kept.append([event[0], event[1] + carried, *event[2:]] if carried else event)
        carried = 0
    return kept, shed
