"""What the hesitation kernel keeps for each stream.

Ownership: lies inside the stream's StreamState; kernels borrow it for the call. Times are ms since
the stream's origin. Element ids are in StreamState.held.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t


cdef struct HesitationState:
    int64_t due             # epoch ms of the pending timer; 0: none
    uint64_t dwell_ref      # the hover that is open
    int32_t dwell_since     # when it began; only while `dwelling`
    int32_t left_t          # when the last dwell ended without a press
    int32_t change_t        # of the last option changed
    int32_t focus_t         # when the field in focus was entered
    int32_t filled_t        # last time that something was filled in; INT32_MIN: nothing is
    uint16_t key_ms         # the visitor's own median of ms a key; 0: not known yet
    uint8_t bursts          # bursts of keys seen, at most 255
    uint8_t dwelling
    uint8_t changes         # of options that follow each other
    uint8_t keyed           # the field in focus has had its first key
    uint8_t unused[2]
