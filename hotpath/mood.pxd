"""Moods: the marks of one emotion in one stream, and the episode they make.

Ownership: a Mood lies inside its stream's StreamState; functions borrow it for the call. Times
are ms since the stream's origin, and never fall from one mark to the next.
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef enum:
    MARKS = 8               # kept for each emotion; a power of two
    FULL = 100              # strength of an ordinary mark, in percent; at most 250


# What one event said. 12 bytes.
cdef struct Mark:
    uint32_t seq            # of the frame …
    int32_t t
    uint16_t index          # … and the event's place in it
    uint8_t feature
    uint8_t strength        # percent of the feature's weight


cdef struct Mood:
    Mark marks[MARKS]       # ring; newest at head - 1
    uint8_t head
    uint8_t length
    uint8_t open            # an episode has begun and is not over
    uint8_t rev
    uint8_t confidence      # as last emitted
    uint8_t size            # of the evidence as last emitted
    uint8_t unused
    uint8_t trigger         # as last emitted
    int32_t said_t          # when the episode last went on
    uint32_t episode        # number of the last one, from 1; 0: none yet
    uint32_t element        # id in the detector's Names


cdef inline Mark* mood_newest(Mood* mood, int back) noexcept nogil:
    """Lend the mark `back` marks before the newest; `back` < mood.length."""
    return &mood.marks[(mood.head - 1 - back) & (MARKS - 1)]


cdef inline void mood_mark(
    Mood* mood, int feature, int32_t t, uint64_t ref, int strength
) noexcept nogil:
    """Note a mark; the oldest one makes room."""
    cdef Mark* mark = &mood.marks[mood.head]
    mood.head = (mood.head + 1) & (MARKS - 1)
    mood.length = min(mood.length + 1, <int>MARKS)
    mark.seq = <uint32_t>(ref >> 16)
    mark.index = <uint16_t>(ref & 0xFFFF)
    mark.t = t
    mark.feature = <uint8_t>feature
    mark.strength = <uint8_t>max(0, min(250, strength))


# Strengthen the feature's newest mark if it is at most `within` ms old, else note a new one.
cdef void mood_raise(
    Mood* mood, int feature, int32_t t, uint64_t ref, int strength, int32_t within
) noexcept nogil

# Take back every mark of the features whose bits are set in `mask`.
cdef void mood_forget(Mood* mood, uint32_t mask) noexcept nogil

# Tell how many marks of a feature are at most `within` ms old.
cdef int mood_count(Mood* mood, int feature, int32_t t, int32_t within) noexcept nogil
