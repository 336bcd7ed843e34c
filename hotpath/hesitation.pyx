"""Hesitation: a decision that does not come."""


cdef void hesitation_begin(StreamState* state) noexcept nogil:
    pass


cdef void hesitation_press(Moment* moment) noexcept nogil:
    pass


cdef void hesitation_hover(Moment* moment, float ms, bint open) noexcept nogil:
    pass


cdef void hesitation_change(Moment* moment) noexcept nogil:
    pass


cdef void hesitation_focus(Moment* moment) noexcept nogil:
    pass


cdef void hesitation_blur(Moment* moment, bint filled, float ms) noexcept nogil:
    pass


cdef void hesitation_input(
    Moment* moment, float keys, float deletes, float ms, bint paste
) noexcept nogil:
    pass


cdef void hesitation_submit(Moment* moment) noexcept nogil:
    pass


cdef void hesitation_cancel(Moment* moment) noexcept nogil:
    pass


cdef void hesitation_end(Moment* moment) noexcept nogil:
    pass


cdef void hesitation_timers(Moment* moment) noexcept nogil:
    pass
