"""Bursts: which presses belong together, and what they are worth. Used by rage.pyx alone.

Ownership: a Burst lies on its caller's stack and names presses by their place in the ring of the
RageState it was collected from; it is valid until that state changes.
"""

from libc.stdint cimport int16_t, int64_t, uint8_t, uint64_t

from hotpath.rage_rules cimport TERMS
from hotpath.rage_state cimport BLIND, PRESSES, RageState


cdef enum:
    MASK = PRESSES - 1
    MARK_REPEATED = 1
    MARK_TROUBLED = 2
    REBASE_MS = 1 << 30     # longer than any burst; times relative to `origin` stay below it


cdef enum:
    FAST, FOUR, SLOW, PLAINLY, INSISTED, FORMS


# One way in which presses make up a burst.
cdef struct Form:
    int least           # presses
    int64_t gap         # ms at most between two of them
    int64_t window      # ms at most from first to last
    int64_t quiet       # ms after which the burst is over
    bint by_element     # presses on the same element belong together
    bint by_place       # presses near the burst's centroid belong together


cdef struct Burst:
    int size
    int place[PRESSES]          # in the ring, newest first
    int score                   # tenths of log-odds
    int16_t terms[TERMS]
    int form
    bint same_episode
    uint8_t marks


cdef Form FORM[FORMS]


cdef inline int newest(const RageState* rage, int back) noexcept nogil:
    """Return the ring place of the press `back` presses before the newest."""
    return (rage.head - 1 - back) & MASK


cdef inline uint64_t press_ref(const RageState* rage, int place) noexcept nogil:
    """Return seq << 16 | index of the press."""
    return <uint64_t>rage.seq[place] << 16 | rage.index[place]


cdef inline int64_t relative(const RageState* rage, int64_t now) noexcept nogil:
    """Return ms since the state's origin."""
    return now - rage.origin


# Return ms after which silence about the press counts.
cdef int64_t patience(const RageState* rage, int place) noexcept nogil


cdef inline bint pending(const RageState* rage, int place, int64_t rel) noexcept nogil:
    """Say whether the press may still turn out unanswered."""
    return (
        rage.latency[place] < 0
        and not rage.trait[place] & BLIND
        and rage.t[place] + patience(rage, place) > rel
    )


# Return the relative time until which a burst of this form that ends with the newest press is open.
cdef int64_t burst_open_until(const RageState* rage, int form) noexcept nogil

# Walk back from the newest press of a ring that is not empty and take what belongs to it.
cdef void burst_collect(const RageState* rage, int form, Burst* burst) noexcept nogil

# Say whether the burst is one by its form: presses enough, and what else the form asks for.
cdef bint burst_counts(const RageState* rage, const Burst* burst) noexcept nogil

# Say whether the burst goes on with the last episode, or what that one says about it.
cdef void burst_place_in_history(const RageState* rage, Burst* burst) noexcept nogil

# Fill `terms` and `score` as things stand at relative time `rel`; `weight` is Tables.burst.
cdef void burst_score(
    const RageState* rage, Burst* burst, int64_t rel, const int16_t* weight
) noexcept nogil
