"""Anger beside bursts of presses: mashed keys, refused forms, errors. Entry points.

Ownership: every function borrows the moment for the call. None allocates, frees, raises or touches
Python. Times run forward: call the timers that are due before anything else happens.
"""

from hotpath.state cimport Moment


cdef enum:
    MASHED_KEYS = 12            # in one burst
    MASHED_PER_S = 15           # nobody writes faster …
    PROGRAM_PER_S = 60          # … and no two hands hit more: a text expander
    REFUSALS = 3
    REFUSALS_MS = 20000
    FEW_KEYS = 2                # more between two refusals is an attempt to mend
    ERRORS = 3
    ERRORS_MS = 15000
    CAUSED_MS = 2000            # an error this long after a press belongs to it
    CURSOR_MS = 5000            # thrashing that goes on is the same thrashing


cdef void anger_input(Moment* moment, float keys, float ms, bint paste) noexcept nogil
cdef void anger_invalid(Moment* moment) noexcept nogil
cdef void anger_error(Moment* moment) noexcept nogil
cdef void anger_thrash(Moment* moment) noexcept nogil
cdef void anger_success(Moment* moment) noexcept nogil
cdef void anger_end(Moment* moment) noexcept nogil
