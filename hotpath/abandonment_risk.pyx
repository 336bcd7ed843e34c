"""The risk: what is marked, when time alone marks something, and how it ends."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from hotpath.abandonment cimport ABANDONMENT_CANCELLED, ABANDONMENT_CONFIRMED
from hotpath.abandonment_goal cimport (
    ANSWERED_MS,
    GOALS,
    goal_end,
    goal_is_here,
    goal_is_in_vain,
    goal_leave,
    goal_left,
    goal_notice,
    goal_seen,
    goal_settle,
    goal_sign,
    goal_stays_left,
    goal_turned,
    goal_value,
    goal_weight,
)
from hotpath.abandonment_state cimport HAS_PAGE, LEAVING, AbandonmentState
from hotpath.features cimport (
    ABANDONMENT,
    BACK_OUT,
    EXIT_INTENT,
    GOAL_VALUE,
    HIDDEN,
    HIDDEN_LONG,
    IDLE,
    IDLE_LONG,
    LEFT_DIRTY,
    STRUGGLE,
    UNLOADED,
)
from hotpath.judge cimport judge, judge_close
from hotpath.model cimport EmotionModel
from hotpath.mood cimport Mark, Mood, mood_forget, mood_mark, mood_newest
from hotpath.visit cimport GOAL_CART, GOAL_CHECKOUT, GOAL_PAYING, VisitState, visit_page


cdef enum:
    # A page that unloads is hidden as well: the next page's view comes within this time.
    HIDDEN_MS = 3000
    HIDDEN_LONG_MS = 30000
    HIDDEN_LONGER_MS = 5 * 60 * 1000
    AWAY_STAGES = 3
    PAYING_MS = 120000          # a bank or an application is being asked meanwhile
    # Idleness grows in stages; not even the pointer moves.
    IDLE_STAGES = 5
    IDLE_FIRST = 70             # strength of the first …
    IDLE_THIRD = 40             # … and of the third: hardly more than the second
    IDLE_MS = 30000
    IDLE_MOST_MS = 90000
    STEPS = 2                   # own steps' time that is idleness
    BOUNCE_MS = 10000           # who leaves within this time has only screened the page
    OVER_MS = 30 * 60 * 1000    # a visit is over when nothing happened for so long
    # What shows that somebody is going counts in full, however little was begun.
    SIGN_MASK = 1 << IDLE | 1 << HIDDEN | 1 << BACK_OUT
    CONTEXT_MASK = 1 << GOAL_VALUE | 1 << STRUGGLE
    # Anger shows in how somebody leaves, not in that they are elsewhere, or still.
    CALM_MASK = ABSENCE_MASK & ~<int>(1 << EXIT_INTENT)


cdef bint is_counting(Moment* moment, uint32_t mask) noexcept nogil:
    """Say whether a mark of any of the features still counts."""
    cdef const EmotionModel* model = &moment.sink.tables.emotion[<int>ABANDONMENT]
    cdef Mood* mood = &moment.state.mood[<int>ABANDONMENT]
    cdef Mark* mark
    cdef int back
    for back in range(mood.length):
        mark = mood_newest(mood, back)
        if mask >> mark.feature & 1 and moment.rel - mark.t <= model.window[mark.feature]:
            return True
    return False


cdef void remark(Moment* moment, int feature, uint64_t ref, int strength) noexcept nogil:
    """Mark a feature in place of its earlier mark."""
    cdef Mood* mood = &moment.state.mood[<int>ABANDONMENT]
    mood_forget(mood, <uint32_t>1 << feature)
    mood_mark(mood, feature, moment.rel, ref, strength)


cdef void remark_context(Moment* moment, int feature, uint64_t ref) noexcept nogil:
    """Mark what a sign rests on: what is at stake, and what went before."""
    cdef int value = goal_value(moment)
    remark(moment, GOAL_VALUE, ref, value)
    if goal_is_in_vain(moment) and not CALM_MASK >> feature & 1:
        remark(moment, STRUGGLE, ref, value)


cdef void cancel(Moment* moment) noexcept nogil:
    """Take the risk back, by the evidence of the visitor's last sign."""
    cdef Mood* mood = &moment.state.mood[<int>ABANDONMENT]
    mood_forget(mood, ALL_MASK)
    remark(moment, GOAL_VALUE, moment.state.abandonment.ref, 0)
    judge_close(moment, ABANDONMENT, ABANDONMENT_CANCELLED)
    mood_forget(mood, ALL_MASK)


cdef void risk_relent(Moment* moment, uint32_t mask) noexcept nogil:
    cdef Mood* mood = &moment.state.mood[<int>ABANDONMENT]
    if mood.length == 0 or not mood.open and not is_counting(moment, mask):
        return
    mood_forget(mood, mask)
    if not is_counting(moment, ALL_MASK & ~<int>CONTEXT_MASK):
        cancel(moment)


cdef bint is_quiet(Moment* moment) noexcept nogil:
    """Say whether leaving would mean nothing: something has just worked, or nothing was begun."""
    cdef VisitState* visit = moment.visit
    cdef int64_t left = moment.now
    if visit.success_t and moment.now - visit.success_t <= ANSWERED_MS:
        return True
    if visit.sent_t and moment.now - visit.sent_t <= ANSWERED_MS:
        return True
    if moment.state.abandonment.hidden_t >= 0:
        left = moment.state.hot.origin + moment.state.abandonment.hidden_t
    return (
        visit.length == 1 and not visit_page(visit, 0).acted
        and left - visit_page(visit, 0).since < BOUNCE_MS
    )


cdef void risk_turn(Moment* moment) noexcept nogil:
    goal_notice(moment)
    if goal_turned(moment):
        risk_relent(moment, ALL_MASK)


cdef void risk_note(Moment* moment, int feature, uint64_t ref, int strength) noexcept nogil:
    cdef int share
    if is_quiet(moment):
        return
    risk_turn(moment)
    if moment.element == 0:     # what was last filled in, if anything
        moment.element = moment.state.mood[<int>ABANDONMENT].element
    share = goal_sign(moment) if SIGN_MASK >> feature & 1 else goal_weight(moment)
    remark(moment, feature, ref, strength * share // 100)
    remark_context(moment, feature, ref)
    judge(moment, ABANDONMENT, feature)


cdef int32_t idle_after(AbandonmentState* own) noexcept nogil:
    """Return ms without anything after which the next stage of idleness begins."""
    cdef int32_t first = <int32_t>min(
        <int64_t>IDLE_MOST_MS, max(<int64_t>IDLE_MS, STEPS * <int64_t>own.step_ms)
    )
    if own.idle == 0:
        return STILL_MS
    if own.idle < 3:
        return first * own.idle
    return first * (4 if own.idle == 3 else 10)


cdef int idle_strength(int stage) noexcept nogil:
    if stage == 1:
        return IDLE_FIRST
    if stage == 3:
        return IDLE_THIRD
    return 150 if stage == IDLE_STAGES else 100


cdef int32_t away_after(Moment* moment) noexcept nogil:
    """Return ms of being hidden after which the next stage begins."""
    cdef AbandonmentState* own = &moment.state.abandonment
    cdef int32_t least = PAYING_MS if moment.visit.goal & GOAL_PAYING else 0
    if own.away == 0:
        return max(least, <int32_t>HIDDEN_MS)
    return max(least, <int32_t>(HIDDEN_LONG_MS if own.away == 1 else HIDDEN_LONGER_MS))


cdef bint is_idling(Moment* moment) noexcept nogil:
    cdef AbandonmentState* own = &moment.state.abandonment
    return own.hidden_t < 0 and own.idle < IDLE_STAGES and (
        goal_is_here(moment)
        or moment.visit.goal & (GOAL_CART | GOAL_CHECKOUT) and not goal_turned(moment)
    )


cdef int64_t leaving_at(Moment* moment) noexcept nogil:
    return max(moment.now, goal_left(moment) + BACK_MS)


cdef void risk_arm(Moment* moment) noexcept nogil:
    """Set the timer.

    It is never set later than it was, only earlier: whatever the visitor does would move it, and
    each move costs a message to the edge. A timer that comes too early finds nothing to do.
    """
    cdef AbandonmentState* own = &moment.state.abandonment
    cdef int64_t origin = moment.state.hot.origin, due
    if not moment.visit.goal & GOALS:
        own.due = 0
        return
    due = origin + own.active_t + OVER_MS
    if own.exit_t:
        due = min(due, origin + own.exit_t + EXIT_BACK_MS)
    if own.hidden_t >= 0 and own.away < AWAY_STAGES:
        due = min(due, origin + own.hidden_t + away_after(moment))
    if is_idling(moment):
        due = min(due, origin + goal_seen(moment) + idle_after(own))
    if own.traits & LEAVING:
        due = min(due, leaving_at(moment))
    if own.due == 0 or due < own.due:
        own.due = max(due, moment.now)      # a stage may have passed before there was a goal
    if own.ref == 0:
        own.ref = moment.ref


cdef void stand_down(Moment* moment) noexcept nogil:
    """The visit goes on in another stream, whose timers watch it from now on."""
    moment.state.abandonment.traits &= ~<int>LEAVING
    moment.state.abandonment.exit_t = 0
    mood_forget(&moment.state.mood[<int>ABANDONMENT], ABSENCE_MASK)
    if moment.state.mood[<int>ABANDONMENT].open and not goal_stays_left(moment):
        cancel(moment)


cdef void risk_timers(Moment* moment) noexcept nogil:
    cdef AbandonmentState* own = &moment.state.abandonment
    cdef int32_t rel = moment.rel
    own.due = 0
    goal_settle(moment)
    if moment.state.hot.origin + own.active_t < moment.visit.active_t:
        stand_down(moment)
        return
    if not moment.visit.goal & GOALS:
        risk_relent(moment, ALL_MASK)
        return
    if own.exit_t and rel - own.exit_t >= EXIT_BACK_MS:
        own.exit_t = 0
        risk_note(moment, EXIT_INTENT, own.ref, 100)
    while own.hidden_t >= 0 and own.away < AWAY_STAGES and (
        rel - own.hidden_t >= away_after(moment)
    ):
        own.away += 1
        risk_note(
            moment, HIDDEN if own.away == 1 else HIDDEN_LONG, own.ref,
            150 if own.away == AWAY_STAGES else 100,
        )
    while is_idling(moment) and rel - goal_seen(moment) >= idle_after(own):
        own.idle += 1
        risk_note(moment, IDLE if own.idle < 3 else IDLE_LONG, own.ref, idle_strength(own.idle))
    if own.traits & LEAVING and moment.now >= leaving_at(moment):
        risk_leave_form(moment, own.ref)
    if rel - own.active_t >= OVER_MS:
        risk_abandon(moment, own.ref)
        return
    risk_arm(moment)


cdef void finish(Moment* moment) noexcept nogil:
    """Nothing is left to be abandoned."""
    cdef AbandonmentState* own = &moment.state.abandonment
    goal_end(moment)
    own.traits &= HAS_PAGE
    own.exit_t = 0
    own.due = 0


cdef void risk_succeed(Moment* moment) noexcept nogil:
    finish(moment)
    risk_relent(moment, ALL_MASK)


cdef void risk_abandon(Moment* moment, uint64_t ref) noexcept nogil:
    cdef Mood* mood = &moment.state.mood[<int>ABANDONMENT]
    if moment.visit.goal & GOALS and not is_quiet(moment):
        risk_turn(moment)
        moment.element = mood.element
        remark(moment, UNLOADED, ref, goal_weight(moment))
        remark_context(moment, UNLOADED, ref)
        if not mood.open:
            judge(moment, ABANDONMENT, UNLOADED)
        judge_close(moment, ABANDONMENT, ABANDONMENT_CONFIRMED)
    else:
        risk_relent(moment, ALL_MASK)
    mood_forget(mood, ALL_MASK)
    finish(moment)


cdef void risk_leave_form(Moment* moment, uint64_t ref) noexcept nogil:
    cdef AbandonmentState* own = &moment.state.abandonment
    own.traits &= HAS_PAGE
    if goal_left(moment):
        goal_leave(moment)
        risk_note(moment, LEFT_DIRTY, ref, 100)
