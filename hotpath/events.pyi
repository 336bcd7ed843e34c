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

    LINK = 1 << 0
    BUTTON = 1 << 1
    TEXT_FIELD = 1 << 2
    STEPPER = 1 << 3
    PAGINATOR = 1 << 4
    CAROUSEL = 1 << 5
    MEDIA = 1 << 6
    CANVAS = 1 << 7
    MAP = 1 << 8
    GAME = 1 << 9
    CLOSE = 1 << 10
    DISABLED = 1 << 11
    PRICE = 1 << 12
    CTA = 1 << 13
    NAV = 1 << 14
    FORM = 1 << 15
    CHECKOUT = 1 << 16
    DATE_PICKER = 1 << 17
    TAB = 1 << 18
    MENU = 1 << 19
    UNOBSERVED = 1 << 20

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
