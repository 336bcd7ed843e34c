# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Codes of events, reactions and target flags; the numbers stand in events.pxd."""

from enum import IntEnum

class EventKind(IntEnum):
    """Code of an event on the wire and in columns."""

    PAGE_VIEW = 1
    POINTER_MOVE = 2
    CLICK = 3
    REACTION = 4
    SCROLL = 5
    HOVER = 6
    FOCUS = 7
    BLUR = 8
    INPUT = 9
    CHANGE = 10
    SUBMIT = 11
    INVALID = 12
    ERROR = 13
    SELECT = 14
    COPY = 15
    DRAG = 16
    PRESS_CANCEL = 17
    VISIBILITY = 18
    POINTER_EXIT = 19
    RESIZE = 20
    TRACK = 21
    IDENTIFY = 22
    CONSENT = 23
    RESET = 24
    SESSION_END = 25
    TICK = 26

class ReactionKind(IntEnum):
    """What the first visible answer to a press was."""

    REACTION_MUTATION = 0
    REACTION_NAVIGATION = 1
    REACTION_SCROLL = 2
    REACTION_SELECTION = 3
    REACTION_FOCUS = 4
    REACTION_SUBMIT = 5
    REACTION_NETWORK = 6
    REACTION_DIALOG = 7
    REACTION_MEDIA = 8
    REACTION_STATE = 9

class TargetFlag(IntEnum):
    """Bits of what an element is."""

    LINK = 0x1
    BUTTON = 0x2
    TEXT_FIELD = 0x4
    STEPPER = 0x8
    PAGINATOR = 0x10
    CAROUSEL = 0x20
    MEDIA = 0x40
    CANVAS = 0x80
    MAP = 0x100
    GAME = 0x200
    CLOSE = 0x400
    DISABLED = 0x800
    PRICE = 0x1000
    CTA = 0x2000
    NAV = 0x4000
    FORM = 0x8000
    CHECKOUT = 0x10000
    DATE_PICKER = 0x20000
    TAB = 0x40000
    MENU = 0x80000
    UNOBSERVED = 0x100000

class FieldKind(IntEnum):
    """What a field of an event may hold."""

    NUMBER = 0
    """A finite number; may be negative."""
    COUNT = 1
    """A finite number from 0."""
    CHOICE = 2
    """One of the field's names: a word in a recording, its position on the wire."""
    FLAG = 3
    """true or false in a recording, 1 or 0 on the wire."""
    BITS = 4
    """A set of the field's names: words in a recording, a bit each on the wire."""
    TARGET = 5
    """A descriptor in a recording, an index into the target table on the wire; 0: none."""
    TEXT = 6
    """At most `fields.MAX_STRING` characters."""
    PROPS = 7
    """An object; at most `fields.MAX_PROPS` characters of JSON."""
