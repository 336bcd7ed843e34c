"""The pointer at 25 Hz: sessions are sampled alike, whatever the browser's frame rate is.

Ownership: a HotState lies inside its stream's StreamState; functions borrow it for the call.
"""

from libc.math cimport sqrtf
from libc.stdint cimport int32_t

from hotpath.path cimport path_end, path_step
from hotpath.state cimport HotState
from hotpath.thrash cimport thrash_step


cdef enum:
    SAMPLE_MS = 40


cdef inline void pointer_begin(HotState* hot, float x, float y) noexcept nogil:
    """Put the pointer somewhere, without a step."""
    hot.sampled_t = -SAMPLE_MS
    hot.sampled_x = x
    hot.sampled_y = y


cdef inline bint pointer_step(HotState* hot, int32_t t, float x, float y) noexcept nogil:
    """Take a position at `t` ms since the stream's origin; say whether the cursor thrashes."""
    cdef int32_t dt = t - hot.sampled_t
    cdef float dx, dy, step
    if dt < SAMPLE_MS:
        return False
    dx = x - hot.sampled_x
    dy = y - hot.sampled_y
    step = sqrtf(dx * dx + dy * dy)
    hot.sampled_t = t
    hot.sampled_x = x
    hot.sampled_y = y
    path_step(&hot.path, t, x, y, dx, dy, step, dt)
    return thrash_step(&hot.thrash, t, x, y, dx, dy, step, dt)
