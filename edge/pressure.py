"""Whether the worker is short of room: then pages' least telling events are left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

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
