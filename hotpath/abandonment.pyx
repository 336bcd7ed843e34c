"""Abandonment: a goal in progress, about to be given up."""

from libc.stdint cimport int32_t, uint32_t

from hotpath.abandonment_goal cimport (
    GOALS,
    goal_backs_off,
    goal_begun,
    goal_enter,
    goal_fill,
    goal_invalid,
    goal_is_here,
    goal_is_in_vain,
    goal_left,
    goal_page,
    goal_press,
    goal_settle,
    goal_submit,
    goal_track,
    goal_turned,
)
from hotpath.abandonment_risk cimport (
    ABSENCE_MASK,
    STILL_MS,
    risk_abandon,
    risk_arm,
    risk_leave_form,
    risk_note,
    risk_relent,
    risk_succeed,
    risk_timers,
    risk_turn,
)
from hotpath.abandonment_state cimport HAS_FORM, HAS_PAGE, LEAVING, AbandonmentState
from hotpath.features cimport BACK_OUT, LEFT_DIRTY
from hotpath.visit cimport (
    EVENT_SAVED,
    GOAL_FORM,
    GOAL_SENT,
    MEANS_CART,
    MEANS_CHECKOUT,
    MEANS_FORM,
    MEANS_SUCCESS,
    PageVisit,
    visit_page,
)


cdef enum:
    EXIT_TOP = 0                # position of the edge in the contract's list
    EXIT_PX_S = -300            # shooting out, not drifting
    EXIT_AFTER_MS = 5000        # since the page view: before that the page is only being screened
    STEP_MOST_MS = 120000       # a longer gap is a rest, not a step
    NAV_BACK = 2                # positions in the contract's list
    NAV_RELOAD = 3
    # Strengths of going back.
    FROM_CHECKOUT = 100
    FROM_UNTOUCHED = 75         # where nothing was filled in
    FROM_CART = 55              # or from a checkout to its cart
    BY_BACK_BUTTON = 130        # percent of them
    MAYBE_TAB = 60              # … where another page was loaded: maybe in another tab
    PAGES_MASK = 1 << BACK_OUT | 1 << LEFT_DIRTY


cdef void abandonment_begin(StreamState* state) noexcept nogil:
    state.abandonment.hidden_t = -1
    state.abandonment.step_t = -1


cdef void show(Moment* moment) noexcept nogil:
    """The tab is visible, whether that was said or is plain from what is done there."""
    cdef AbandonmentState* own = &moment.state.abandonment
    own.hidden_t = -1
    own.away = 0
    own.step_t = -1
    own.exit_t = 0
    own.idle = 0
    own.active_t = moment.rel
    own.ref = moment.ref


cdef void abandonment_active(Moment* moment) noexcept nogil:
    cdef AbandonmentState* own = &moment.state.abandonment
    own.active_t = moment.rel
    if own.hidden_t >= 0:
        return      # what was under way when the tab was hidden; nobody is there
    own.ref = moment.ref
    own.exit_t = 0
    own.idle = 0
    risk_relent(moment, ABSENCE_MASK)
    risk_turn(moment)
    # Whoever is there now can bring no timer nearer than the first stage of idleness.
    if not own.due or own.due > moment.now + STILL_MS or own.traits & LEAVING or not (
        moment.visit.goal & GOALS
    ):
        risk_arm(moment)


cdef void step(Moment* moment) noexcept nogil:
    """The visitor did something about the goal, and so is there."""
    cdef AbandonmentState* own = &moment.state.abandonment
    cdef int32_t gap
    goal_settle(moment)
    if own.hidden_t >= 0:
        show(moment)
        risk_relent(moment, ABSENCE_MASK)
    gap = moment.rel - own.step_t
    if own.step_t >= 0 and gap <= STEP_MOST_MS:
        if own.step_ms == 0:
            own.step_ms = <uint32_t>gap
        elif <uint32_t>gap > own.step_ms:       # an eighth towards it: comes to rest at the median
            own.step_ms += own.step_ms >> 3
        else:
            own.step_ms -= own.step_ms >> 3
    own.step_t = moment.rel


cdef void abandonment_exit(Moment* moment, int edge, float vx, float vy) noexcept nogil:
    cdef AbandonmentState* own = &moment.state.abandonment
    goal_settle(moment)
    if (
        moment.pointer == 0 and edge == EXIT_TOP and vy <= EXIT_PX_S
        and moment.visit.goal & GOALS and own.hidden_t < 0
        and moment.now - goal_page(moment).since >= EXIT_AFTER_MS
    ):
        own.exit_t = moment.rel
        own.ref = moment.ref
        risk_arm(moment)


cdef void abandonment_inside(Moment* moment) noexcept nogil:
    moment.state.abandonment.exit_t = 0


cdef void abandonment_visibility(Moment* moment, bint visible) noexcept nogil:
    cdef AbandonmentState* own = &moment.state.abandonment
    cdef int32_t hidden_t = own.hidden_t
    goal_settle(moment)
    if visible and hidden_t >= 0:
        show(moment)    # who is back has not gone on yet
    elif not visible and hidden_t < 0:
        own.hidden_t = moment.rel
        own.ref = moment.ref
    risk_arm(moment)


cdef void go_on(Moment* moment) noexcept nogil:
    """Who does something about the goal is back at it; who does something else has turned to it."""
    if goal_is_here(moment):
        risk_relent(moment, 1 << BACK_OUT)
    risk_turn(moment)


cdef void abandonment_press(Moment* moment) noexcept nogil:
    step(moment)
    goal_press(moment)
    go_on(moment)
    risk_arm(moment)


cdef void abandonment_fill(Moment* moment) noexcept nogil:
    step(moment)
    goal_fill(moment)
    go_on(moment)
    if goal_page(moment).meaning & MEANS_FORM:
        moment.state.abandonment.traits |= HAS_FORM
        risk_relent(moment, 1 << LEFT_DIRTY)
    risk_arm(moment)


cdef void abandonment_submit(Moment* moment) noexcept nogil:
    step(moment)
    goal_submit(moment)
    risk_arm(moment)


cdef void abandonment_invalid(Moment* moment) noexcept nogil:
    goal_settle(moment)
    goal_invalid(moment)
    risk_arm(moment)


cdef void back_out(Moment* moment) noexcept nogil:
    """Note that the visitor went back from a cart or a checkout with nothing done, or half."""
    cdef PageVisit* page = visit_page(moment.visit, 0)
    cdef PageVisit* before = visit_page(moment.visit, 1)
    cdef bint same = moment.state.abandonment.traits & HAS_PAGE != 0
    cdef int from_, strength
    if moment.visit.length < 2 or before.page == page.page or goal_turned(moment):
        return
    if before.acted and not goal_is_in_vain(moment) and not (
        before.meaning & MEANS_CHECKOUT and goal_begun(moment)
    ):
        return
    if page.nav == NAV_RELOAD:
        return
    from_ = before.meaning & (MEANS_CART | MEANS_CHECKOUT)
    if not from_ or page.meaning & MEANS_CHECKOUT or page.meaning & from_:
        return
    strength = FROM_CART
    if from_ & MEANS_CHECKOUT and not page.meaning & MEANS_CART:
        strength = FROM_CHECKOUT if goal_begun(moment) else FROM_UNTOUCHED
    if page.nav == NAV_BACK:
        strength = strength * BY_BACK_BUTTON // 100
    elif not same:
        strength = strength * MAYBE_TAB // 100
    risk_note(moment, BACK_OUT, moment.ref, strength)


cdef void abandonment_page(Moment* moment) noexcept nogil:
    cdef AbandonmentState* own = &moment.state.abandonment
    cdef PageVisit* page = visit_page(moment.visit, 0)
    own.active_t = moment.rel
    own.ref = moment.ref
    goal_settle(moment)
    if page.meaning & MEANS_SUCCESS or goal_enter(moment):
        risk_succeed(moment)
    if own.hidden_t < 0:
        own.exit_t = 0
        own.idle = 0
        if not goal_backs_off(moment):
            risk_relent(moment, ABSENCE_MASK)
    risk_turn(moment)
    if moment.visit.goal & GOALS:
        if page.meaning & (MEANS_CART | MEANS_CHECKOUT):
            risk_relent(moment, PAGES_MASK)
        if page.meaning & MEANS_FORM:
            own.traits |= HAS_FORM
            risk_relent(moment, 1 << LEFT_DIRTY)
        back_out(moment)
        if goal_left(moment) == 0:
            own.traits &= ~<int>LEAVING
        elif own.traits & HAS_FORM:
            risk_leave_form(moment, moment.ref)
        else:
            own.traits |= LEAVING
    if not moment.visit.goal & GOAL_FORM:
        own.traits &= ~<int>HAS_FORM
    own.traits |= HAS_PAGE
    risk_arm(moment)


cdef void abandonment_track(Moment* moment, int meaning) noexcept nogil:
    goal_settle(moment)
    if meaning & (MEANS_SUCCESS | EVENT_SAVED):
        risk_succeed(moment)
    else:
        goal_track(moment, meaning)
        risk_arm(moment)


cdef void abandonment_end(Moment* moment) noexcept nogil:
    goal_settle(moment)
    if moment.visit.goal & GOAL_SENT:
        moment.visit.goal &= ~<int>GOAL_FORM    # the answer was not waited for
    risk_abandon(moment, moment.ref)


cdef void abandonment_timers(Moment* moment) noexcept nogil:
    risk_timers(moment)
