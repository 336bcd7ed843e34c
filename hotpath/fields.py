"""The one field table: what each event carries, in wire order, and in which column.

It drives the recording format (`recording`), the wire arrays and the columns (`columns`), and the
JSON schema of a recording line. docs/contracts.md is the same table for people;
tests/contract/test_event_codes.py proves that they agree.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from hotpath.events import EventKind, FieldKind

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_STRING: Final = 512
"""Most characters of a string."""
MAX_PROPS: Final = 2048
"""Most characters of `props` as JSON."""
MAX_DT_MS: Final = 24 * 3600 * 1000
"""Most milliseconds between two events of a batch: a session lasts 24 h at most."""


class Column(IntEnum):
    """Optional sections of a batch, in the order in which they are stored."""

    TARGET = 0
    TEXT = 1
    TEXT2 = 2
    A = 3
    B = 4
    C = 5
    D = 6
    E = 7


class Field(NamedTuple):
    """One field of an event; its position in the tuple is its position on the wire."""

    name: str
    kind: FieldKind
    column: Column
    optional: bool = False
    names: tuple[str, ...] = ()


def _number(name: str, column: Column, *, optional: bool = False) -> Field:
    return Field(name, FieldKind.NUMBER, column, optional)


def _count(name: str, column: Column, *, optional: bool = False) -> Field:
    return Field(name, FieldKind.COUNT, column, optional)


def _choice(name: str, column: Column, *names: str) -> Field:
    return Field(name, FieldKind.CHOICE, column, False, names)


def _flag(name: str, column: Column, *, optional: bool = False) -> Field:
    return Field(name, FieldKind.FLAG, column, optional)


def _text(name: str, column: Column, *, optional: bool = False) -> Field:
    return Field(name, FieldKind.TEXT, column, optional)


_TARGET = Field("target", FieldKind.TARGET, Column.TARGET)
_A, _B, _C, _D, _E = Column.A, Column.B, Column.C, Column.D, Column.E
_MODIFIERS = ("shift", "ctrl", "alt", "meta")
_REACTIONS = (
    "mutation",
    "navigation",
    "scroll",
    "selection",
    "focus",
    "submit",
    "network",
    "dialog",
    "media",
    "state",
)

EVENTS: Final[Mapping[EventKind, tuple[Field, ...]]] = {
    EventKind.PAGE_VIEW: (
        _text("page", Column.TEXT),
        _choice("nav", _A, "load", "spa", "back_forward", "reload"),
        _text("referrer", Column.TEXT2, optional=True),
        _count("vw", _B, optional=True),
        _count("vh", _C, optional=True),
        _count("height", _D, optional=True),
    ),
    EventKind.POINTER_MOVE: (_number("x", _A), _number("y", _B)),
    EventKind.CLICK: (
        _number("x", _A),
        _number("y", _B),
        _TARGET,
        _count("button", _C, optional=True),
        _count("detail", _D, optional=True),
        Field("modifiers", FieldKind.BITS, _E, True, _MODIFIERS),
    ),
    EventKind.REACTION: (
        _choice("kind", _A, *_REACTIONS),
        _count("of", _B, optional=True),
        _count("after", _C, optional=True),
    ),
    EventKind.SCROLL: (_number("y", _A), _number("max_y", _B)),
    EventKind.HOVER: (_TARGET, _count("ms", _A), _flag("open", _B, optional=True)),
    EventKind.FOCUS: (_TARGET,),
    EventKind.BLUR: (_TARGET, _flag("filled", _A, optional=True), _count("ms", _B)),
    EventKind.INPUT: (
        _TARGET,
        _count("keys", _A),
        _count("deletes", _B),
        _count("ms", _C, optional=True),
        _flag("paste", _D, optional=True),
    ),
    EventKind.CHANGE: (_TARGET,),
    EventKind.SUBMIT: (_TARGET,),
    EventKind.INVALID: (_TARGET, _text("reason", Column.TEXT, optional=True)),
    EventKind.ERROR: (_text("source", Column.TEXT),),
    EventKind.SELECT: (_count("chars", _A),),
    EventKind.COPY: (),
    EventKind.DRAG: (_count("px", _A),),
    EventKind.PRESS_CANCEL: (_TARGET,),
    EventKind.VISIBILITY: (_choice("state", _A, "hidden", "visible"),),
    EventKind.POINTER_EXIT: (
        _choice("edge", _A, "top", "left", "right", "bottom"),
        _number("vx", _B),
        _number("vy", _C),
    ),
    EventKind.RESIZE: (_count("vw", _A), _count("vh", _B)),
    EventKind.TRACK: (
        _text("name", Column.TEXT),
        Field("props", FieldKind.PROPS, Column.TEXT2, True),
    ),
    EventKind.IDENTIFY: (_text("user_id", Column.TEXT, optional=True),),
    EventKind.CONSENT: (_flag("analytics", _A), _flag("interventions", _B)),
    EventKind.RESET: (),
    EventKind.SESSION_END: (),
    EventKind.TICK: (),
}

LOG_ONLY: Final = frozenset({EventKind.TICK})
"""Written by the edge itself; a recording cannot hold them."""
NOT_FROM_CLIENTS: Final = LOG_ONLY | {
    EventKind.IDENTIFY,
    EventKind.CONSENT,
    EventKind.RESET,
    EventKind.SESSION_END,
}
"""Messages of their own, or the edge's word; never accepted inside a client's `events` frame."""
POINTERS: Final = ("mouse", "touch", "pen")
"""Values of `ptr`; the position is the number in BehaviorBatch.pointer."""
