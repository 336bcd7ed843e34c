"""What the confusion kernel keeps for each stream: a memory of the last minute.

Moments are kept as their age in ms, at most FOREVER: no rule looks back further than a minute, and
two bytes hold that. All ages are brought up to date together before one is read or set.

Ownership: lies inside the stream's StreamState; kernels borrow it for the call. Element ids are in
StreamState.held.
"""

from libc.stdint cimport int8_t, int32_t, uint8_t, uint16_t


cdef enum:
    FOREVER = 0xFFFF        # ms: so long ago, or never


cdef enum Age:
    AGE_TURN                # of the scrolling, newest first
    AGE_TURN_2
    AGE_HOVER               # of the controls in HELD_HOVER and on
    AGE_HOVER_2
    AGE_HOVER_3
    AGE_MENU                # of the targets in HELD_MENU and on
    AGE_MENU_2
    AGE_FOCUS               # since a field was entered
    AGE_RETURN              # to a field that was left, newest first
    AGE_RETURN_2
    AGE_SEARCH              # sent by HELD_SEARCH, newest first
    AGE_SEARCH_2
    AGE_TRIED               # since the visitor tried to send something
    AGE_REFUSED             # since an attempt was refused, because of HELD_REFUSED
    AGES


# What was written to.
cdef enum Written:
    WRITTEN_SEARCH = 1      # anything, since the last search was sent
    WRITTEN_FIELD = 2       # the field in focus


cdef enum MenuBits:
    MENU_PRESSED = 31       # how often the one in HELD_MENU was pressed
    MENU_OPENED = 32        # what is in HELD_MENU is no menu, and opened a dialog …
    MENU_OTHER = 64         # … or has not, so far
    MENU_BACK = 128         # of the tabs in hand one was left and come back to


cdef struct ConfusionState:
    float scroll_y          # the furthest that the scrolling came since it last turned
    int32_t aged_t          # when the ages were right, ms since the stream's origin
    uint16_t age[AGES]
    uint16_t height         # of the viewport, px; 0: not known
    int8_t scroll_way       # 1 down, -1 up, or neither yet
    uint8_t written         # Written bits
    uint8_t searches        # sent by HELD_SEARCH, each within a minute of the one before the last
    uint8_t edits           # keys since the last refusal, at most 255
    uint8_t menus           # MenuBits of what is in HELD_MENU
    uint8_t looked          # fields entered one after the other and left as they were
