# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Emotions and their features as enums; what each means stands in features.pxd."""

from enum import IntEnum

class EmotionKind(IntEnum):
    """What is felt."""

    RAGE = 0
    HESITATION = 1
    CONFUSION = 2
    ABANDONMENT = 3

class RageFeature(IntEnum):
    """Features of rage beside bursts of presses."""

    KEY_MASHING = 0
    REFUSED_SUBMITS = 1
    ERROR_PRESSES = 2
    RAGED_CURSOR = 3

class HesitationFeature(IntEnum):
    """Features of hesitation."""

    DWELL = 0
    RETURNS = 1
    TOGGLING = 2
    SLOW_TYPING = 3
    REWRITING = 4
    SLOW_START = 5
    LEFT_EMPTY = 6
    PAUSE_BEFORE_SUBMIT = 7
    CANCELLED_PRESS = 8
    DELIBERATION = 9
    WAVERING = 10

class ConfusionFeature(IntEnum):
    """Features of confusion."""

    QUICK_BACK = 0
    PAGE_LOOP = 1
    STRAY_PRESSES = 2
    DEAD_PRESSES = 3
    SCROLL_HUNT = 4
    HOVER_SCAN = 5
    MENU_THRASH = 6
    FIELD_PINGPONG = 7
    REFUSED_AGAIN = 8
    SEARCH_REWRITE = 9
    THRASH = 10
    HELP_AGAIN = 11

class AbandonmentFeature(IntEnum):
    """Features of abandonment."""

    EXIT_INTENT = 0
    HIDDEN = 1
    HIDDEN_LONG = 2
    IDLE = 3
    IDLE_LONG = 4
    BACK_OUT = 5
    LEFT_DIRTY = 6
    STRUGGLE = 7
    UNLOADED = 8
    GOAL_VALUE = 9
