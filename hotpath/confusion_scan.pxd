"""Searching the page: up and down, from control to control, menu after menu. Used by confusion.pyx.

Ownership: every function borrows the moment for the call; call remember() before them.
"""

from hotpath.state cimport Moment


cdef enum:
    HEIGHT_PX = 700         # of a viewport that has not told
    ROOM = 3                # a page that scrolls by less than a viewport / ROOM is not searched
    HUNT_TURNS = 3
    HUNT_MS = 8000
    SCAN_CONTROLS = 4
    SCAN_MS = 15000
    SCAN_DWELL_MS = 1000
    MENUS = 3
    MENUS_MS = 15000
    TAB_READ_MS = 4000      # who comes to a tab later has read what was shown …
    MENU_READ_MS = 8000     # … and who comes to a menu later, has found it
    MENU_DOUBLE_MS = 400    # pressed sooner it is a double click
    MENU_PRESSES = 3        # of one menu: opened, shut, opened again
    HELP_READ_MS = 1000     # who opens a hint again sooner has not read it …
    HELP_MS = 20000         # … and later wants to read it anew


cdef void scan_scroll(Moment* moment, float y, float max_y) noexcept nogil
cdef void scan_hover(Moment* moment, float ms) noexcept nogil
# A menu or tab was pressed, or rested on.
cdef void scan_menu(Moment* moment, bint pressed) noexcept nogil
# A button was pressed that may open a hint …
cdef void scan_help(Moment* moment) noexcept nogil
# … and what was pressed last has opened a dialog.
cdef void scan_dialog(Moment* moment) noexcept nogil
# What was hovered and scrolled past no longer counts together with what comes …
cdef void scan_end_search(Moment* moment) noexcept nogil
# … nor the menus and tabs opened.
cdef void scan_end_menus(Moment* moment) noexcept nogil
