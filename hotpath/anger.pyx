"""Anger beside bursts of presses: mashed keys, refused forms, errors.

A mark of strength 0 is a step: worth nothing by itself, it counts towards the mark that a third one
makes, and is evidence with it.
"""

from libc.math cimport isnan
from libc.stdint cimport int64_t, uint8_t

from hotpath.burst cimport newest, relative
from hotpath.confusion_form cimport is_refusal
from hotpath.confusion_memory cimport remember
from hotpath.events cimport GAME
from hotpath.features cimport ERROR_PRESSES, KEY_MASHING, RAGE, RAGED_CURSOR, REFUSED_SUBMITS
from hotpath.judge cimport judge
from hotpath.mood cimport FULL, Mood, mood_count, mood_forget, mood_mark, mood_newest, mood_raise
from hotpath.rage_state cimport BLIND, FAILED, REPEATABLE, RageState
from hotpath.state cimport HELD_REFUSED


cdef enum:
    ALL_FEATURES = 0xFFFF


cdef inline Mood* rage_mood(Moment* moment) noexcept nogil:
    return &moment.state.mood[<int>RAGE]


cdef void step(Moment* moment, int feature, int least, int within, int strength) noexcept nogil:
    """Mark a step, of this strength from the `least`th within `within` ms on."""
    cdef Mood* mood = rage_mood(moment)
    if mood_count(mood, feature, moment.rel, within) + 1 < least:
        strength = 0
    mood_mark(mood, feature, moment.rel, moment.ref, strength)
    if strength:
        judge(moment, RAGE, feature)


cdef void anger_input(Moment* moment, float keys, float ms, bint paste) noexcept nogil:
    cdef int edits = <int>FEW_KEYS + 1
    if not paste and keys <= FEW_KEYS:
        edits = <int>max(<float>1, keys)
    moment.state.confusion.edits = <uint8_t>min(255, moment.state.confusion.edits + edits)
    if paste or isnan(ms) or moment.flags & GAME or not keys >= MASHED_KEYS:
        return
    if MASHED_PER_S * ms < 1000 * keys <= PROGRAM_PER_S * ms:
        mood_mark(rage_mood(moment), KEY_MASHING, moment.rel, moment.ref, FULL)
        judge(moment, RAGE, KEY_MASHING)


cdef void anger_invalid(Moment* moment) noexcept nogil:
    remember(moment)
    if not moment.element or not is_refusal(moment):
        return
    if (
        moment.state.held[<int>HELD_REFUSED] != moment.element
        or moment.state.confusion.edits > FEW_KEYS
    ):
        mood_forget(rage_mood(moment), 1 << <int>REFUSED_SUBMITS)
    step(moment, REFUSED_SUBMITS, REFUSALS, REFUSALS_MS, FULL)


cdef void anger_error(Moment* moment) noexcept nogil:
    cdef const RageState* rage = &moment.state.rage
    cdef Mood* mood = rage_mood(moment)
    cdef int64_t since
    cdef int place, back
    cdef bint answered
    if rage.length == 0:
        return
    place = newest(rage, 0)
    since = relative(rage, moment.now) - rage.t[place]
    if since > CAUSED_MS:
        return
    answered = rage.latency[place] >= 0 and not rage.trait[place] & FAILED
    # What works and is pressed again and again works, whatever fails behind it.
    if answered and rage.trait[place] & REPEATABLE:
        return
    for back in range(mood.length):
        if mood_newest(mood, back).feature == ERROR_PRESSES and (
            moment.rel - mood_newest(mood, back).t <= since
        ):
            return      # the press has had its error
    # The page may report failing requests of its own; a press that it answered accuses it less.
    step(
        moment, ERROR_PRESSES, ERRORS, ERRORS_MS,
        FULL // 2 if answered or rage.trait[place] & BLIND else FULL,
    )


cdef void anger_thrash(Moment* moment) noexcept nogil:
    mood_raise(rage_mood(moment), RAGED_CURSOR, moment.rel, moment.ref, FULL, CURSOR_MS)
    judge(moment, RAGE, RAGED_CURSOR)


cdef void anger_success(Moment* moment) noexcept nogil:
    cdef Mood* mood = rage_mood(moment)
    if mood.length:
        mood_forget(mood, ALL_FEATURES)
        judge(moment, RAGE, RAGED_CURSOR)


cdef void anger_end(Moment* moment) noexcept nogil:
    anger_success(moment)
