"""Confusion: lost on the page, or between pages."""


cdef void confusion_begin(StreamState* state) noexcept nogil:
    pass


cdef void confusion_press(Moment* moment, bint plain) noexcept nogil:
    pass


cdef void confusion_scroll(Moment* moment, float y, float max_y) noexcept nogil:
    pass


cdef void confusion_hover(Moment* moment, float ms, bint open) noexcept nogil:
    pass


cdef void confusion_focus(Moment* moment) noexcept nogil:
    pass


cdef void confusion_invalid(Moment* moment) noexcept nogil:
    pass


cdef void confusion_input(Moment* moment) noexcept nogil:
    pass


cdef void confusion_submit(Moment* moment) noexcept nogil:
    pass


cdef void confusion_page(Moment* moment) noexcept nogil:
    pass


cdef void confusion_viewport(Moment* moment, float height) noexcept nogil:
    pass


cdef void confusion_thrash(Moment* moment) noexcept nogil:
    pass


cdef void confusion_select(Moment* moment) noexcept nogil:
    pass


cdef void confusion_success(Moment* moment) noexcept nogil:
    pass


cdef void confusion_end(Moment* moment) noexcept nogil:
    pass
