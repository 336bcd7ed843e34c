"""The arenas of a detector: its streams, and the visits that they are part of.

Ownership: Streams owns its StreamStates; it takes a visit for each new stream and gives it back
when the stream is evicted, so a VisitState lives as long as one of its streams is held.
"""

from libc.stdint cimport int32_t, uint32_t

from hotpath.arena cimport Arena, arena_state
from hotpath.state cimport StreamState
from hotpath.visit cimport VisitState


cdef class Streams(Arena):
    cdef readonly Arena visits


cdef inline StreamState* stream_state(Streams streams, int32_t slot) noexcept:
    """Lend the state of a stream."""
    return <StreamState*>arena_state(streams, slot)


cdef inline VisitState* visit_state(Streams streams, uint32_t slot) noexcept:
    """Lend the state of a visit."""
    return <VisitState*>arena_state(streams.visits, <int32_t>slot)


# Set the mark of every id in the detector's Names that the states hold.
cdef int arenas_mark(Streams streams, unsigned char* marks) except -1
