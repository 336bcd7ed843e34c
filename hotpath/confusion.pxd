"""Confusion: lost on the page, or between pages. Entry points of the kernel.

Ownership: every function borrows the moment for the call. None allocates, frees, raises or touches
Python. Times run forward: call the timers that are due before anything else happens.
"""

from hotpath.state cimport Moment, StreamState


cdef void confusion_begin(StreamState* state) noexcept nogil
# A press; `plain`: on what is no control.
cdef void confusion_press(Moment* moment, bint plain) noexcept nogil
cdef void confusion_scroll(Moment* moment, float y, float max_y) noexcept nogil
cdef void confusion_hover(Moment* moment, float ms, bint open) noexcept nogil
cdef void confusion_focus(Moment* moment) noexcept nogil
cdef void confusion_invalid(Moment* moment) noexcept nogil
cdef void confusion_input(Moment* moment) noexcept nogil
cdef void confusion_change(Moment* moment) noexcept nogil
cdef void confusion_submit(Moment* moment) noexcept nogil
# The page view is the newest of the visit.
cdef void confusion_page(Moment* moment) noexcept nogil
cdef void confusion_viewport(Moment* moment, float height) noexcept nogil
cdef void confusion_thrash(Moment* moment) noexcept nogil
# What was pressed last has opened a dialog.
cdef void confusion_dialog(Moment* moment) noexcept nogil
# Text was selected, copied or dragged: what looked like stray presses was not.
cdef void confusion_select(Moment* moment) noexcept nogil
# Something worked out: whoever was lost has found it.
cdef void confusion_success(Moment* moment) noexcept nogil
cdef void confusion_end(Moment* moment) noexcept nogil
