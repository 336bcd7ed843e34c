# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""The numbers of the rage rules; they stand in rage_rules.pxd."""

from enum import IntEnum

class RageTiming(IntEnum):
    """Times, distances and counts of the rules, in ms, CSS px or presses."""

    PATIENCE_MS = 100
    REPEAT_PATIENCE_MS = 400
    LINK_PATIENCE_MS = 2500
    TIMELY_MS = 1000
    NO_ANSWER_MS = 2500
    ERROR_MS = 2000
    HIDDEN_MS = 1000
    SCROLL_MS = 300
    DRAG_PX = 10
    MOUSE_RADIUS_PX = 30
    TOUCH_RADIUS_PX = 44
    QUIET_MS = 1000
    SLOW_QUIET_MS = 2500
    COME_BACK_MS = 5000
    INSIST_MS = 20000
    HASTE_MS = 1200
    PAUSE_MS = 600
    ALONE_MS = 120000
    INSIST_PX = 180
    SAME_EPISODE_MS = 5000
    TROUBLED_MS = 30000
    REPEATED_MS = 60000
    BOT_PRESSES_PER_S = 15
    MAX_REVISIONS = 8
    BOT_PRESSES = 8

class RageWeight(IntEnum):
    """Places of the weights in the table of `burst`, models/rage.json."""

    WEIGHT_PRIOR = 0
    WEIGHT_PRESSES_3 = 1
    WEIGHT_PRESSES_4 = 2
    WEIGHT_PRESSES_5 = 3
    WEIGHT_EXTRA_PRESS = 4
    WEIGHT_EXTRA_PRESSES_MAX = 5
    WEIGHT_QUICK = 6
    WEIGHT_UNANSWERED = 7
    WEIGHT_LATE = 8
    WEIGHT_ANSWERED = 9
    WEIGHT_UNPROVEN = 10
    WEIGHT_UNOBSERVABLE = 11
    WEIGHT_ERROR = 12
    WEIGHT_DISABLED = 13
    WEIGHT_PLAIN_TARGET = 14
    WEIGHT_REPEATED = 15
    WEIGHT_TROUBLED = 16
    WEIGHT_INSISTED = 17

class RageTerm(IntEnum):
    """Terms of the score; `name` without TERM_, in lower case, is how each is reported."""

    TERM_PRIOR = 0
    TERM_PRESSES = 1
    TERM_EXTRA_PRESSES = 2
    TERM_QUICK_PRESSES = 3
    TERM_UNANSWERED_PRESSES = 4
    TERM_LATE_ANSWERS = 5
    TERM_ANSWERED_PRESSES = 6
    TERM_UNPROVEN = 7
    TERM_UNOBSERVABLE = 8
    TERM_ERROR = 9
    TERM_DISABLED_TARGET = 10
    TERM_PLAIN_TARGET = 11
    TERM_REPEATED = 12
    TERM_TROUBLED = 13
    TERM_INSISTED = 14
