"""Bursts: which presses belong together, and what they are worth."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t
from libc.string cimport memset

from hotpath.rage_rules cimport (
    ALONE_MS,
    COME_BACK_MS,
    ERROR_MS,
    HASTE_MS,
    INSIST_MS,
    INSIST_PX,
    LINK_PATIENCE_MS,
    NO_ANSWER_MS,
    PATIENCE_MS,
    PAUSE_MS,
    QUICK_GAP_MS,
    QUIET_MS,
    REPEATED_MS,
    REPEAT_PATIENCE_MS,
    SAME_EPISODE_MS,
    SLOW_QUIET_MS,
    TERM_ANSWERED_PRESSES,
    TERM_DISABLED_TARGET,
    TERM_ERROR,
    TERM_EXTRA_PRESSES,
    TERM_INSISTED,
    TERM_LATE_ANSWERS,
    TERM_PLAIN_TARGET,
    TERM_PRESSES,
    TERM_PRIOR,
    TERM_QUICK_PRESSES,
    TERM_REPEATED,
    TERM_TROUBLED,
    TERM_UNANSWERED_PRESSES,
    TERM_UNOBSERVABLE,
    TERM_UNPROVEN,
    TIMELY_MS,
    TROUBLED_MS,
    WEIGHT_ANSWERED,
    WEIGHT_DISABLED,
    WEIGHT_ERROR,
    WEIGHT_EXTRA_PRESS,
    WEIGHT_EXTRA_PRESSES_MAX,
    WEIGHT_INSISTED,
    WEIGHT_LATE,
    WEIGHT_PLAIN_TARGET,
    WEIGHT_PRESSES_3,
    WEIGHT_PRESSES_4,
    WEIGHT_PRESSES_5,
    WEIGHT_PRIOR,
    WEIGHT_QUICK,
    WEIGHT_REPEATED,
    WEIGHT_TROUBLED,
    WEIGHT_UNANSWERED,
    WEIGHT_UNOBSERVABLE,
    WEIGHT_UNPROVEN,
)
from hotpath.rage_state cimport BLIND, FAILED, OFF, PLAIN, REPEATABLE, SLOW_LINK, RageState

FORM[FAST] = Form(3, 600, REBASE_MS, QUIET_MS, True, True)
FORM[FOUR] = Form(4, 1000, REBASE_MS, QUIET_MS, True, True)
FORM[SLOW] = Form(5, SLOW_QUIET_MS, 7000, SLOW_QUIET_MS, True, False)
# Ordinary desktop work holds 3.4 bursts of 6 presses within 600 ms an hour, 2.4 within 300 ms.
FORM[PLAINLY] = Form(6, 300, REBASE_MS, QUIET_MS, False, True)
# Tried, waited, tried again: whoever is calm lets it be by then.
FORM[INSISTED] = Form(4, COME_BACK_MS, INSIST_MS, SLOW_QUIET_MS, True, False)


cdef int64_t patience(const RageState* rage, int place) noexcept nogil:
    cdef int back, other
    cdef int64_t wait = PATIENCE_MS
    if rage.trait[place] & REPEATABLE:
        wait = REPEAT_PATIENCE_MS
    elif rage.trait[place] & SLOW_LINK:
        return LINK_PATIENCE_MS
    # What answered a moment ago, if slowly, is given half as long again.
    for back in range(rage.length):
        other = newest(rage, back)
        if (
            rage.element[other] == rage.element[place]
            and 0 <= rage.latency[other] <= TIMELY_MS and not rage.trait[other] & FAILED
        ):
            wait = max(wait, min(<int64_t>TIMELY_MS, rage.latency[other] * 3 // 2))
    return wait


cdef int64_t burst_open_until(const RageState* rage, int form) noexcept nogil:
    cdef int first = newest(rage, 0)
    return rage.t[first] + max(FORM[form].quiet, patience(rage, first))


cdef inline bint near(
    const RageState* rage, int place, int size, int64_t sum_x, int64_t sum_y
) noexcept nogil:
    """Say whether the press is within the radius of the centroid; in whole numbers, exact."""
    cdef int64_t dx = size * <int64_t>rage.x[place] - sum_x
    cdef int64_t dy = size * <int64_t>rage.y[place] - sum_y
    cdef int64_t reach = size * <int64_t>rage.radius
    return dx * dx + dy * dy <= reach * reach


cdef inline bint far(const RageState* rage, int one, int other) noexcept nogil:
    cdef int64_t dx = <int64_t>rage.x[one] - rage.x[other]
    cdef int64_t dy = <int64_t>rage.y[one] - rage.y[other]
    return dx * dx + dy * dy > <int64_t>INSIST_PX * INSIST_PX


cdef void burst_collect(const RageState* rage, int form, Burst* burst) noexcept nogil:
    cdef const Form* rule = &FORM[form]
    cdef int first = newest(rage, 0), last = first, back, place
    cdef int64_t sum_x = rage.x[first], sum_y = rage.y[first]
    burst.form = form
    burst.size = 1
    burst.place[0] = first
    for back in range(1, rage.length):
        place = newest(rage, back)
        if (
            <int64_t>rage.t[last] - rage.t[place] > rule.gap
            or <int64_t>rage.t[first] - rage.t[place] > rule.window
        ):
            break
        if not (rule.by_element and rage.element[place] == rage.element[first]) and not (
            rule.by_place and near(rage, place, burst.size, sum_x, sum_y)
        ):
            if rule.by_place or form == INSISTED:
                break
            continue    # slow anger tries other things in between
        if form == INSISTED and rage.trait[first] & PLAIN and far(rage, place, first):
            break
        burst.place[burst.size] = place
        burst.size += 1
        sum_x += rage.x[place]
        sum_y += rage.y[place]
        last = place


cdef inline int32_t gap(const RageState* rage, const Burst* burst, int back) noexcept nogil:
    """Return ms from the press before to the press `back` presses before the newest."""
    return rage.t[burst.place[back]] - rage.t[burst.place[back + 1]]


cdef bint is_alone(const RageState* rage, const Burst* burst) noexcept nogil:
    """Say whether nothing else was pressed for a while before the burst."""
    cdef int first = burst.place[burst.size - 1]
    if burst.size == rage.length:
        return True
    return rage.t[first] - rage.t[newest(rage, burst.size)] > ALONE_MS


cdef bint insists(const RageState* rage, const Burst* burst) noexcept nogil:
    """Say whether somebody came back to it, and has less patience than before."""
    cdef int32_t slowest = max(gap(rage, burst, 0), gap(rage, burst, 1)), most = HASTE_MS
    cdef int back
    if not rage.trait[burst.place[0]] & PLAIN:
        return burst.size >= 5 or slowest <= HASTE_MS
    # Desktop work presses again and again on what says nothing about itself.
    if burst.size == 4:
        most = PAUSE_MS
    if slowest > most or not is_alone(rage, burst):
        return False
    for back in range(burst.size - 1):
        if gap(rage, burst, back) > PAUSE_MS:
            return True
    return False


cdef bint burst_counts(const RageState* rage, const Burst* burst) noexcept nogil:
    return burst.size >= FORM[burst.form].least and (
        burst.form != INSISTED or insists(rage, burst)
    )


cdef bint is_quick(const RageState* rage, const Burst* burst) noexcept nogil:
    """Say whether the median gap (the upper one of two) is below QUICK_GAP_MS."""
    cdef int i, below = 0
    for i in range(burst.size - 1):
        if rage.t[burst.place[i]] - rage.t[burst.place[i + 1]] < QUICK_GAP_MS:
            below += 1
    return below > (burst.size - 1) // 2


cdef void burst_place_in_history(const RageState* rage, Burst* burst) noexcept nogil:
    cdef int first = burst.place[0]
    cdef int64_t since = <int64_t>rage.t[first] - rage.episode_t
    cdef bint same_element = rage.element[first] == rage.episode_element
    burst.same_episode = rage.episode_rev > 0 and since <= SAME_EPISODE_MS and (
        same_element or rage.t[burst.place[burst.size - 1]] <= rage.episode_t
    )
    burst.marks = 0
    if burst.same_episode:
        burst.marks = rage.episode_marks
    elif rage.episode_rev > 0:
        if same_element and since <= REPEATED_MS:
            burst.marks |= MARK_REPEATED
        if since <= TROUBLED_MS:
            burst.marks |= MARK_TROUBLED


cdef inline void term_add(Burst* burst, int term, int amount) noexcept nogil:
    burst.terms[term] = <int16_t>amount
    burst.score += amount


cdef void burst_score(
    const RageState* rage, Burst* burst, int64_t rel, const int16_t* weight
) noexcept nogil:
    cdef int silent = 0, late = 0, timely = 0, blind = 0, i, place, size = burst.size
    cdef uint8_t trait = rage.trait[burst.place[0]]
    cdef bint error
    burst.score = 0
    memset(burst.terms, 0, sizeof(burst.terms))
    for i in range(size):
        place = burst.place[i]
        if rage.trait[place] & FAILED:
            silent += 1
        elif rage.latency[place] >= 0:
            if rage.latency[place] <= TIMELY_MS:
                timely += 1
            elif rage.latency[place] <= NO_ANSWER_MS:
                late += 1
            elif not rage.trait[place] & BLIND:
                silent += 1
        elif rage.trait[place] & BLIND:
            blind += 1
        elif not pending(rage, place, rel):
            silent += 1
    error = (
        rage.error_t >= rage.t[burst.place[size - 1]]
        and rage.error_t <= <int64_t>rage.t[burst.place[0]] + ERROR_MS
    )
    term_add(burst, TERM_PRIOR, weight[<int>WEIGHT_PRIOR])
    if size >= 5:
        term_add(burst, TERM_PRESSES, weight[<int>WEIGHT_PRESSES_5])
        term_add(
            burst, TERM_EXTRA_PRESSES,
            min(
                <int>weight[<int>WEIGHT_EXTRA_PRESSES_MAX],
                weight[<int>WEIGHT_EXTRA_PRESS] * (size - 5),
            ),
        )
    else:
        term_add(
            burst, TERM_PRESSES,
            weight[<int>WEIGHT_PRESSES_4] if size == 4 else weight[<int>WEIGHT_PRESSES_3],
        )
    if burst.form == INSISTED:
        term_add(burst, TERM_INSISTED, weight[<int>WEIGHT_INSISTED])
    elif burst.form != SLOW and is_quick(rage, burst):
        term_add(burst, TERM_QUICK_PRESSES, weight[<int>WEIGHT_QUICK])
    if trait & PLAIN:
        term_add(burst, TERM_PLAIN_TARGET, weight[<int>WEIGHT_PLAIN_TARGET])
    if 3 * silent >= 2 * size:
        term_add(burst, TERM_UNANSWERED_PRESSES, weight[<int>WEIGHT_UNANSWERED])
    elif 3 * (silent + late) >= 2 * size and not trait & REPEATABLE:
        term_add(burst, TERM_LATE_ANSWERS, weight[<int>WEIGHT_LATE])
    elif error and 3 * blind >= 2 * size:
        term_add(burst, TERM_UNOBSERVABLE, weight[<int>WEIGHT_UNOBSERVABLE])
    else:
        # Nothing aggravates what the page may well have answered.
        if timely > 0 and silent + late == 0:
            term_add(burst, TERM_ANSWERED_PRESSES, weight[<int>WEIGHT_ANSWERED])
        else:
            term_add(burst, TERM_UNPROVEN, weight[<int>WEIGHT_UNPROVEN])
        return
    if error:
        term_add(burst, TERM_ERROR, weight[<int>WEIGHT_ERROR])
    if trait & OFF:
        term_add(burst, TERM_DISABLED_TARGET, weight[<int>WEIGHT_DISABLED])
    if burst.marks & MARK_REPEATED and not trait & PLAIN:
        term_add(burst, TERM_REPEATED, weight[<int>WEIGHT_REPEATED])
    if burst.marks & MARK_TROUBLED and not trait & PLAIN:
        term_add(burst, TERM_TROUBLED, weight[<int>WEIGHT_TROUBLED])
