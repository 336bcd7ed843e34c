"""Anger beside bursts of presses: mashed keys, refused forms, errors. Entry points.

Ownership: every function borrows the moment for the call. None allocates, frees, raises or touches
Python. Times run forward: call the timers that are due before anything else happens.
"""

from hotpath.state cimport Moment, StreamState


cdef void anger_input(Moment* moment, float keys, float ms, bint paste) noexcept nogil
cdef void anger_invalid(Moment* moment) noexcept nogil
cdef void anger_error(Moment* moment) noexcept nogil
cdef void anger_thrash(Moment* moment) noexcept nogil
cdef void anger_success(Moment* moment) noexcept nogil
cdef void anger_end(Moment* moment) noexcept nogil
