"""Goals: what begins, furthers and ends what a visitor is about to finish."""

from libc.stdint cimport int32_t, int64_t, uint32_t

from hotpath.events cimport BUTTON, CHECKOUT, CLOSE, DISABLED, FORM, LINK, NAV, TEXT_FIELD
from hotpath.features cimport ABANDONMENT
from hotpath.visit cimport (
    GOAL_CART,
    GOAL_CHECKOUT,
    GOAL_FILLED,
    GOAL_FILLED_MASK,
    GOAL_FORM,
    GOAL_PAYING,
    GOAL_SENT,
    GOAL_STEP,
    MEANS_CART,
    MEANS_CHECKOUT,
    MEANS_FORM,
    MEANS_LEFT,
    MEANS_PURSUED,
    MEANS_SEARCH,
    MEANS_TURNED,
    PAGES,
    PageVisit,
    visit_page,
)


cdef enum:
    NAV_BACK = 2                # position of back_forward in the contract's list
    MEANS_BUYING = MEANS_CART | MEANS_CHECKOUT
    GOAL_BUYING = GOAL_CART | GOAL_CHECKOUT
    READ_MS = 18000             # who still looks at something else by then has turned to it
    # What is at stake, in percent.
    STAKE_CHECKOUT = 100        # something was filled in, or sent
    STAKE_UNTOUCHED = 70        # a checkout at which nothing was filled in
    STAKE_CART = 55
    STAKE_FRESH = 90            # a cart that was opened, looked at and left at once
    STAKE_WORKED = 35           # a cart in which something was done, and so not looked at and left
    FRESH_MS = 15000
    STRUGGLE_MS = 60000
    # Percent of that once the visitor has turned to something else.
    ASIDE = 30
    ASIDE_CHECKOUT = 50
    HALF_VALUE = 50             # of a goal of which nothing was begun
    FORM_BITS = GOAL_FORM | GOAL_SENT | GOAL_FILLED_MASK
    # A search that leads to its results was sent, even if no submit was seen; it is short.
    SEARCH_FILLED = 2 * GOAL_FILLED


cdef PageVisit* goal_page(Moment* moment) noexcept nogil:
    cdef int back
    for back in range(moment.visit.length):
        if visit_page(moment.visit, back).page == moment.state.hot.page:
            return visit_page(moment.visit, back)
    return visit_page(moment.visit, 0)


cdef inline bint is_goal_page(PageVisit* page) noexcept nogil:
    return page.meaning & (MEANS_BUYING | MEANS_PURSUED) != 0


cdef inline bint is_pursued(PageVisit* page) noexcept nogil:
    """Say whether the visitor came here to buy, not just past it on the way back."""
    return is_goal_page(page) and (page.nav != NAV_BACK or page.acted)


cdef int pages_since(Moment* moment) noexcept nogil:
    """Return how many pages ago the visitor was last where something is bought."""
    cdef int back
    for back in range(moment.visit.length):
        if is_pursued(visit_page(moment.visit, back)):
            return back
    return moment.visit.length


cdef bint goal_turned(Moment* moment) noexcept nogil:
    cdef int back, since
    cdef PageVisit* page
    if not moment.visit.goal & GOAL_BUYING:
        return False
    since = pages_since(moment)
    for back in range(since):
        if visit_page(moment.visit, back).meaning & MEANS_TURNED:
            return True
    if since == moment.visit.length:
        return since == PAGES       # out of sight
    page = visit_page(moment.visit, since)
    return (
        since > 0 and page.meaning & MEANS_TURNED
        and visit_page(moment.visit, since - 1).nav != NAV_BACK
    )


cdef int32_t goal_seen(Moment* moment) noexcept nogil:
    return max(moment.state.abandonment.active_t, moment.state.hot.sampled_t)


cdef bint goal_is_in_vain(Moment* moment) noexcept nogil:
    cdef int64_t burst = 0      # a stream's bursts are its own
    if moment.state.rage.episode_rev:
        burst = moment.state.rage.origin + moment.state.rage.episode_t
    return moment.now - max(burst, moment.visit.struggle_t) <= STRUGGLE_MS


cdef void goal_notice(Moment* moment) noexcept nogil:
    cdef int since
    cdef int64_t seen = moment.state.hot.origin + goal_seen(moment)
    if not moment.visit.goal & GOAL_BUYING:
        return
    since = pages_since(moment)
    if 0 < since < moment.visit.length and not is_goal_page(visit_page(moment.visit, 0)) and (
        seen - visit_page(moment.visit, since - 1).since >= READ_MS
    ):
        visit_page(moment.visit, 0).meaning |= MEANS_TURNED


cdef void end_form(Moment* moment) noexcept nogil:
    moment.visit.goal &= ~<int>FORM_BITS


cdef void goal_settle(Moment* moment) noexcept nogil:
    if moment.visit.goal & GOAL_SENT and moment.now - moment.visit.sent_t > REFUSED_MS:
        end_form(moment)


cdef void goal_fill(Moment* moment) noexcept nogil:
    cdef PageVisit* page = goal_page(moment)
    cdef bint written = moment.flags & TEXT_FIELD != 0
    if is_goal_page(page):
        page.meaning &= ~<int>MEANS_TURNED
    if page.meaning & MEANS_CART:
        return      # quantities and vouchers belong to the cart
    if not moment.flags & FORM and (page.meaning & MEANS_SEARCH or not written):
        return      # a search; or an option that stands by itself, such as the order of a list
    if page.meaning & MEANS_SEARCH and not written:
        return      # a filter of results
    page.meaning = (page.meaning | MEANS_FORM) & ~<int>MEANS_LEFT
    moment.visit.goal = (moment.visit.goal | GOAL_FORM) & ~<int>GOAL_SENT
    if page.meaning & MEANS_CHECKOUT:
        moment.visit.goal |= GOAL_CHECKOUT
    if moment.element and moment.element == moment.state.mood[<int>ABANDONMENT].element and (
        moment.visit.goal & GOAL_FILLED_MASK
    ):
        return      # the same field once more
    moment.state.mood[<int>ABANDONMENT].element = moment.element
    if moment.visit.goal & GOAL_FILLED_MASK != GOAL_FILLED_MASK:
        moment.visit.goal += GOAL_FILLED


cdef void pursue(PageVisit* page) noexcept nogil:
    page.meaning = (page.meaning | MEANS_PURSUED) & ~<int>MEANS_TURNED


cdef void goal_press(Moment* moment) noexcept nogil:
    cdef uint32_t flags = moment.flags
    cdef PageVisit* page = goal_page(moment)
    moment.visit.goal &= ~<int>(GOAL_STEP | GOAL_PAYING)
    if flags & DISABLED:
        return
    if flags & FORM and flags & BUTTON and not flags & (LINK | CLOSE):
        moment.visit.goal |= GOAL_STEP
    if flags & CHECKOUT and not flags & NAV:    # in the navigation: a way to the cart, if any
        moment.visit.goal |= GOAL_PAYING
        pursue(page)
        if page.meaning & MEANS_CHECKOUT:
            moment.visit.goal |= GOAL_CHECKOUT
        else:
            moment.visit.goal |= GOAL_CART
    elif not flags & CHECKOUT and moment.visit.goal & GOAL_BUYING and (
        flags & (LINK | NAV) or not is_goal_page(page)
    ):
        page.meaning |= MEANS_TURNED


cdef void goal_submit(Moment* moment) noexcept nogil:
    moment.visit.sent_t = moment.now
    if moment.visit.goal & GOAL_FORM:
        moment.visit.goal |= GOAL_SENT
    if goal_page(moment).meaning & MEANS_CHECKOUT:
        moment.visit.goal |= GOAL_PAYING


cdef void goal_invalid(Moment* moment) noexcept nogil:
    moment.visit.goal &= ~<int>(GOAL_STEP | GOAL_PAYING)    # refused, maybe before it was sent
    if moment.now - moment.visit.sent_t <= REFUSED_MS:
        moment.visit.sent_t = 0
        moment.visit.goal &= ~<int>GOAL_SENT


cdef void goal_track(Moment* moment, int meaning) noexcept nogil:
    if meaning & MEANS_CHECKOUT:
        moment.visit.goal |= GOAL_CHECKOUT
        goal_page(moment).meaning |= MEANS_CHECKOUT     # a checkout whose path does not say so
        pursue(goal_page(moment))
    elif meaning & MEANS_CART:
        moment.visit.goal |= GOAL_CART
        pursue(goal_page(moment))


cdef bint goal_enter(Moment* moment) noexcept nogil:
    cdef PageVisit* page = visit_page(moment.visit, 0)
    cdef int goal = moment.visit.goal, back
    cdef bint forward = page.nav != NAV_BACK, over = False
    if goal & GOAL_FORM:
        if (
            goal & GOAL_SENT                    # and not refused
            or goal & GOAL_STEP and forward     # a form of several pages, sent by script
            or page.meaning & MEANS_SEARCH and goal & GOAL_FILLED_MASK <= SEARCH_FILLED
        ):
            end_form(moment)
        else:
            for back in range(1, moment.visit.length):
                if (
                    visit_page(moment.visit, back).page == page.page
                    and visit_page(moment.visit, back).meaning & MEANS_FORM
                ):
                    page.meaning |= MEANS_FORM  # back at the form
                    break
    if (
        goal & GOAL_CHECKOUT and goal & GOAL_PAYING and forward
        and not page.meaning & MEANS_BUYING
        and moment.now - moment.visit.sent_t <= ANSWERED_MS
    ):
        over = True
        goal_end(moment)
    moment.visit.goal &= ~<int>(GOAL_STEP | GOAL_PAYING)
    if not forward and moment.visit.length > 1 and not moment.visit.goal & GOAL_BUYING:
        return over     # a look back at what is done
    if page.meaning & MEANS_CHECKOUT:
        moment.visit.goal |= GOAL_CHECKOUT
    elif page.meaning & MEANS_CART:
        moment.visit.goal |= GOAL_CART
    return over


cdef void goal_end(Moment* moment) noexcept nogil:
    moment.visit.goal = 0


cdef int64_t goal_left(Moment* moment) noexcept nogil:
    cdef int back
    cdef PageVisit* page
    if not moment.visit.goal & GOAL_FORM or visit_page(moment.visit, 0).meaning & MEANS_BUYING:
        return 0
    if goal_turned(moment):
        return 0        # a basket is kept, and what was filled in belongs to it
    for back in range(moment.visit.length):
        page = visit_page(moment.visit, back)
        if page.meaning & MEANS_FORM:
            if back == 0 or page.meaning & MEANS_LEFT:
                return 0
            return visit_page(moment.visit, back - 1).since
    return 0


cdef void goal_leave(Moment* moment) noexcept nogil:
    cdef int back
    for back in range(moment.visit.length):
        if visit_page(moment.visit, back).meaning & MEANS_FORM:
            visit_page(moment.visit, back).meaning |= MEANS_LEFT
            return


cdef bint goal_backs_off(Moment* moment) noexcept nogil:
    cdef PageVisit* page = visit_page(moment.visit, 0)
    return (
        moment.visit.goal & GOAL_BUYING and (page.nav == NAV_BACK or not is_goal_page(page))
        and not goal_turned(moment)
    )


cdef bint goal_stays_left(Moment* moment) noexcept nogil:
    cdef int back
    if moment.visit.goal & GOAL_FORM:
        for back in range(moment.visit.length):
            if visit_page(moment.visit, back).meaning & MEANS_FORM:
                return visit_page(moment.visit, back).meaning & MEANS_LEFT != 0
    return False


cdef bint goal_is_here(Moment* moment) noexcept nogil:
    cdef int goal = moment.visit.goal, meaning = goal_page(moment).meaning
    return (
        goal & GOAL_BUYING and meaning & (MEANS_BUYING | MEANS_PURSUED)
        or goal & GOAL_FORM and meaning & MEANS_FORM
    )


cdef int filled(Moment* moment) noexcept nogil:
    return (moment.visit.goal & GOAL_FILLED_MASK) // GOAL_FILLED


cdef bint goal_begun(Moment* moment) noexcept nogil:
    cdef int back
    cdef PageVisit* page
    if filled(moment):
        return True
    for back in range(moment.visit.length):
        page = visit_page(moment.visit, back)
        if page.meaning & MEANS_CHECKOUT:
            return moment.visit.sent_t >= page.since
    return False


cdef int stake(Moment* moment) noexcept nogil:
    """Return how much is put in to buy something, in percent."""
    cdef int since
    cdef PageVisit* page
    if moment.visit.goal & GOAL_CHECKOUT:
        return STAKE_CHECKOUT if goal_begun(moment) else STAKE_UNTOUCHED
    since = pages_since(moment)
    if since < moment.visit.length:
        page = visit_page(moment.visit, since)
        if page.meaning & MEANS_CART and page.acted and not goal_is_in_vain(moment):
            return STAKE_WORKED
        if since == 0 and page.meaning & MEANS_CART and (
            moment.state.hot.origin + goal_seen(moment) - page.since <= FRESH_MS
        ):
            return STAKE_FRESH
    return STAKE_CART


cdef int goal_weight(Moment* moment) noexcept nogil:
    cdef int worth
    if not moment.visit.goal & GOAL_BUYING:
        return min(100, 35 * filled(moment))
    worth = stake(moment)
    if goal_turned(moment):
        worth = worth * (ASIDE_CHECKOUT if worth == STAKE_CHECKOUT else ASIDE) // 100
    return worth


cdef int goal_sign(Moment* moment) noexcept nogil:
    if not moment.visit.goal & GOAL_BUYING:
        return goal_weight(moment)
    return ASIDE if goal_turned(moment) else 100


cdef int goal_value(Moment* moment) noexcept nogil:
    cdef int worth
    if moment.visit.goal & GOAL_BUYING:
        worth = goal_weight(moment)
        # Who opens a cart has come to buy; that counts in full until it has been looked at.
        return worth if stake(moment) >= STAKE_FRESH else worth * HALF_VALUE // 100
    return 40 * filled(moment) // 3
