"""Lost between pages: at once back, round and round, searches rewritten. Used by confusion.pyx.

Ownership: every function borrows the moment for the call.
"""

from hotpath.state cimport Moment


cdef enum:
    SOUGHT_BACK_MS = 20000      # who came by the site's navigation and stays longer has found it
    QUICK_BACK_MS = 10000       # who stays longer has looked at the page
    QUICK_MS = 8000
    QUICKER_BACK_MS = 6000
    QUICKEST_BACK_MS = 3000
    RETURNS_MS = 60000          # returns that far back count together
    LOOP_MS = 30000
    LOOP_VIEWS = 3
    REWRITE_MS = 60000
    REWRITE_SEARCHES = 2
    CARRY_MS = 60000            # what shows on pages left longer ago has no bearing on this one
    FRESH_MS = 1000             # a stream that young begins with this page


# The newest page view of the visit has just begun.
cdef void pages_entered(Moment* moment) noexcept nogil

# Something was sent by moment.element.
cdef void pages_submitted(Moment* moment) noexcept nogil
