"""Searching the page: up and down, from control to control, menu after menu. Used by confusion.pyx.

Ownership: every function borrows the moment for the call; call remember() before them.
"""

from hotpath.state cimport Moment


cdef enum:
    HEIGHT_PX = 700         # of a viewport that has not told
    HUNT_TURNS = 4
    HUNT_MS = 10000
    SCAN_CONTROLS = 4
    SCAN_MS = 15000
    SCAN_DWELL_MS = 1000
    MENUS = 3
    MENUS_MS = 15000
    MENU_READ_MS = 4000     # who stays longer reads what the tab shows


cdef void scan_scroll(Moment* moment, float y, float max_y) noexcept nogil
cdef void scan_hover(Moment* moment, float ms) noexcept nogil
# A menu or tab was pressed.
cdef void scan_menu(Moment* moment) noexcept nogil
# What was hovered and scrolled past no longer counts together with what comes …
cdef void scan_end_search(Moment* moment) noexcept nogil
# … nor the menus and tabs opened.
cdef void scan_end_menus(Moment* moment) noexcept nogil
