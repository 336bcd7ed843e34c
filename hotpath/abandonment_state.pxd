"""What the abandonment kernel keeps for each stream; the goal itself is the visit's.

Ownership: lies inside the stream's StreamState; kernels borrow it for the call. `due` is epoch ms,
the other times are ms since the stream's origin.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t


cdef enum AbandonmentTrait:
    HAS_PAGE = 1            # the stream has seen a page view
    HAS_FORM = 2            # the form that is begun lies in this stream
    LEAVING = 4             # another stream's form was left for this one's page: wait and see


cdef struct AbandonmentState:
    int64_t due             # of the pending timer; 0: none. May be early, is never late
    uint64_t ref            # the last sign of the visitor, or of going: an exit, a hidden tab
    int32_t exit_t          # when the pointer shot out, if that has not been judged; 0: it has
    int32_t hidden_t        # when the tab was hidden; -1: it is visible
    int32_t active_t        # last sign of the visitor in this stream
    int32_t step_t          # last step towards the goal; -1: none
    uint32_t step_ms        # the visitor's own median of ms between steps; 0: not known
    uint8_t idle            # stages of idleness that have passed
    uint8_t away            # stages of being hidden that have passed
    uint8_t traits          # AbandonmentTrait bits
    uint8_t unused
