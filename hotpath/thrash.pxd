"""Thrash: a cursor shaken about, judged over windows of two seconds.

The measure is graded: fast, much turned about, within a small place. Method: the one published
graded rule of the field, restated (turns of 45 degrees and more, mean speed, size of the box).

Ownership: a ThrashState lies inside its stream's StreamState; functions borrow it for the call.
Steps are 25 Hz samples (pointer.pxd); times are ms since the stream's origin.
"""

from libc.stdint cimport int32_t, uint8_t


cdef enum:
    THRASH_STEP_PX = 5      # shorter steps turn nowhere
    THRASH_LEAP_PX_S = 5000     # faster is a pointer that was elsewhere
    THRASH_WINDOW_MS = 2000


cdef struct ThrashState:
    float dx                # last step that counts
    float dy
    float length            # px travelled in the window
    float low_x             # the window's box
    float high_x
    float low_y
    float high_y
    int32_t since           # when the window began
    uint8_t turns
    uint8_t begun
    uint8_t unused[2]


cdef inline bint thrash_step(
    ThrashState* thrash, int32_t t, float x, float y, float dx, float dy, float step, int32_t dt
) noexcept nogil:
    """Take one sample; say whether the window that ends with it is one of thrashing."""
    cdef float dot, both, speed, box, score
    cdef int32_t lasted
    # In whole numbers where it can be: doubles would cost twice as much.
    if dt > 500 or step > <float>(THRASH_LEAP_PX_S // 1000 * dt):
        thrash.begun = 0
        return False
    if not thrash.begun or t - thrash.since > THRASH_WINDOW_MS:
        thrash.begun = 1
        thrash.since = t - dt
        thrash.length = step
        thrash.low_x = min(x, x - dx)
        thrash.high_x = max(x, x - dx)
        thrash.low_y = min(y, y - dy)
        thrash.high_y = max(y, y - dy)
        thrash.turns = 0
        thrash.dx = dx
        thrash.dy = dy
        return False
    thrash.length += step
    thrash.low_x = min(thrash.low_x, x)
    thrash.high_x = max(thrash.high_x, x)
    thrash.low_y = min(thrash.low_y, y)
    thrash.high_y = max(thrash.high_y, y)
    if step <= THRASH_STEP_PX:
        return False
    dot = dx * thrash.dx + dy * thrash.dy
    both = (dx * dx + dy * dy) * (thrash.dx * thrash.dx + thrash.dy * thrash.dy)
    thrash.dx = dx
    thrash.dy = dy
    # A turn of 45 degrees or more: cos <= 1 / sqrt(2), without a root.
    if dot > 0 and <float>2 * dot * dot > both:
        return False
    if thrash.turns < 255:
        thrash.turns += 1
    lasted = t - thrash.since
    if thrash.turns < 4 or thrash.length < 300 or lasted < 500:
        return False
    speed = thrash.length * <float>1000 / <float>lasted
    if speed < 300:
        return False
    box = max(thrash.high_x - thrash.low_x, thrash.high_y - thrash.low_y)
    score = (
        <float>0.4 * min(<float>1, <float>thrash.turns / 8)
        + <float>0.3 * min(<float>1, (speed - 300) / 300)
        + <float>0.3 / (1 + (box / 200) * (box / 200))
    )
    if score < <float>0.65:
        return False
    thrash.begun = 0        # the next window begins anew
    return True
