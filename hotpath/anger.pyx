"""Anger beside bursts of presses: mashed keys, refused forms, errors."""


cdef void anger_input(Moment* moment, float keys, float ms, bint paste) noexcept nogil:
    pass


cdef void anger_invalid(Moment* moment) noexcept nogil:
    pass


cdef void anger_error(Moment* moment) noexcept nogil:
    pass


cdef void anger_thrash(Moment* moment) noexcept nogil:
    pass


cdef void anger_success(Moment* moment) noexcept nogil:
    pass


cdef void anger_end(Moment* moment) noexcept nogil:
    pass
