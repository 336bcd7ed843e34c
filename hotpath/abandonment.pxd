"""Abandonment: a goal in progress, about to be given up. Entry points of the kernel.

Ownership: every function borrows the moment for the call. None allocates, frees, raises or touches
Python. Times run forward: call the timers that are due before anything else happens.
"""

from hotpath.state cimport Moment, StreamState


# Triggers beside the features.
cdef enum AbandonmentTrigger:
    ABANDONMENT_CONFIRMED = 16
    ABANDONMENT_CANCELLED = 17


cdef void abandonment_begin(StreamState* state) noexcept nogil
# Somebody is there: called for every event that a visitor causes, before the others.
cdef void abandonment_active(Moment* moment) noexcept nogil
# The pointer left through an edge of the window; px/s.
cdef void abandonment_exit(Moment* moment, int edge, float vx, float vy) noexcept nogil
# The pointer is back inside; called for the first move after an exit.
cdef void abandonment_inside(Moment* moment) noexcept nogil
cdef void abandonment_visibility(Moment* moment, bint visible) noexcept nogil
cdef void abandonment_press(Moment* moment) noexcept nogil
# Something was filled in or changed.
cdef void abandonment_fill(Moment* moment) noexcept nogil
cdef void abandonment_submit(Moment* moment) noexcept nogil
cdef void abandonment_invalid(Moment* moment) noexcept nogil
# The page view is the newest of the visit; what it means stands in it.
cdef void abandonment_page(Moment* moment) noexcept nogil
# A tracked event; what it means: bits of visit.Meaning.
cdef void abandonment_track(Moment* moment, int meaning) noexcept nogil
# The visit is over.
cdef void abandonment_end(Moment* moment) noexcept nogil
cdef void abandonment_timers(Moment* moment) noexcept nogil
