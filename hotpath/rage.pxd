"""Rage: repeated presses that nothing answers. Entry points of the kernel.

Ownership: every function borrows `rage` and `sink` for the call. None allocates, frees, raises or
touches Python.

`now` is event time in epoch ms, never behind an earlier `now` of the same stream. Call
rage_timers(now) and rage_rebase(now) before anything else that happens at `now`. A call adds at
most one verdict to the sink, rage_timers at most PRESSES.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from hotpath.rage_state cimport RageState
from hotpath.sink cimport Sink


# Say whether nothing about a target tells that it can be pressed.
cdef bint rage_plain(uint32_t flags) noexcept nogil
cdef void rage_begin(RageState* rage, int64_t now) noexcept nogil
cdef void rage_rebase(RageState* rage, int64_t now) noexcept nogil
cdef void rage_press(
    RageState* rage, Sink* sink, int64_t now, uint64_t ref, float x, float y, uint32_t element,
    uint32_t flags, int pointer
) noexcept nogil
# `of` and `after` are NaN where absent; `kind` is a ReactionKind.
cdef void rage_answer(
    RageState* rage, Sink* sink, int64_t now, float of, float after, int kind
) noexcept nogil
cdef void rage_answer_element(
    RageState* rage, Sink* sink, int64_t now, uint32_t element
) noexcept nogil
cdef void rage_hidden(RageState* rage, Sink* sink, int64_t now) noexcept nogil
cdef void rage_error(RageState* rage, Sink* sink, int64_t now) noexcept nogil
cdef void rage_scroll(RageState* rage, int64_t now) noexcept nogil
# Take back the presses held: they had another purpose than to be answered.
cdef void rage_void(RageState* rage) noexcept nogil
# Let go of the presses held, which stay as unanswered as they are.
cdef void rage_end(RageState* rage) noexcept nogil
# Evaluate every timer that is due at `now` or before, each at its own time.
cdef void rage_timers(RageState* rage, Sink* sink, int64_t now) noexcept nogil
