"""What the abandonment kernel keeps for each stream; the goal itself is the visit's.

Ownership: lies inside the stream's StreamState; kernels borrow it for the call. Times are epoch ms.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t


cdef struct AbandonmentState:
    int64_t due             # of the pending timer; 0: none
    int64_t exit_t          # when the pointer shot out; 0: it is inside
    int64_t hidden_t        # when the tab was hidden; 0: it is visible
    int64_t active_t        # last time that something happened in this stream
    uint64_t ref            # the event that the pending timer would rest on
    uint32_t step_ms        # the visitor's own median of ms between steps; 0: not known
    uint8_t idle            # stages of idleness marked
    uint8_t away            # stages of being hidden marked
    uint8_t confirmed
    uint8_t unused
