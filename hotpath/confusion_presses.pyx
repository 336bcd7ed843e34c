"""Presses that come to nothing, on several things.

Whether a press is answered shows later, and confusion has no timers: whatever the visitor does next
settles it. The presses are those that the rage kernel holds.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t

from hotpath.burst cimport newest, press_ref, relative
from hotpath.confusion_presses cimport (
    FEWEST,
    MOST,
    PLACE_PX,
    PRESSES_MS,
    SILENT_MS,
    SPOT_PX,
)
from hotpath.features cimport CONFUSION, DEAD_PRESSES, STRAY_PRESSES
from hotpath.judge cimport judge
from hotpath.mood cimport FULL, Mood, mood_mark, mood_newest
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


cdef bint is_marked(Mood* mood, int feature, uint64_t ref) noexcept nogil:
    cdef int back
    for back in range(mood.length):
        mark = mood_newest(mood, back)
        if mark.feature == feature and (<uint64_t>mark.seq << 16 | mark.index) == ref:
            return True
    return False


cdef void settle(Moment* moment, int feature, bint plain) noexcept nogil:
    """Mark dead presses on different things, as soon as there are enough of them."""
    cdef const RageState* rage = &moment.state.rage
    cdef Mood* mood = &moment.state.mood[<int>CONFUSION]
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
        if not is_marked(mood, feature, press_ref(rage, found[i])):
            mood_mark(mood, feature, moment.rel, press_ref(rage, found[i]), FULL // FEWEST)
            fresh = True
    if fresh:
        # Of what was pressed, not of what has settled it.
        here = moment.element
        moment.element = rage.element[found[count - 1]]
        judge(moment, CONFUSION, feature)
        moment.element = here


cdef void presses_settle(Moment* moment) noexcept nogil:
    cdef const RageState* rage = &moment.state.rage
    if rage.length and relative(rage, moment.now) - rage.t[newest(rage, 0)] <= PRESSES_MS:
        settle(moment, STRAY_PRESSES, True)
        settle(moment, DEAD_PRESSES, False)
