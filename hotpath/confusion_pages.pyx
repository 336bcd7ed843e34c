"""Lost between pages: at once back, round and round, searches rewritten.

A full page load is a new stream with an empty mood, so these look at the page views of the whole
visit, and mark what this stream has not marked yet.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from hotpath.confusion_marks cimport hold, mark_rest, sign_of
from hotpath.confusion_memory cimport forget_ages, push_age
from hotpath.confusion_state cimport AGE_SEARCH, AGE_SEARCH_2, WRITTEN_SEARCH
from hotpath.features cimport CONFUSION, PAGE_LOOP, QUICK_BACK, SEARCH_REWRITE, THRASH
from hotpath.judge cimport judge
from hotpath.mood cimport FULL
from hotpath.state cimport HELD_SEARCH, Moment
from hotpath.visit cimport (
    ACTED_NAV,
    DEED_LINK,
    DEED_WRITTEN,
    DEEDS,
    MEANS_SEARCH,
    VisitState,
    visit_page,
)


cdef enum:
    NAV_SPA = 1             # after it come back_forward and reload
    NAV_BACK = 2


cdef int64_t since(Moment* moment) noexcept nogil:
    """Return up to when everything is settled: by a success, or told in another stream."""
    if moment.state.mood[<int>CONFUSION].episode:
        return moment.visit.success_t
    return max(moment.visit.success_t, moment.visit.struggle_t)


cdef int run(VisitState* visit, int back) noexcept nogil:
    """Return how far back the view before those of the same page in a row is; reloads repeat it."""
    cdef uint32_t page = visit_page(visit, back).page
    while back < visit.length and visit_page(visit, back).page == page:
        back += 1
    return back


cdef bint was_here(VisitState* visit, int back) noexcept nogil:
    """Say whether a page had been come to before the view `back` views ago."""
    cdef uint32_t page = visit_page(visit, back).page
    cdef int i
    for i in range(run(visit, back), visit.length):
        if visit_page(visit, i).page == page:
            return True
    return False


cdef int sought_in_vain(int64_t stayed) noexcept nogil:
    """Return the strength of a return from where the site's navigation had led.

    Whoever hops to and fro over it looks for where something is; whoever opens one entry of a list
    after the other compares. Two are enough only within moments: many look twice, and go on.
    """
    if stayed < QUICKEST_BACK_MS:
        return 200
    if stayed < QUICKER_BACK_MS:
        return 140
    return 90 if stayed < QUICK_BACK_MS else 30


cdef int seen_enough(int64_t stayed, bint history, bint again) noexcept nogil:
    """Return the strength of a return from anywhere else.

    Back through the history from what was new: most often one entry of a list after the other.
    """
    if stayed < QUICKEST_BACK_MS:
        return 200
    if history and not again:
        return 30
    if stayed < QUICKER_BACK_MS:
        return FULL
    return 70 if stayed < QUICK_MS else 45


cdef int quickness(Moment* moment, int back) noexcept nogil:
    """Return the strength of the return that ended `back` views ago; 0: it is none.

    Away and back within seconds, nothing done there but perhaps pressing the link that led back.
    """
    cdef VisitState* visit = moment.visit
    cdef int away = run(visit, back), before, i
    cdef int64_t stayed
    cdef bint again, history
    if away >= visit.length:
        return 0
    before = run(visit, away)
    if (
        before >= visit.length
        or visit_page(visit, before).page != visit_page(visit, back).page
        or visit_page(visit, before - 1).since <= since(moment)
    ):
        return 0
    for i in range(away, before):
        if visit_page(visit, i).acted and visit_page(visit, i).deeds & DEEDS != DEED_LINK:
            return 0
    stayed = visit_page(visit, away - 1).since - visit_page(visit, before - 1).since
    again = was_here(visit, before - 1)
    history = visit_page(visit, away - 1).nav == NAV_BACK
    if history and visit_page(visit, before).acted == ACTED_NAV:
        return sought_in_vain(stayed) if stayed < SOUGHT_BACK_MS else 0
    return seen_enough(stayed, history, again) if stayed < QUICK_BACK_MS else 0


cdef int returns(Moment* moment) noexcept nogil:
    """Add up the quick returns that led to this view; 0: this one is none."""
    cdef VisitState* visit = moment.visit
    cdef int strength = quickness(moment, 0), back = 0
    if strength == 0:
        return 0
    while True:
        back = run(visit, back)
        if (
            back >= visit.length
            or moment.now - visit_page(visit, back).since > RETURNS_MS
        ):
            return strength
        strength += quickness(moment, back)


cdef int loops(Moment* moment) noexcept nogil:
    """Count how often this page was come to lately."""
    cdef VisitState* visit = moment.visit
    cdef int back = 0, count = 0, next_run
    while back < visit.length:
        next_run = run(visit, back)
        if (
            moment.now - visit_page(visit, next_run - 1).since > LOOP_MS
            or visit_page(visit, next_run - 1).since <= since(moment)
        ):
            break
        count += visit_page(visit, back).page == visit_page(visit, 0).page
        back = next_run
    return count


cdef int searches(Moment* moment) noexcept nogil:
    """Count the searches that led to this view: each page of results written on, none left."""
    cdef VisitState* visit = moment.visit
    cdef int back, count = 0
    for back in range(visit.length):
        page = visit_page(visit, back)
        if (
            not page.meaning & MEANS_SEARCH or page.nav > NAV_SPA
            or moment.now - page.since > REWRITE_MS or page.since <= since(moment)
            or (back and page.deeds & (DEED_WRITTEN | DEED_LINK) != DEED_WRITTEN)
        ):
            break
        count += 1
    return count


cdef inline int more(int count, int least) noexcept nogil:
    """Return the strength of something that happened `count` times, `least` of them remarkable."""
    return 0 if count < least else FULL // 2 * (count - 1)


cdef int carry(Moment* moment) noexcept nogil:
    """Mark what showed on pages left lately, in streams of their own; return a feature, or -1."""
    cdef VisitState* visit = moment.visit
    cdef int feature, back, strength, carried = -1
    if moment.rel > FRESH_MS or moment.state.mood[<int>CONFUSION].length:
        return -1
    for feature in range(THRASH + 1):
        strength = 0
        for back in range(1, visit.length):
            if (
                moment.now - visit_page(visit, back - 1).since > CARRY_MS
                or visit_page(visit, back).since <= since(moment)
            ):
                break
            if visit_page(visit, back).deeds & sign_of(feature):
                strength += FULL
        if strength:
            hold(moment, feature, moment.ref, strength)
            carried = feature
    return carried


cdef void pages_entered(Moment* moment) noexcept nogil:
    cdef VisitState* visit = moment.visit
    cdef int trigger
    visit_page(visit, 0).deeds = 0
    trigger = carry(moment)
    if run(visit, 0) == 1:      # else a reload, or the next page of results
        if mark_rest(moment, QUICK_BACK, returns(moment), RETURNS_MS):
            trigger = QUICK_BACK
        if mark_rest(moment, PAGE_LOOP, more(loops(moment), LOOP_VIEWS), LOOP_MS):
            trigger = PAGE_LOOP
    if mark_rest(
        moment, SEARCH_REWRITE, more(searches(moment), REWRITE_SEARCHES), REWRITE_MS
    ):
        trigger = SEARCH_REWRITE
    if trigger >= 0:
        judge(moment, CONFUSION, trigger)


cdef void pages_submitted(Moment* moment) noexcept nogil:
    """Count searches that are answered in place, without a page view."""
    state = &moment.state.confusion
    if not (
        moment.element and moment.visit.length
        and visit_page(moment.visit, 0).meaning & MEANS_SEARCH and state.written & WRITTEN_SEARCH
    ):
        return
    state.written &= ~<int>WRITTEN_SEARCH
    if moment.state.held[<int>HELD_SEARCH] != moment.element:
        moment.state.held[<int>HELD_SEARCH] = moment.element
        forget_ages(state, AGE_SEARCH, 2)
    if state.age[<int>AGE_SEARCH_2] <= REWRITE_MS:
        state.searches = <uint8_t>min(255, state.searches + 1)
    else:
        state.searches = 2 if state.age[<int>AGE_SEARCH] <= REWRITE_MS else 1
    push_age(state, AGE_SEARCH, 2)
    if mark_rest(
        moment, SEARCH_REWRITE, more(state.searches, REWRITE_SEARCHES), REWRITE_MS
    ):
        judge(moment, CONFUSION, SEARCH_REWRITE)
