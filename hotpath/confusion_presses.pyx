"""Presses that come to nothing, on several things.

Whether a press is answered shows later, and confusion has no timers: whatever the visitor does next
settles it. The presses are those that the rage kernel holds.
"""

from libc.stdint cimport int32_t, int64_t, uint16_t

from hotpath.burst cimport newest, press_ref, relative
from hotpath.confusion_marks cimport note
from hotpath.confusion_presses cimport (
    FEWEST,
    MOST,
    NEAR_MS,
    PLACE_PX,
    PRESSES_MS,
    SILENT_MS,
    SPOT_PX,
)
from hotpath.features cimport CONFUSION, DEAD_PRESSES, STRAY_PRESSES
from hotpath.judge cimport judge
from hotpath.mood cimport FULL
from hotpath.rage_state cimport BLIND, PLAIN, RageState
from hotpath.state cimport Moment


cdef bint apart(const RageState* rage, int one, int other) noexcept nogil:
    """Say whether two presses were on different things; controls are told apart by name."""
    cdef int32_t dx = <int32_t>rage.x[one] - rage.x[other]
    cdef int32_t dy = <int32_t>rage.y[one] - rage.y[other]
    cdef int64_t square = <int64_t>dx * dx + <int64_t>dy * dy
    cdef bint named = rage.element[one] != rage.element[other]
    if not rage.trait[one] & PLAIN:
        return named
    return square > PLACE_PX * PLACE_PX or (named and square > SPOT_PX * SPOT_PX)


cdef bint is_dead(Moment* moment, int place, int64_t rel) noexcept nogil:
    cdef const RageState* rage = &moment.state.rage
    return (
        rage.latency[place] < 0
        and not rage.trait[place] & BLIND
        and SILENT_MS <= rel - rage.t[place] <= PRESSES_MS
        and rage.origin + rage.t[place] > moment.visit.success_t
    )


cdef bint is_near(const RageState* rage, const int* found, int count, int i) noexcept nogil:
    """Say whether the press before or after it came soon; they are in order of time."""
    return (
        i > 0 and rage.t[found[i]] - rage.t[found[i - 1]] <= NEAR_MS
        or i + 1 < count and rage.t[found[i + 1]] - rage.t[found[i]] <= NEAR_MS
    )


cdef void settle(Moment* moment, int feature, bint plain) noexcept nogil:
    """Mark dead presses on different things, as soon as there are enough of them."""
    cdef RageState* rage = &moment.state.rage
    cdef int found[MOST]
    cdef int count = 0, back, place, i
    cdef bint fresh = False
    for back in range(rage.length - 1, -1, -1):
        place = newest(rage, back)
        if (rage.trait[place] & PLAIN != 0) != plain:
            continue
        if not is_dead(moment, place, relative(rage, moment.now)):
            continue
        for i in range(count):
            if not apart(rage, place, found[i]):
                break
        else:
            if count == MOST:
                break
            found[count] = place
            count += 1
    if count < FEWEST:
        return
    for i in range(count):
        if not rage.lost >> found[i] & 1 and is_near(rage, found, count, i):
            rage.lost |= <uint16_t>(1 << found[i])
            note(moment, feature, press_ref(rage, found[i]), FULL // FEWEST)
            fresh = True
    if fresh:
        # Of what was pressed, not of what has settled it.
        here = moment.element
        moment.element = rage.element[found[count - 1]]
        judge(moment, CONFUSION, feature)
        moment.element = here


cdef void presses_settle(Moment* moment) noexcept nogil:
    cdef const RageState* rage = &moment.state.rage
    if rage.length >= FEWEST and relative(rage, moment.now) - rage.t[newest(rage, 0)] <= PRESSES_MS:
        settle(moment, STRAY_PRESSES, True)
        settle(moment, DEAD_PRESSES, False)
