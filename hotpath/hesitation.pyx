"""Hesitation: a decision that does not come.

Dwelling, returning and toggling are about what is decided on; typing, pausing and cancelling about
how it is done; the way of the pointer (deliberation, wavering) supports, and never alarms alone.
Sources of the measures: features.pxd; of their use in choice conflict: Fernandez-Fontelo et al.
2021 (hover, y-flips), Kieslich & Henninger 2017 (time and deviation of the path to a choice).
"""

from libc.math cimport isnan, sqrtf
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t

from hotpath.events cimport (
    BUTTON,
    CANVAS,
    CAROUSEL,
    CHECKOUT,
    CLOSE,
    CTA,
    DATE_PICKER,
    DISABLED,
    FORM,
    GAME,
    LINK,
    MAP,
    MEDIA,
    MENU,
    NAV,
    PAGINATOR,
    PRICE,
    STEPPER,
    TAB,
    TEXT_FIELD,
    UNOBSERVED,
)
from hotpath.features cimport (
    CANCELLED_PRESS,
    DELIBERATION,
    DWELL,
    HESITATION,
    LEFT_EMPTY,
    PAUSE_BEFORE_SUBMIT,
    RETURNS,
    REWRITING,
    SLOW_START,
    SLOW_TYPING,
    TOGGLING,
    WAVERING,
)
from hotpath.hesitation_state cimport (
    FIELD_ELSEWHERE,
    FIELD_EMPTY,
    FIELD_WRITTEN,
    PAUSE_ENDED,
    PAUSE_MARKED,
    PAUSE_OPEN,
    HesitationState,
)
from hotpath.judge cimport judge
from hotpath.mood cimport FULL, Mood, mood_forget, mood_mark, mood_raise
from hotpath.path cimport PATH_REST_MS, PathState
from hotpath.state cimport (
    HELD_CHANGED,
    HELD_CHANGED_BEFORE,
    HELD_DWELL,
    HELD_LEFT,
    HELD_LEFT_BEFORE,
)
from hotpath.visit cimport visit_page


cdef enum:
    # What a visitor decides about, and what is merely there to be read, played or leafed through.
    SENDS = CTA | CHECKOUT
    DECISION = SENDS | PRICE
    PASSIVE = (
        UNOBSERVED | MEDIA | CANVAS | MAP | GAME | TEXT_FIELD | CAROUSEL | PAGINATOR | CLOSE
        | STEPPER | DATE_PICKER | DISABLED
    )
    WAYS = LINK | NAV | TAB | MENU
    SENT = FORM | CHECKOUT      # what is filled in there is sent by a press
    SETTLE_MS = 1500            # a page is looked at first: what begins sooner is no dwell
    DWELL_MS = 2500             # a live dwell counts from here …
    DWELL_LONG_MS = 4500        # … and for more from here
    DWELT_MS = 2000             # a dwell that is over counts from here
    PARKED_MS = 12000           # who rests for longer has put the mouse down
    RETURN_MS = 15000           # back on what was left so recently
    CHANGE_MS = 20000           # options changed within that belong together …
    PLAYED_MS = 600             # … and sooner than that are played with, not weighed
    TOGGLES = 3                 # changes among the same two options
    KEYS = 4                    # fewer keys have no pace
    PACED_BURSTS = 3            # before which the visitor's own pace is not known
    REWRITTEN_KEYS = 8          # those that deleted among them
    START_MS = 3000             # from focus to the first key
    START_LONG_MS = 8000
    FIELD_AWAY_MS = 45000       # who stays longer was elsewhere
    PAUSE_MS = 6000             # from the last thing filled in, with nothing sent …
    PAUSED_MS = 4000            # … or until it was
    PAUSED_LONG_MS = 9000
    PAUSE_AWAY_MS = 60000
    FILLS = 2                   # things filled in that make a form
    WAY_LONG_MS = 8000          # a way that took longer led past other things
    WAY_FADED_MS = 14000


cdef inline uint8_t worth(uint32_t flags) noexcept nogil:
    """Return how much of a decision a target is, in percent; 0: none."""
    if flags & PASSIVE:
        return 0
    if flags & DECISION:
        return FULL
    if flags & WAYS:
        return 30
    return 60 if flags & BUTTON else 0


cdef inline bint settled(Moment* moment, int32_t since) noexcept nogil:
    """Say whether the page had been there for a while at `since`."""
    return (
        moment.state.hot.origin + since >= visit_page(moment.visit, 0).since + SETTLE_MS
    )


cdef inline void set_timer(Moment* moment) noexcept nogil:
    """Set the timer to the next thing that time alone would tell."""
    cdef HesitationState* own = &moment.state.hesitation
    cdef int64_t next = 0, at
    if own.dwelling == 1 or own.dwelling == 2:
        next = own.dwell_since + <int64_t>(DWELL_MS if own.dwelling == 1 else DWELL_LONG_MS)
        next = max(next, <int64_t>moment.rel)       # it may be told late
    if own.fills >= FILLS and not own.paused and own.field != FIELD_EMPTY:
        at = own.filled_t + <int64_t>PAUSE_MS
        if next == 0 or at < next:
            next = at
    own.due = moment.state.hot.origin + next if next else 0


cdef inline void stop_dwelling(Moment* moment) noexcept nogil:
    """Let what the pointer rests on be no dwell, now or later: the visitor is at something else."""
    moment.state.hesitation.dwelling = 0
    moment.state.hesitation.dwell_since = moment.rel
    moment.state.held[<int>HELD_DWELL] = 0


cdef void hesitation_begin(StreamState* state) noexcept nogil:
    pass


cdef void hesitation_hover(Moment* moment, float ms, bint open) noexcept nogil:
    cdef HesitationState* own = &moment.state.hesitation
    cdef uint32_t* held = moment.state.held
    cdef Mood* mood = &moment.state.mood[<int>HESITATION]
    cdef uint8_t strength = worth(moment.flags)
    cdef int32_t since
    cdef bint known = own.dwelling and held[<int>HELD_DWELL] == moment.element
    if moment.pointer != 0 or isnan(ms) or not strength or not moment.element:
        stop_dwelling(moment)
        set_timer(moment)
        return
    since = moment.rel - <int32_t>max(<float>0, min(ms, <float>3600000))
    if not known and (since < own.dwell_since or not settled(moment, since)):
        strength = 0
    if not known and strength >= 60 and moment.rel - own.left_t <= RETURN_MS and (
        held[<int>HELD_LEFT] == moment.element or held[<int>HELD_LEFT_BEFORE] == moment.element
    ):
        mood_mark(mood, RETURNS, moment.rel, moment.ref, strength)
        judge(moment, HESITATION, RETURNS)
    if open:
        own.dwelling = 0
        if strength:
            own.dwelling = 1
            own.dwell_since = since
            own.dwell_ref = moment.ref
            own.dwell_strength = strength
            held[<int>HELD_DWELL] = moment.element
        set_timer(moment)
        return
    if ms > PARKED_MS:
        mood_forget(mood, 1 << DWELL)
    elif strength:
        if ms >= DWELT_MS:
            if ms < DWELL_MS:
                strength = strength * 4 // 5
            elif ms >= DWELL_LONG_MS:
                strength += strength // 2
            mood_raise(mood, DWELL, moment.rel, moment.ref, strength, DWELL_LONG_MS)
            judge(moment, HESITATION, DWELL)
        if moment.rel - own.left_t > RETURN_MS:
            held[<int>HELD_LEFT] = held[<int>HELD_LEFT_BEFORE] = 0
        if held[<int>HELD_LEFT] != moment.element:
            held[<int>HELD_LEFT_BEFORE] = held[<int>HELD_LEFT]
        held[<int>HELD_LEFT] = moment.element
        own.left_t = moment.rel
    stop_dwelling(moment)
    set_timer(moment)


cdef void hesitation_timers(Moment* moment) noexcept nogil:
    cdef HesitationState* own = &moment.state.hesitation
    cdef Mood* mood = &moment.state.mood[<int>HESITATION]
    cdef int32_t dwelt = moment.rel - own.dwell_since
    if own.dwelling == 1 and dwelt >= DWELL_MS:
        own.dwelling = 2
        moment.element = moment.state.held[<int>HELD_DWELL]
        mood_raise(mood, DWELL, moment.rel, own.dwell_ref, own.dwell_strength, DWELL_MS)
        judge(moment, HESITATION, DWELL)
    elif own.dwelling == 2 and dwelt >= DWELL_LONG_MS:
        own.dwelling = 3
        moment.element = moment.state.held[<int>HELD_DWELL]
        mood_raise(
            mood, DWELL, moment.rel, own.dwell_ref,
            own.dwell_strength + own.dwell_strength // 2, DWELL_LONG_MS,
        )
        judge(moment, HESITATION, DWELL)
    if (
        own.fills >= FILLS and not own.paused and own.field != FIELD_EMPTY
        and moment.rel - own.filled_t >= PAUSE_MS
    ):
        own.paused = PAUSE_MARKED
        moment.element = 0
        mood_mark(mood, PAUSE_BEFORE_SUBMIT, moment.rel, own.filled_ref, 80)
        judge(moment, HESITATION, PAUSE_BEFORE_SUBMIT)
    set_timer(moment)


cdef int way_strength(int32_t took) noexcept nogil:
    """Return how much of a deliberation a way of `took` ms is, in percent."""
    if took <= 1000:
        return 0
    if took <= 4000:
        return 100 * (took - 1000) // 3000
    if took <= WAY_LONG_MS:
        return 100
    return 100 * max(0, WAY_FADED_MS - took) // (WAY_FADED_MS - WAY_LONG_MS)


cdef void judge_way(Moment* moment) noexcept nogil:
    """Judge the way that led to a press."""
    cdef PathState* path = &moment.state.hot.path
    cdef Mood* mood = &moment.state.mood[<int>HESITATION]
    cdef float dx, dy, straight, excess
    cdef int strength
    if moment.pointer != 0 or not path.begun:
        return
    if moment.rel - moment.state.hot.sampled_t > PATH_REST_MS:
        return      # the way was over: a rest is a dwell, and counts as one
    strength = way_strength(moment.rel - path.since)
    if strength:
        mood_mark(mood, DELIBERATION, moment.rel, moment.ref, strength)
    dx = moment.state.hot.sampled_x - path.x
    dy = moment.state.hot.sampled_y - path.y
    straight = max(<float>1, sqrtf(dx * dx + dy * dy))
    excess = min(<float>1, path.length / straight - 1)
    strength = min(150, 15 * (path.flips_x + path.flips_y) + <int>(50 * max(<float>0, excess)))
    if strength >= 20:
        mood_mark(mood, WAVERING, moment.rel, moment.ref, strength)


cdef void judge_pause(Moment* moment) noexcept nogil:
    """Judge the time that a filled form took to be sent."""
    cdef HesitationState* own = &moment.state.hesitation
    cdef int32_t paused = moment.rel - own.filled_t
    if own.fills >= FILLS and own.paused != PAUSE_ENDED and (
        PAUSED_MS <= paused <= PAUSE_AWAY_MS
    ):
        mood_raise(
            &moment.state.mood[<int>HESITATION], PAUSE_BEFORE_SUBMIT, moment.rel, moment.ref,
            FULL if paused < PAUSED_LONG_MS else FULL + FULL // 2, PAUSE_AWAY_MS,
        )
        judge(moment, HESITATION, PAUSE_BEFORE_SUBMIT)


cdef bint is_about(Moment* moment) noexcept nogil:
    """Say whether the mouse rests on the element, or has just left it, last or before that."""
    cdef HesitationState* own = &moment.state.hesitation
    cdef const uint32_t* held = moment.state.held
    return moment.element and (
        own.dwelling and held[<int>HELD_DWELL] == moment.element
        or moment.rel - own.left_t <= RETURN_MS and (
            held[<int>HELD_LEFT] == moment.element or held[<int>HELD_LEFT_BEFORE] == moment.element
        )
    )


cdef void hesitation_press(Moment* moment) noexcept nogil:
    cdef HesitationState* own = &moment.state.hesitation
    cdef Mood* mood = &moment.state.mood[<int>HESITATION]
    cdef uint32_t flags = moment.flags
    if worth(flags) >= 60:
        if not is_about(moment):    # that was read, not weighed
            mood_forget(mood, 1 << DWELL)
        judge_way(moment)
        if flags & SENDS:
            judge_pause(moment)
            own.paused = PAUSE_ENDED
        judge(moment, HESITATION, DELIBERATION)
        # The decision has come; unless it was a price, which decides nothing.
        mood_forget(mood, 1 << DWELL | 1 << RETURNS)
        if flags & (SENDS | BUTTON):
            mood_forget(mood, 1 << PAUSE_BEFORE_SUBMIT)
            own.paused = max(own.paused, <uint8_t>PAUSE_MARKED)
    if moment.state.held[<int>HELD_LEFT] == moment.element:
        moment.state.held[<int>HELD_LEFT] = 0
    if moment.state.held[<int>HELD_LEFT_BEFORE] == moment.element:
        moment.state.held[<int>HELD_LEFT_BEFORE] = 0
    stop_dwelling(moment)
    set_timer(moment)


cdef inline void fill(Moment* moment, bint another) noexcept nogil:
    """Note that something was filled in: another thing, or more of the last one."""
    cdef HesitationState* own = &moment.state.hesitation
    if not moment.flags & SENT:
        return
    # It was no pause before sending: there was more to fill in, or a long burst under way.
    mood_forget(&moment.state.mood[<int>HESITATION], 1 << PAUSE_BEFORE_SUBMIT)
    own.fills = min(255, own.fills + another)
    own.filled_t = moment.rel
    own.filled_ref = moment.ref
    own.paused = PAUSE_OPEN
    set_timer(moment)


cdef inline void attend(Moment* moment) noexcept nogil:
    """Let the visitor be at a field, wherever the mouse was left."""
    stop_dwelling(moment)
    set_timer(moment)


cdef void hesitation_change(Moment* moment) noexcept nogil:
    cdef HesitationState* own = &moment.state.hesitation
    cdef uint32_t* held = moment.state.held
    cdef int32_t since
    fill(moment, held[<int>HELD_CHANGED] != moment.element)
    attend(moment)
    if moment.flags & PASSIVE or not moment.element:
        return
    if moment.rel - own.change_t > CHANGE_MS or not held[<int>HELD_CHANGED]:
        own.changes = 0
        held[<int>HELD_CHANGED_BEFORE] = 0
    since = moment.rel - own.change_t
    own.change_t = moment.rel
    if since < PLAYED_MS and own.changes:
        return
    if (
        held[<int>HELD_CHANGED] == moment.element
        or held[<int>HELD_CHANGED_BEFORE] == moment.element
        or own.changes == 0
    ):
        own.changes = min(255, own.changes + 1)
    else:
        own.changes = 2     # this one, and the one before it
    if held[<int>HELD_CHANGED] != moment.element:
        held[<int>HELD_CHANGED_BEFORE] = held[<int>HELD_CHANGED]
        held[<int>HELD_CHANGED] = moment.element
    if own.changes >= TOGGLES:
        mood_mark(
            &moment.state.mood[<int>HESITATION], TOGGLING, moment.rel, moment.ref,
            FULL if own.changes == TOGGLES else FULL // 2,
        )
        judge(moment, HESITATION, TOGGLING)


cdef inline void leave_field(HesitationState* own) noexcept nogil:
    own.field = FIELD_ELSEWHERE     # the next first key needs a focus of its own
    own.counted = False
    own.keys = own.deletes = 0


cdef void hesitation_focus(Moment* moment) noexcept nogil:
    cdef HesitationState* own = &moment.state.hesitation
    leave_field(own)
    own.focus_t = moment.rel
    if settled(moment, moment.rel):     # a page that puts the focus itself is read first
        own.field = FIELD_EMPTY
    attend(moment)


cdef void hesitation_blur(Moment* moment, bint filled, float ms) noexcept nogil:
    cdef HesitationState* own = &moment.state.hesitation
    if (
        not filled and own.field != FIELD_ELSEWHERE
        and moment.flags & TEXT_FIELD and START_MS <= ms <= FIELD_AWAY_MS
    ):
        mood_mark(
            &moment.state.mood[<int>HESITATION], LEFT_EMPTY, moment.rel, moment.ref,
            FULL + FULL // 2 if own.deletes else FULL,
        )
        judge(moment, HESITATION, LEFT_EMPTY)
    if own.field == FIELD_EMPTY:
        own.filled_t = moment.rel   # left out: dealt with, as good as filled in
    leave_field(own)
    set_timer(moment)


cdef void judge_pace(Moment* moment, float keys, float ms) noexcept nogil:
    """Judge a burst of keys against the visitor's own pace, and learn from it."""
    cdef HesitationState* own = &moment.state.hesitation
    cdef int32_t pace
    if not keys >= KEYS or not ms > 0:
        return
    pace = <int32_t>min(<float>5000, ms / keys)
    if own.bursts >= PACED_BURSTS and 2 * pace > 5 * <int32_t>own.key_ms:
        mood_mark(
            &moment.state.mood[<int>HESITATION], SLOW_TYPING, moment.rel, moment.ref,
            FULL if pace < 4 * <int32_t>own.key_ms else FULL + FULL // 2,
        )
        judge(moment, HESITATION, SLOW_TYPING)
    if own.bursts == 0:
        own.key_ms = <uint16_t>pace
    elif pace > own.key_ms:     # a median, one step at a time
        own.key_ms += <uint16_t>max(1, own.key_ms // 8)
    elif pace < own.key_ms:
        own.key_ms -= <uint16_t>max(1, own.key_ms // 8)
    own.bursts = min(255, own.bursts + 1)


cdef inline int32_t waited_ms(float ms) noexcept nogil:
    """Return how long a burst of keys took; not known: no time."""
    return <int32_t>min(ms, <float>60000) if ms > 0 else 0


cdef inline uint8_t counted(uint8_t so_far, float more) noexcept nogil:
    return <uint8_t>min(<float>255, so_far + more) if more > 0 else so_far


cdef void hesitation_input(
    Moment* moment, float keys, float deletes, float ms, bint paste
) noexcept nogil:
    cdef HesitationState* own = &moment.state.hesitation
    cdef Mood* mood = &moment.state.mood[<int>HESITATION]
    cdef int32_t waited
    cdef bint empty
    fill(moment, not own.counted)
    own.counted = True
    empty = own.field == FIELD_EMPTY
    own.field = FIELD_WRITTEN
    attend(moment)
    if paste or not moment.flags & TEXT_FIELD or not (keys > 0 or deletes > 0):
        return      # pasted, or filled in by the browser
    if empty:
        waited = moment.rel - own.focus_t - waited_ms(ms)
        if START_MS <= waited <= FIELD_AWAY_MS:
            mood_mark(
                mood, SLOW_START, moment.rel, moment.ref,
                FULL if waited < START_LONG_MS else FULL + FULL // 2,
            )
            judge(moment, HESITATION, SLOW_START)
    judge_pace(moment, keys, ms)
    if isnan(deletes):
        return
    own.keys = counted(own.keys, keys)
    own.deletes = counted(own.deletes, deletes)
    if (
        <int32_t>own.keys + own.deletes >= REWRITTEN_KEYS
        and 10 * <int32_t>own.deletes >= 3 * <int32_t>own.keys
    ):
        mood_raise(
            mood, REWRITING, moment.rel, moment.ref,
            FULL if 2 * <int32_t>own.deletes < own.keys else FULL + FULL // 2, FIELD_AWAY_MS,
        )
        judge(moment, HESITATION, REWRITING)


cdef void hesitation_submit(Moment* moment) noexcept nogil:
    judge_pause(moment)
    hesitation_success(moment)


cdef void hesitation_success(Moment* moment) noexcept nogil:
    moment.state.hesitation.fills = 0
    moment.state.mood[<int>HESITATION].length = 0     # it is decided
    stop_dwelling(moment)
    set_timer(moment)


cdef void hesitation_cancel(Moment* moment) noexcept nogil:
    cdef uint8_t strength = worth(moment.flags)
    if strength >= 60:
        if is_about(moment):
            strength += strength // 2   # it was no slip of the hand
        mood_mark(
            &moment.state.mood[<int>HESITATION], CANCELLED_PRESS, moment.rel, moment.ref, strength
        )
        judge(moment, HESITATION, CANCELLED_PRESS)


cdef void hesitation_end(Moment* moment) noexcept nogil:
    cdef HesitationState* own = &moment.state.hesitation
    stop_dwelling(moment)
    moment.state.held[<int>HELD_LEFT] = moment.state.held[<int>HELD_LEFT_BEFORE] = 0
    moment.state.held[<int>HELD_CHANGED] = 0
    own.changes = own.fills = 0
    leave_field(own)
    own.due = 0
