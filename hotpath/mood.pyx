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
    cdef int first = mood.head - mood.length, at, kept = first
    cdef Mark* mark
    for at in range(first, first + mood.length):
        mark = &mood.marks[at & (MARKS - 1)]
        if mask >> mark.feature & 1:
            continue
        if kept != at:
            mood.marks[kept & (MARKS - 1)] = mark[0]
        kept += 1
    mood.length = <uint8_t>(kept - first)
    mood.head = <uint8_t>(kept & (MARKS - 1))


cdef int mood_count(Mood* mood, int feature, int32_t t, int32_t within) noexcept nogil:
    cdef int back, count = 0
    for back in range(mood.length):
        if mood_newest(mood, back).feature == feature and t - mood_newest(mood, back).t <= within:
            count += 1
    return count
