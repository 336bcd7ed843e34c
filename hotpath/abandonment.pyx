"""Abandonment: a goal in progress, about to be given up."""


cdef void abandonment_begin(StreamState* state) noexcept nogil:
    pass


cdef void abandonment_active(Moment* moment) noexcept nogil:
    pass


cdef void abandonment_exit(Moment* moment, int edge, float vx, float vy) noexcept nogil:
    pass


cdef void abandonment_inside(Moment* moment) noexcept nogil:
    pass


cdef void abandonment_visibility(Moment* moment, bint visible) noexcept nogil:
    pass


cdef void abandonment_press(Moment* moment) noexcept nogil:
    pass


cdef void abandonment_fill(Moment* moment) noexcept nogil:
    pass


cdef void abandonment_submit(Moment* moment) noexcept nogil:
    pass


cdef void abandonment_invalid(Moment* moment) noexcept nogil:
    pass


cdef void abandonment_page(Moment* moment) noexcept nogil:
    pass


cdef void abandonment_track(Moment* moment, int meaning) noexcept nogil:
    pass


cdef void abandonment_end(Moment* moment) noexcept nogil:
    pass


cdef void abandonment_timers(Moment* moment) noexcept nogil:
    pass
