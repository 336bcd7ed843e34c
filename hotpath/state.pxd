"""What is kept for each stream: the hot part first, touched by every event, then the rest.

Ownership: the arena of streams owns StreamStates; kernels borrow one for the length of a call.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from hotpath.abandonment_state cimport AbandonmentState
from hotpath.confusion_state cimport ConfusionState
from hotpath.features cimport EMOTIONS
from hotpath.hesitation_state cimport HesitationState
from hotpath.mood cimport Mood
from hotpath.motion cimport MotionState
from hotpath.path cimport PathState
from hotpath.rage_state cimport RageState
from hotpath.sink cimport Sink
from hotpath.thrash cimport ThrashState
from hotpath.visit cimport VisitState


# Ids in the detector's Names that kernels remember; rage keeps its own, beside its presses.
cdef enum Held:
    HELD_DWELL              # what the pointer rests on
    HELD_LEFT               # what it rested on before …
    HELD_LEFT_BEFORE        # … and before that
    HELD_CHANGED            # the option changed last …
    HELD_CHANGED_BEFORE     # … and the one before that
    HELD_FIELD              # the field in focus …
    HELD_FIELD_BEFORE       # … and those before it
    HELD_FIELD_BEFORE_2
    HELD_FIELD_BEFORE_3
    HELD_HOVER              # controls hovered, newest first
    HELD_HOVER_2
    HELD_HOVER_3
    HELD_MENU               # menus and tabs opened, newest first
    HELD_MENU_2
    HELD_REFUSED            # the field for which the last attempt was refused
    HELD_SEARCH             # what a search was sent by
    HELD


cdef struct HotState:
    int64_t clock           # highest event time seen, epoch ms; -1: nothing seen yet
    int64_t origin          # epoch ms of relative time 0
    int64_t due             # earliest pending timer of any kernel, epoch ms; 0: none
    uint32_t last_seq       # highest seq taken; 0: none
    uint32_t page           # id in the detector's Names
    uint32_t visit          # slot of the session's VisitState
    int32_t sampled_t       # of the last 25 Hz sample
    float sampled_x
    float sampled_y
    MotionState motion
    PathState path
    ThrashState thrash


cdef struct StreamState:
    HotState hot
    AbandonmentState abandonment    # looked at by every move, and
    HesitationState hesitation      # by every event: near the hot part, and fetched with it
    RageState rage
    Mood mood[EMOTIONS]
    ConfusionState confusion
    uint32_t held[HELD]


# One event as the kernels see it. Borrowed by every kernel for the call.
cdef struct Moment:
    StreamState* state
    VisitState* visit
    Sink* sink
    int64_t now             # epoch ms, never behind an earlier one of the stream
    int32_t rel             # the same, since the stream's origin
    uint64_t ref            # seq << 16 | index
    uint32_t element        # id of the target; 0: none
    uint32_t flags          # of the target
    int pointer             # 0 mouse, 1 touch, 2 pen
