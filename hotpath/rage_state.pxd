"""What the rage kernel keeps for each stream.

Ownership: a RageState lies inside its stream's StreamState, which the arena owns; kernels
borrow it for the length of a call.

Times inside the state are relative to `origin`, so that they fit 32 bits.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t


cdef enum:
    PRESSES = 16                # ring of presses; a power of two


# Triggers of bursts; the features come before them.
cdef enum RageTrigger:
    RAGE_CLICK = 16
    SLOW_RAGE_CLICK = 17


# What the kernel must know of a press's target.
cdef enum Trait:
    PLAIN = 1           # no sign that it can be pressed
    BLIND = 2           # its answers cannot be seen
    REPEATABLE = 4      # made to be pressed again and again
    SLOW_LINK = 8       # a link that is not also a button
    OFF = 16            # disabled
    COUNTED = 32        # counts for the `unanswered` score
    ASKED = 64          # its answer is a request that it sent …
    FAILED = 128        # … and that came back as an error: no answer after all


cdef struct RageState:
    # What most events look at comes first.
    int64_t origin                  # epoch ms of relative time 0
    int64_t due                     # epoch ms of the pending timer; 0: none
    uint32_t presses                # clicks so far, whether held or not: what `of` counts
    uint32_t observed               # presses that count for the `unanswered` score …
    uint32_t answered               # … and how many got an answer within NO_ANSWER_MS
    uint32_t episode                # number of the last one, by a burst or not; 0: none yet
    uint32_t episode_element
    int32_t episode_t               # of its newest press
    int32_t error_t                 # of the last error; INT32_MIN: none
    uint8_t head                    # where the next press goes
    uint8_t length                  # presses held, newest at head - 1
    uint8_t radius                  # px, by the pointer of the newest press
    uint8_t automated               # a bot was seen; nothing is emitted any more
    uint8_t peak                    # highest confidence so far, 0 to 100
    uint8_t episode_rev             # 0: no burst has made an episode yet
    uint8_t episode_confidence      # as last emitted
    uint8_t episode_size            # presses in its evidence, as last emitted
    uint8_t episode_marks           # MARK_* that held when it began
    uint16_t lost                   # a bit for each place that confusion has marked
    uint8_t trait[PRESSES]          # Trait bits
    int32_t t[PRESSES]
    uint32_t element[PRESSES]       # id in the detector's Names; 0: none
    uint32_t seq[PRESSES]           # of the frame …
    uint16_t index[PRESSES]         # … and the press's place in it
    int16_t x[PRESSES]              # whole CSS px
    int16_t y[PRESSES]
    uint16_t number[PRESSES]        # low bits of the press's place in its stream, from 1
    int16_t latency[PRESSES]        # ms to the first answer; -1: none yet
