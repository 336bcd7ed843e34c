"""The sink: where kernels leave what they have to say.

Ownership: a Sink belongs to the detector, which empties it before fewer than SINK_RESERVE places
are left; kernels borrow it for the call. `tables` is lent by the detector's Model.
"""

from libc.stdint cimport int16_t, int64_t, uint8_t, uint32_t, uint64_t

from hotpath.features cimport EMOTIONS
from hotpath.model cimport Tables


cdef enum:
    SINK_ROOM = 64
    # One event can fire a timer for each press held, and every timer of the other kernels.
    SINK_RESERVE = 33
    EVIDENCE = 16           # most events named as evidence
    TERMS_ROOM = 24         # most terms of a score


cdef struct Verdict:
    int64_t t                       # epoch ms
    uint64_t evidence[EVIDENCE]     # refs, oldest first
    int16_t terms[TERMS_ROOM]       # tenths of log-odds; 0: does not apply
    uint32_t element
    uint32_t page                   # where the visitor was
    uint32_t episode
    uint8_t emotion
    uint8_t trigger                 # number in the emotion's table of triggers
    uint8_t size                    # of the evidence
    uint8_t rev
    uint8_t confidence


cdef struct Sink:
    const Tables* tables
    int threshold[EMOTIONS]         # emit from this confidence, 0 to 100
    int count
    Verdict items[SINK_ROOM]
