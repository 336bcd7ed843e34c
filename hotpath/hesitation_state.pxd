"""What the hesitation kernel keeps for each stream.

Ownership: lies inside the stream's StreamState; kernels borrow it for the call. Times are ms since
the stream's origin. Element ids are in StreamState.held.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t


cdef enum FieldInFocus:
    FIELD_ELSEWHERE         # there is none that the visitor went to and is still at
    FIELD_EMPTY             # it awaits its first key
    FIELD_WRITTEN


cdef enum Pause:
    PAUSE_OPEN              # since the last thing filled in nothing has ended it
    PAUSE_MARKED            # and it was long
    PAUSE_ENDED             # it was sent, or tried to


cdef struct HesitationState:
    int64_t due             # epoch ms of the pending timer; 0: none
    uint64_t dwell_ref      # the hover that is open
    uint64_t filled_ref     # what was filled in last
    int32_t dwell_since     # when the open hover began; if none dwells, those begun before are void
    int32_t left_t          # when a dwell last ended without a press
    int32_t change_t        # of the last option changed
    int32_t focus_t         # when the field in focus was entered
    int32_t filled_t        # last time that something was filled in
    uint16_t key_ms         # the visitor's own median of ms a key
    uint8_t bursts          # bursts of keys that it rests on, at most 255
    uint8_t dwelling        # 0: no; else 1 + the stages that are marked
    uint8_t dwell_strength  # what a mark for the open hover is worth
    uint8_t changes         # among the same two options, one after the other
    uint8_t fills           # things filled in since the last submit, at most 255
    uint8_t paused          # Pause, since the last of them
    uint8_t field           # FieldInFocus
    uint8_t keys            # in the field in focus, at most 255 …
    uint8_t deletes         # … and how many of them deleted
    uint8_t counted         # … and whether it is one of the fills
