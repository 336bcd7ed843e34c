"""The way of the pointer to the next press: how long, how straight.

Ownership: a PathState lies inside its stream's StreamState; functions borrow it for the call.
Steps are 25 Hz samples (pointer.pxd); times are ms since the stream's origin.
"""

from libc.stdint cimport int8_t, int32_t, uint8_t


cdef enum:
    PATH_REST_MS = 2000     # a pointer at rest for longer ends the way: what follows is another
    FLIP_PX = 3             # shorter steps have no direction


cdef struct PathState:
    float x                 # where it began
    float y
    float length            # px travelled
    int32_t since           # when it began
    int8_t way_x            # sign of the last step along x that counts; 0: none yet
    int8_t way_y
    uint8_t flips_x         # changes of direction
    uint8_t flips_y
    uint8_t begun
    uint8_t unused[3]


cdef inline void path_end(PathState* path) noexcept nogil:
    """Let the next sample begin another way."""
    path.begun = 0


cdef inline void path_step(
    PathState* path, int32_t t, float x, float y, float dx, float dy, float step, int32_t dt
) noexcept nogil:
    """Take one sample; dx, dy and `step` lead to it, in `dt` ms."""
    cdef int8_t way
    if not path.begun or dt > PATH_REST_MS:
        path.begun = 1
        path.x = x
        path.y = y
        path.length = 0
        path.since = t
        path.way_x = path.way_y = 0
        path.flips_x = path.flips_y = 0
        return
    path.length += step
    if dx >= FLIP_PX or dx <= -FLIP_PX:
        way = 1 if dx > 0 else -1
        if path.way_x == -way and path.flips_x < 255:
            path.flips_x += 1
        path.way_x = way
    if dy >= FLIP_PX or dy <= -FLIP_PX:
        way = 1 if dy > 0 else -1
        if path.way_y == -way and path.flips_y < 255:
            path.flips_y += 1
        path.way_y = way
