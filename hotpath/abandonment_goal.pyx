"""Goals: what begins, furthers and ends what a visitor is about to finish."""

from libc.stdint cimport int64_t, uint32_t

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
    MEANS_SEARCH,
    PageVisit,
    visit_page,
)


cdef enum:
    NAV_BACK = 2                # position of back_forward in the contract's list
    MEANS_BUYING = MEANS_CART | MEANS_CHECKOUT
    FORM_BITS = GOAL_FORM | GOAL_SENT | GOAL_FILLED_MASK
    # A search that leads to its results was sent, even if no submit was seen; it is short.
    SEARCH_FILLED = 2 * GOAL_FILLED


cdef PageVisit* goal_page(Moment* moment) noexcept nogil:
    cdef int back
    for back in range(moment.visit.length):
        if visit_page(moment.visit, back).page == moment.state.hot.page:
            return visit_page(moment.visit, back)
    return visit_page(moment.visit, 0)


cdef void end_form(Moment* moment) noexcept nogil:
    moment.visit.goal &= ~<int>FORM_BITS


cdef void goal_settle(Moment* moment) noexcept nogil:
    if moment.visit.goal & GOAL_SENT and moment.now - moment.visit.sent_t > REFUSED_MS:
        end_form(moment)


cdef void goal_fill(Moment* moment) noexcept nogil:
    cdef PageVisit* page = goal_page(moment)
    cdef bint written = moment.flags & TEXT_FIELD != 0
    if page.meaning & MEANS_CART:
        return      # quantities and vouchers belong to the cart
    if not moment.flags & FORM and (page.meaning & MEANS_SEARCH or not written):
        return      # a search; or an option that stands by itself, such as the order of a list
    if page.meaning & MEANS_SEARCH and not written:
        return      # a filter of results
    page.meaning = (page.meaning | MEANS_FORM) & ~<int>MEANS_LEFT
    moment.visit.goal = (moment.visit.goal | GOAL_FORM) & ~<int>GOAL_SENT
    if moment.element and moment.element == moment.state.mood[<int>ABANDONMENT].element and (
        moment.visit.goal & GOAL_FILLED_MASK
    ):
        return      # the same field once more
    moment.state.mood[<int>ABANDONMENT].element = moment.element
    if moment.visit.goal & GOAL_FILLED_MASK != GOAL_FILLED_MASK:
        moment.visit.goal += GOAL_FILLED


cdef void goal_press(Moment* moment) noexcept nogil:
    cdef uint32_t flags = moment.flags
    moment.visit.goal &= ~<int>(GOAL_STEP | GOAL_PAYING)
    if flags & DISABLED:
        return
    if flags & FORM and flags & BUTTON and not flags & (LINK | CLOSE):
        moment.visit.goal |= GOAL_STEP
    if flags & CHECKOUT and not flags & NAV:    # in the navigation: a way to the cart, if any
        moment.visit.goal |= GOAL_PAYING
        if goal_page(moment).meaning & MEANS_CHECKOUT:
            moment.visit.goal |= GOAL_CHECKOUT
        else:
            moment.visit.goal |= GOAL_CART


cdef void goal_submit(Moment* moment) noexcept nogil:
    moment.visit.sent_t = moment.now
    if moment.visit.goal & GOAL_FORM:
        moment.visit.goal |= GOAL_SENT
    if goal_page(moment).meaning & MEANS_CHECKOUT:
        moment.visit.goal |= GOAL_PAYING


cdef void goal_invalid(Moment* moment) noexcept nogil:
    if moment.now - moment.visit.sent_t <= REFUSED_MS:
        moment.visit.sent_t = 0
        moment.visit.goal &= ~<int>GOAL_SENT


cdef void goal_track(Moment* moment, int meaning) noexcept nogil:
    if meaning & MEANS_CHECKOUT:
        moment.visit.goal |= GOAL_CHECKOUT
        goal_page(moment).meaning |= MEANS_CHECKOUT     # a checkout whose path does not say so
    elif meaning & MEANS_CART:
        moment.visit.goal |= GOAL_CART


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
        goal & (GOAL_CART | GOAL_CHECKOUT) and meaning & MEANS_BUYING
        or goal & GOAL_FORM and meaning & MEANS_FORM
    )


cdef int filled(Moment* moment) noexcept nogil:
    return (moment.visit.goal & GOAL_FILLED_MASK) // GOAL_FILLED


cdef int goal_weight(Moment* moment) noexcept nogil:
    if moment.visit.goal & (GOAL_CART | GOAL_CHECKOUT):
        return 100
    return min(100, 35 * filled(moment))


cdef int goal_value(Moment* moment) noexcept nogil:
    if moment.visit.goal & GOAL_CHECKOUT:
        return 100
    if moment.visit.goal & GOAL_CART:
        return 60
    return 40 * filled(moment) // 3
