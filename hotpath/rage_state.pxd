"""What the rage kernel keeps for each stream, its times and weights, and what it says.

Ownership: a RageState lies inside its stream's StreamState, which the arena owns; kernels
borrow it for the length of a call. A Sink belongs to the detector.

Times inside the state are relative to `origin`, so that they fit 32 bits.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef enum:
    PRESSES = 16                # ring of presses; a power of two
    MAX_REVISIONS = 8
    SINK_ROOM = 64
    # One event can fire a timer for each press, and then be evaluated itself.
    SINK_RESERVE = PRESSES + 1


cpdef enum RageTiming:
    PATIENCE_MS = 100           # a press that nothing answered for this long is unanswered …
    REPEAT_PATIENCE_MS = 400    # … for controls made to be pressed again and again
    LINK_PATIENCE_MS = 1000     # … for links: the next page may take that long to begin
    TIMELY_MS = 1000            # an answer after this is late
    NO_ANSWER_MS = 2500         # an answer after this is none
    ERROR_MS = 2000             # an error this long after a press belongs to it
    HIDDEN_MS = 1000            # a tab hidden this soon after a press answered it
    SCROLL_MS = 300             # a scroll this soon after a press came from it
    DRAG_PX = 10                # a pointer that moved further while down dragged
    MOUSE_RADIUS_PX = 30
    TOUCH_RADIUS_PX = 44
    QUIET_MS = 1000             # a burst is over after this …
    SLOW_QUIET_MS = 2500        # … or this, for slow presses
    SAME_EPISODE_MS = 5000      # the same target again this soon: the same episode
    TROUBLED_MS = 30000
    REPEATED_MS = 60000
    BOT_PRESSES_PER_S = 15      # nobody presses faster
    BOT_PRESSES = 8             # that many so fast: the whole stream is automated


# Log-odds in tenths, so that they add up exactly and alike on every machine.
cpdef enum RageWeight:
    WEIGHT_PRIOR = -22
    WEIGHT_PRESSES_3 = 12
    WEIGHT_PRESSES_4 = 20
    WEIGHT_PRESSES_5 = 26
    WEIGHT_EXTRA_PRESS = 3
    WEIGHT_EXTRA_PRESSES_MAX = 12
    WEIGHT_QUICK = 3            # median gap < QUICK_GAP_MS
    WEIGHT_UNANSWERED = 22      # 2/3 of the presses or more
    WEIGHT_LATE = 8             # 2/3 or more late or unanswered
    WEIGHT_ANSWERED = -35       # every press that could be judged was answered in time
    WEIGHT_UNPROVEN = -22       # too few presses are unanswered to accuse the page
    WEIGHT_UNOBSERVABLE = -10   # silence proves nothing here; only an error accuses
    WEIGHT_ERROR = 12
    WEIGHT_DISABLED = 8
    WEIGHT_PLAIN_TARGET = -20   # nothing says that the target can be pressed
    WEIGHT_REPEATED = 8         # second episode on the target within REPEATED_MS
    WEIGHT_TROUBLED = 4         # another episode within TROUBLED_MS


# Terms of the score, by the name under which they are reported.
cpdef enum RageTerm:
    TERM_PRIOR = 0
    TERM_PRESSES = 1
    TERM_EXTRA_PRESSES = 2
    TERM_QUICK_PRESSES = 3
    TERM_UNANSWERED_PRESSES = 4
    TERM_LATE_ANSWERS = 5
    TERM_ANSWERED_PRESSES = 6
    TERM_UNPROVEN = 7
    TERM_UNOBSERVABLE = 8
    TERM_ERROR = 9
    TERM_DISABLED_TARGET = 10
    TERM_PLAIN_TARGET = 11
    TERM_REPEATED = 12
    TERM_TROUBLED = 13


cdef enum:
    TERMS = 14
    QUICK_GAP_MS = 200


# What the kernel must know of a press's target.
cdef enum Trait:
    PLAIN = 1           # no sign that it can be pressed
    BLIND = 2           # its answers cannot be seen
    REPEATABLE = 4      # made to be pressed again and again
    SLOW_LINK = 8       # a link that is not also a button
    OFF = 16            # disabled
    COUNTED = 32        # counts for the `unanswered` score


cdef struct RageState:
    int64_t origin                  # epoch ms of relative time 0
    int64_t due                     # epoch ms of the pending timer; 0: none
    uint64_t ref[PRESSES]           # seq << 16 | index of the event
    int32_t t[PRESSES]
    uint32_t element[PRESSES]       # id in the detector's Names; 0: none
    int16_t x[PRESSES]              # whole CSS px
    int16_t y[PRESSES]
    uint16_t number[PRESSES]        # low bits of the press's place in its stream, from 1
    int16_t latency[PRESSES]        # ms to the first answer; -1: none yet
    uint8_t trait[PRESSES]
    uint8_t head                    # where the next press goes
    uint8_t length                  # presses held, newest at head - 1
    uint8_t radius                  # px, by the pointer of the newest press
    uint8_t automated               # a bot was seen; nothing is emitted any more
    uint8_t peak                    # highest confidence so far, 0 to 100
    uint8_t episode_rev
    uint8_t episode_confidence      # as last emitted
    uint8_t episode_size            # presses in its evidence, as last emitted
    uint8_t episode_marks           # MARK_* that held when it began
    uint32_t episode                # number of the last one, from 1; 0: none yet
    uint32_t episode_element
    int32_t episode_t               # of its newest press
    int32_t error_t                 # of the last error; INT32_MIN: none
    uint32_t presses                # clicks so far, whether held or not: what `of` counts
    uint32_t observed               # presses that count for the `unanswered` score …
    uint32_t answered               # … and how many got an answer within NO_ANSWER_MS


cdef struct Verdict:
    int64_t t                       # epoch ms
    uint64_t evidence[PRESSES]      # refs, oldest first
    int16_t terms[TERMS]            # tenths of log-odds; 0: does not apply
    uint32_t element
    uint32_t episode
    uint8_t size
    uint8_t rev
    uint8_t confidence
    uint8_t slow


cdef struct Sink:
    int threshold                   # emit from this confidence, 0 to 100
    int count
    Verdict items[SINK_ROOM]
