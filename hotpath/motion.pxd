"""Motion: does a hand move the pointer, or a program?

Scripts move in equal steps along straight lines. Two things tell them, and neither is the clock:
browsers align pointer events to frames and our SDK thins them evenly, whoever moves.

- Steps that repeat exactly. Of 750 recorded visits of people none repeats more than 16 % of its
  steps; recorded bots that are sampled as they step repeat 33 to 55 %.
- Long steps askew that go on where the last one pointed. What thins a script's steps makes them
  unequal, but leaves them on their line. Of 1,022 recorded visits of people none with 60 such steps
  has more than 66 % of them in line; scripts through our SDK have 80 % or more, recorded bots 97 %.
  Along an axis steps prove nothing: hands keep to rows and columns, and pixels are whole.

Ownership: a MotionState lies inside its stream's StreamState; functions borrow it for the call.
"""

from libc.math cimport fabsf
from libc.stdint cimport uint16_t


cdef enum:
    MIN_STEP_PX = 2         # shorter steps repeat by themselves: there are only eight of 1 px
    MIN_STEPS = 100
    MECHANICAL_PERCENT = 25
    MIN_ASKEW_PX = 8        # across and down: only then is a direction more than a few whole pixels
    MIN_ASKEW = 60          # a short way may be straight by chance
    IN_LINE_PERCENT = 75


cdef struct MotionState:
    float x                 # last position, CSS px
    float y
    float dx                # last step
    float dy
    uint16_t steps          # of MIN_STEP_PX or more; halved with `repeats` before it overflows
    uint16_t repeats        # how many of them equal the one before
    uint16_t askew          # steps that are long and askew, as the one before is; halved likewise
    uint16_t in_line        # how many of them go on where the one before pointed


cdef inline bint motion_askew(float dx, float dy) noexcept nogil:
    """Say whether a step is long across and down."""
    return fabsf(dx) >= MIN_ASKEW_PX and fabsf(dy) >= MIN_ASKEW_PX


cdef inline bint motion_in_line(float ax, float ay, float bx, float by) noexcept nogil:
    """Say whether two steps go along a line: the point between is within 3/4 px of it."""
    cdef float cross = ax * by - ay * bx, x = ax + bx, y = ay + by
    return ax * bx + ay * by > 0 and 16 * cross * cross <= 9 * (x * x + y * y)


cdef inline bint motion_step(MotionState* motion, float x, float y) noexcept nogil:
    """Take a pointer position; say whether the step speaks for a program."""
    cdef float dx = x - motion.x, dy = y - motion.y
    cdef bint repeats, in_line = False
    if dx == 0 and dy == 0:
        return False
    repeats = dx == motion.dx and dy == motion.dy
    if motion_askew(dx, dy) and motion_askew(motion.dx, motion.dy):
        in_line = motion_in_line(motion.dx, motion.dy, dx, dy)
        if motion.askew == 0xFFFF:
            motion.askew >>= 1
            motion.in_line >>= 1
        motion.askew += 1
        motion.in_line += in_line
    motion.x = x
    motion.y = y
    motion.dx = dx
    motion.dy = dy
    if dx * dx + dy * dy < MIN_STEP_PX * MIN_STEP_PX:
        return False
    if motion.steps == 0xFFFF:
        motion.steps >>= 1
        motion.repeats >>= 1
    motion.steps += 1
    motion.repeats += repeats
    return repeats or in_line


cdef inline bint motion_is_mechanical(const MotionState* motion) noexcept nogil:
    """Say whether so many steps repeat or keep to lines that no hand moves the pointer."""
    return (
        motion.steps >= MIN_STEPS
        and 100 * <int>motion.repeats >= MECHANICAL_PERCENT * <int>motion.steps
    ) or (
        motion.askew >= MIN_ASKEW
        and 100 * <int>motion.in_line >= IN_LINE_PERCENT * <int>motion.askew
    )
