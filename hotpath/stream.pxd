"""One stream's events, one after the other, through the kernels.

Ownership: stream_run borrows everything for the call and keeps nothing.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from hotpath.columns cimport ColumnsView
from hotpath.sink cimport Sink
from hotpath.state cimport StreamState
from hotpath.visit cimport VisitState


cdef enum:
    CLOCK_TOLERANCE_MS = 2000   # further behind the stream's clock an event is dropped
    MAX_SEQ_BITS = 32           # a mark holds that many of the frame's seq
    # Beside the flags of events.pxd and no client's to set: the tenant has the element ignored.
    IGNORED = 1 << 30


cdef struct Tally:
    int64_t batches
    int64_t events              # taken, clamped ones included
    int64_t clamped
    int64_t late                # dropped
    int64_t unknown             # dropped: a kind from a newer version
    int64_t duplicates          # batches dropped
    int64_t emissions


# A batch as stream_run needs it. Ids are in the detector's Names.
cdef struct Batch:
    ColumnsView view
    uint64_t seq
    int64_t t                   # time of the event before `at`; t0 at first
    uint32_t at                 # next event
    int pointer                 # 0 mouse, 1 touch, 2 pen
    const uint32_t* element     # by target index; entry 0 is 0
    const uint32_t* flags       # by target index; entry 0 is 0
    const uint32_t* page        # by text index; set for page views only
    const uint8_t* meaning      # by text index; set for page views and tracked events


# Run events until the batch ends or the sink needs room; say whether the batch has ended.
cdef bint stream_run(
    StreamState* state, VisitState* visit, Batch* batch, Sink* sink, Tally* tally
) noexcept nogil

# Move the stream's clock and fire what becomes due.
cdef void stream_advance(
    StreamState* state, VisitState* visit, Sink* sink, int64_t now
) noexcept nogil
