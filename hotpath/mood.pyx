"""Moods: the marks of one emotion in one stream, and the episode they make."""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t


cdef void mood_raise(
    Mood* mood, int feature, int32_t t, uint64_t ref, int strength, int32_t within
) noexcept nogil:
    cdef int back
    cdef Mark* mark
    for back in range(mood.length):
        mark = mood_newest(mood, back)
        if mark.feature == feature:
            if t - mark.t <= within:
                mark.strength = <uint8_t>max(<int>mark.strength, min(250, strength))
                return
            break
    mood_mark(mood, feature, t, ref, strength)


cdef void mood_forget(Mood* mood, uint32_t mask) noexcept nogil:
    cdef int back, kept = 0
    cdef Mark marks[MARKS]
    for back in range(mood.length - 1, -1, -1):
        if not mask >> mood_newest(mood, back).feature & 1:
            marks[kept] = mood_newest(mood, back)[0]
            kept += 1
    for back in range(kept):
        mood.marks[back] = marks[back]
    mood.length = <uint8_t>kept
    mood.head = <uint8_t>(kept & (MARKS - 1))


cdef int mood_count(Mood* mood, int feature, int32_t t, int32_t within) noexcept nogil:
    cdef int back, count = 0
    for back in range(mood.length):
        if mood_newest(mood, back).feature == feature and t - mood_newest(mood, back).t <= within:
            count += 1
    return count
