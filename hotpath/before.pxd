"""What a batch may change of a stream that others look at: noted before, compared after.

Ownership: a Before owns itself.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from hotpath.state cimport StreamState


# A stream as it was before its batch.
cdef struct Before:
    int64_t due
    uint32_t observed
    uint32_t answered
    uint8_t peak
    uint8_t automated


cdef inline void note(const StreamState* state, Before* then) noexcept:
    then.due = state.hot.due
    then.observed = state.rage.observed
    then.answered = state.rage.answered
    then.peak = state.rage.peak
    then.automated = state.rage.automated
