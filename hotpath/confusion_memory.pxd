"""The memory of the last minute: how the parts of the confusion kernel age it, set it, clear it.

Ownership: every function borrows the moment or the state for the call.
"""

from libc.stdint cimport int32_t, uint16_t, uint32_t

from hotpath.confusion_state cimport AGES, FOREVER, ConfusionState
from hotpath.state cimport Moment, StreamState


cdef inline void remember(Moment* moment) noexcept nogil:
    """Bring the ages up to date; before anything else that looks at them."""
    cdef ConfusionState* state = &moment.state.confusion
    cdef uint16_t passed = <uint16_t>min(<int32_t>FOREVER, moment.rel - state.aged_t)
    cdef int i
    state.aged_t = moment.rel
    for i in range(<int>AGES):      # in 16 bits, eight at a time
        state.age[i] += min(passed, <uint16_t>(FOREVER - state.age[i]))


cdef inline void forget_ages(ConfusionState* state, int first, int count) noexcept nogil:
    cdef int i
    for i in range(first, first + count):
        state.age[i] = FOREVER


cdef inline void push_age(ConfusionState* state, int first, int count) noexcept nogil:
    """Let a row of ages, newest first, begin with now."""
    cdef int i
    for i in range(first + count - 1, first, -1):
        state.age[i] = state.age[i - 1]
    state.age[first] = 0


cdef inline void push_held(
    StreamState* state, int held, int age, int place, uint32_t element
) noexcept nogil:
    """Put an element before those in `place` places of a row, with its age; the next one falls out.

    To move an element that is in the row to its front, `place` is where it was.
    """
    cdef int i
    for i in range(place, 0, -1):
        state.held[held + i] = state.held[held + i - 1]
        state.confusion.age[age + i] = state.confusion.age[age + i - 1]
    state.held[held] = element
    state.confusion.age[age] = 0


cdef inline void forget_held(StreamState* state, int held, int age, int count) noexcept nogil:
    cdef int i
    for i in range(count):
        state.held[held + i] = 0
    forget_ages(&state.confusion, age, count)
