"""Hesitation: a decision that does not come. Entry points of the kernel.

Ownership: every function borrows the moment for the call. None allocates, frees, raises or touches
Python. Times run forward: call the timers that are due before anything else happens.
"""

from hotpath.state cimport Moment, StreamState


cdef void hesitation_begin(StreamState* state) noexcept nogil
cdef void hesitation_press(Moment* moment) noexcept nogil
# A dwell that has lasted for `ms`; `open`: it goes on.
cdef void hesitation_hover(Moment* moment, float ms, bint open) noexcept nogil
cdef void hesitation_change(Moment* moment) noexcept nogil
cdef void hesitation_focus(Moment* moment) noexcept nogil
cdef void hesitation_blur(Moment* moment, bint filled, float ms) noexcept nogil
# A burst of keys; `ms` is NaN where it is not known.
cdef void hesitation_input(
    Moment* moment, float keys, float deletes, float ms, bint paste
) noexcept nogil
cdef void hesitation_submit(Moment* moment) noexcept nogil
# Something worked out, as by a purchase: what was weighed is decided.
cdef void hesitation_success(Moment* moment) noexcept nogil
cdef void hesitation_cancel(Moment* moment) noexcept nogil
# The tab was hidden, or another page came: nothing here is being decided any more.
cdef void hesitation_end(Moment* moment) noexcept nogil
cdef void hesitation_timers(Moment* moment) noexcept nogil
