"""Codes of events, reactions, target flags and field kinds: the one table of numbers.

docs/contracts.md ("Wire codes of events") says what each means; tests/contract/test_event_codes.py
proves that both agree. The members are plain C ints inside kernels and enums for Python.
"""


cpdef enum EventKind:
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


cpdef enum ReactionKind:
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


cpdef enum TargetFlag:
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


cpdef enum FieldKind:
    NUMBER = 0      # a finite number; may be negative
    COUNT = 1       # a finite number from 0
    CHOICE = 2      # one of the field's names: a word in a recording, its position on the wire
    FLAG = 3        # true or false in a recording, 1 or 0 on the wire
    BITS = 4        # a set of the field's names: words in a recording, a bit each on the wire
    TARGET = 5      # a descriptor in a recording, an index into the target table on the wire
    TEXT = 6        # at most MAX_STRING characters
    PROPS = 7       # an object; at most MAX_PROPS characters of JSON


cdef enum:
    # One past the highest event code; sizes the per-kind tables.
    EVENT_KINDS = 27
    # Most events in a batch (contracts.md, close code 4413).
    MAX_EVENTS = 500
    # Most targets a batch can name (contracts.md: an index is 1 to 4,095).
    MAX_TARGETS = 4095
