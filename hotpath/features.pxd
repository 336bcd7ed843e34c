"""Emotions and their features: what a signal can say about a visitor.

A signal kernel notes a mark for a feature; the model says what a mark is worth (models/*.json).
The order of the members is the order of the tables: add at the end, and raise SNAPSHOT_VERSION.
"""


cpdef enum EmotionKind:
    RAGE = 0
    HESITATION = 1
    CONFUSION = 2
    ABANDONMENT = 3


# Beside the bursts of presses, which have terms of their own (rage_rules.pxd).
cpdef enum RageFeature:
    KEY_MASHING = 0         # far more keys a second than anybody writes
    REFUSED_SUBMITS = 1     # a refused form sent again, and again
    ERROR_PRESSES = 2       # presses that each end in an error
    RAGED_CURSOR = 3        # the cursor thrashed about


cpdef enum HesitationFeature:
    DWELL = 0               # resting on something to decide about, and not pressing it
    RETURNS = 1             # approach, withdraw, approach again
    TOGGLING = 2            # an option changed back and forth
    SLOW_TYPING = 3         # slower than the visitor's own pace
    REWRITING = 4           # much of what was typed is deleted
    SLOW_START = 5          # a field was entered long before its first key
    LEFT_EMPTY = 6          # a field was entered, thought about and left empty
    PAUSE_BEFORE_SUBMIT = 7     # everything is filled in, and nothing is sent
    CANCELLED_PRESS = 8     # pressed down, and let go elsewhere
    DELIBERATION = 9        # a long way to a press: time under way
    WAVERING = 10           # a long way to a press: detours and turns


cpdef enum ConfusionFeature:
    QUICK_BACK = 0          # to a page and at once back
    PAGE_LOOP = 1           # the same page again and again
    STRAY_PRESSES = 2       # presses on what is no control
    DEAD_PRESSES = 3        # presses on several controls, none of which answers
    SCROLL_HUNT = 4         # up and down in search of something
    HOVER_SCAN = 5          # from control to control, pressing none
    MENU_THRASH = 6         # menus and tabs opened one after another
    FIELD_PINGPONG = 7      # back to fields that were left
    REFUSED_AGAIN = 8       # the same field refused again
    SEARCH_REWRITE = 9      # searches rewritten, no result taken
    THRASH = 10             # the cursor thrashed about
    HELP_AGAIN = 11         # the same hint or dialog opened again


cpdef enum AbandonmentFeature:
    EXIT_INTENT = 0         # the pointer shoots out through the top
    HIDDEN = 1              # the tab was hidden
    HIDDEN_LONG = 2         # and stays hidden
    IDLE = 3                # nothing happens any more
    IDLE_LONG = 4           # and goes on not happening
    BACK_OUT = 5            # back from checkout or cart
    LEFT_DIRTY = 6          # a form begun, and gone to another page
    STRUGGLE = 7            # enraged or confused a moment ago
    UNLOADED = 8            # the visit ended with the goal in progress
    GOAL_VALUE = 9          # a cart or a checkout weighs more than a form


cdef enum:
    EMOTIONS = 4
    FEATURES = 16           # most features of an emotion
