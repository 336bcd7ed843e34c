"""Presses that come to nothing, on several things. Used by confusion.pyx.

Ownership: every function borrows the moment for the call.
"""

from hotpath.state cimport Moment


cdef enum:
    SILENT_MS = 1000        # a press is dead when nothing answered it for so long
    PRESSES_MS = 15000      # presses that far back count together
    NEAR_MS = 6000          # … if another one was as close in time as that
    PLACE_PX = 30           # further apart are two places …
    SPOT_PX = 8             # … and so are two elements, unless the hand just wobbled
    FEWEST = 2              # a single one happens to everybody
    MOST = 4                # more say nothing new


# Mark the presses that have turned out to be dead.
cdef void presses_settle(Moment* moment) noexcept nogil
