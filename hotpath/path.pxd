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


cdef inline int8_t way_of(float step, int8_t before) noexcept nogil:
    """Return the sign of a step along an axis, or what it was before if the step is too short."""
    cdef int8_t way = <int8_t>1 if step >= FLIP_PX else before
    return <int8_t>-1 if step <= -FLIP_PX else way


cdef inline void path_step(
    PathState* path, int32_t t, float x, float y, float dx, float dy, float step, int32_t dt
) noexcept nogil:
    """Take one sample; dx, dy and `step` lead to it, in `dt` ms."""
    cdef int8_t way_x, way_y
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
    # Whether a step is long enough to have a way no processor can guess, so none is asked to.
    way_x = way_of(dx, path.way_x)
    way_y = way_of(dy, path.way_y)
    if way_x ^ path.way_x | way_y ^ path.way_y:
        path.flips_x += path.way_x != 0 and way_x != path.way_x and path.flips_x < 255
        path.flips_y += path.way_y != 0 and way_y != path.way_y and path.flips_y < 255
        path.way_x = way_x
        path.way_y = way_y
