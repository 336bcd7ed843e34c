"""The marks of confusion: how its parts note what they find, and let later pages know.

Ownership: every function borrows the moment for the call.
"""

from libc.stdint cimport int32_t, uint8_t, uint64_t

from hotpath.features cimport (
    CONFUSION,
    MENU_THRASH,
    REFUSED_AGAIN,
    SCROLL_HUNT,
    STRAY_PRESSES,
    THRASH,
)
from hotpath.mood cimport Mark, Mood, mood_mark, mood_newest
from hotpath.state cimport Moment
from hotpath.visit cimport (
    SIGN_HUNT,
    SIGN_MENUS,
    SIGN_REFUSED,
    SIGN_STRAY,
    SIGN_THRASH,
    visit_page,
)


cdef enum:
    JOIN_MS = 60000         # marks that old are dropped, not joined
    MOST_STRENGTH = 250


cdef inline uint8_t sign_of(int feature) noexcept nogil:
    """Return the bit that tells later pages of a feature; 0: it has none."""
    if feature == STRAY_PRESSES:
        return SIGN_STRAY
    if feature == SCROLL_HUNT:
        return SIGN_HUNT
    if feature == MENU_THRASH:
        return SIGN_MENUS
    if feature == REFUSED_AGAIN:
        return SIGN_REFUSED
    return SIGN_THRASH if feature == THRASH else 0


cdef inline void hold(Moment* moment, int feature, uint64_t ref, int strength) noexcept nogil:
    """Mark a feature. Only two marks of each are held, lest one signal crowd out the others:

    before a third, the older one is added to the other.
    """
    cdef Mood* mood = &moment.state.mood[<int>CONFUSION]
    cdef Mark* newer = NULL
    cdef Mark* mark
    cdef int back, i
    for back in range(mood.length):
        mark = mood_newest(mood, back)
        if mark.feature != feature:
            continue
        if newer == NULL:
            newer = mark
            continue
        if moment.rel - mark.t <= JOIN_MS:
            newer.strength = <uint8_t>min(<int>MOST_STRENGTH, newer.strength + mark.strength)
        for i in range(back, mood.length - 1):
            mood_newest(mood, i)[0] = mood_newest(mood, i + 1)[0]
        mood.length -= 1
        break
    mood_mark(mood, feature, moment.rel, ref, strength)


cdef inline void note(Moment* moment, int feature, uint64_t ref, int strength) noexcept nogil:
    """Mark what shows on this page, and let later pages know."""
    visit_page(moment.visit, 0).deeds |= sign_of(feature)
    hold(moment, feature, ref, strength)


cdef inline bint mark_rest(
    Moment* moment, int feature, int strength, int32_t within
) noexcept nogil:
    """Mark what the feature's marks of the last `within` ms do not say yet; say whether it did.

    For what is counted over the whole visit: part of it may be marked in this stream already.
    """
    cdef Mood* mood = &moment.state.mood[<int>CONFUSION]
    cdef int back
    for back in range(mood.length):
        if mood_newest(mood, back).feature == feature and (
            moment.rel - mood_newest(mood, back).t <= within
        ):
            strength -= mood_newest(mood, back).strength
    if strength <= 0:
        return False
    hold(moment, feature, moment.ref, strength)
    return True
