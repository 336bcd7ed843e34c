"""The risk of abandonment: its marks, its timer and its ends.

Only the stream in which the visitor was last seen watches the visit: a page that was left for the
next one is hidden for good, and means nothing.

Ownership: every function borrows the moment for the call. None allocates, raises or touches Python.
"""

from libc.stdint cimport uint32_t, uint64_t

from hotpath.features cimport EXIT_INTENT, HIDDEN, HIDDEN_LONG, IDLE, IDLE_LONG
from hotpath.state cimport Moment


cdef enum:
    EXIT_BACK_MS = 500          # the pointer that slipped out is back within this time
    BACK_MS = 30000             # who is back within this time was not away
    # The first stage of idleness, whoever it is; the others take the visitor's own steps.
    STILL_MS = 15000
    ABSENCE_MASK = 1 << EXIT_INTENT | 1 << HIDDEN | 1 << HIDDEN_LONG | 1 << IDLE | 1 << IDLE_LONG
    ALL_MASK = 0xFFFF


# Mark a feature, together with what is at stake and what went before, and judge.
cdef void risk_note(Moment* moment, int feature, uint64_t ref, int strength) noexcept nogil
# Take the features' marks back; if nothing else speaks, there is no risk any more.
cdef void risk_relent(Moment* moment, uint32_t mask) noexcept nogil
# The visitor may have turned from what is to be bought to something else: then it is no risk.
cdef void risk_turn(Moment* moment) noexcept nogil
# Set the timer to the next thing that time alone can bring.
cdef void risk_arm(Moment* moment) noexcept nogil
cdef void risk_timers(Moment* moment) noexcept nogil
# The goal was reached.
cdef void risk_succeed(Moment* moment) noexcept nogil
# The visit is over, maybe with its goal in progress.
cdef void risk_abandon(Moment* moment, uint64_t ref) noexcept nogil
# A form that was begun has been left for another page.
cdef void risk_leave_form(Moment* moment, uint64_t ref) noexcept nogil
