"""Rage: bursts of presses, judged by whether the page answered them."""

from libc.math cimport floor, isnan
from libc.stdint cimport INT32_MIN, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from hotpath.events cimport (
    BUTTON,
    CANVAS,
    CAROUSEL,
    CLOSE,
    CTA,
    DATE_PICKER,
    DISABLED,
    GAME,
    LINK,
    MAP,
    MEDIA,
    MENU,
    PAGINATOR,
    REACTION_NETWORK,
    STEPPER,
    TAB,
    TEXT_FIELD,
    UNOBSERVED,
)
from hotpath.burst cimport (
    FORM,
    FORMS,
    INSISTED,
    MASK,
    PLAINLY,
    REBASE_MS,
    SLOW,
    Burst,
    burst_collect,
    burst_counts,
    burst_open_until,
    burst_place_in_history,
    burst_score,
    newest,
    patience,
    pending,
    press_ref,
    relative,
)
from hotpath.features cimport RAGE
from hotpath.model cimport model_confidence
from hotpath.rage_rules cimport (
    BOT_PRESSES,
    BOT_PRESSES_PER_S,
    ERROR_MS,
    HIDDEN_MS,
    MAX_REVISIONS,
    MOUSE_RADIUS_PX,
    NO_ANSWER_MS,
    PAUSE_MS,
    SCROLL_MS,
    TERMS,
    TOUCH_RADIUS_PX,
)
from hotpath.rage_state cimport (
    ASKED,
    BLIND,
    COUNTED,
    FAILED,
    OFF,
    PLAIN,
    PRESSES,
    RAGE_CLICK,
    REPEATABLE,
    SLOW_LINK,
    SLOW_RAGE_CLICK,
    RageState,
)
from hotpath.sink cimport SINK_ROOM, Sink, Verdict


cdef enum:
    REPEAT_FLAGS = STEPPER | PAGINATOR | CAROUSEL | DATE_PICKER
    BLIND_FLAGS = UNOBSERVED | MEDIA | CANVAS | MAP | GAME
    ACTIONABLE_FLAGS = (
        LINK | BUTTON | STEPPER | PAGINATOR | CAROUSEL | CLOSE | DISABLED | CTA | DATE_PICKER
        | TAB | MENU
    )
    MAX_PX = 32000
    MAX_LATENCY = 32767
    MAX_COUNT = 1 << 24     # numbers below are whole in a float


cdef void emit(
    RageState* rage, Sink* sink, const Burst* burst, uint8_t confidence, int64_t now
) noexcept nogil:
    """Begin an episode, or revise it if that says something new."""
    cdef int first = burst.place[0], i, place
    cdef Verdict* verdict
    if not burst.same_episode:
        rage.episode += 1
        rage.episode_rev = 0
        rage.episode_marks = burst.marks
    elif rage.episode_rev >= MAX_REVISIONS or not (
        confidence >= rage.episode_confidence + 5
        or confidence + 5 <= rage.episode_confidence
        or burst.size >= 2 * rage.episode_size
    ):
        rage.episode_t = rage.t[first]
        return
    rage.episode_rev += 1
    rage.episode_t = rage.t[first]
    rage.episode_element = rage.element[first]
    rage.episode_confidence = confidence
    rage.episode_size = <uint8_t>burst.size
    if sink.count >= SINK_ROOM:
        return      # cannot happen: the caller empties the sink while SINK_RESERVE is left
    verdict = &sink.items[sink.count]
    sink.count += 1
    verdict.t = now
    verdict.element = rage.element[first]
    verdict.episode = rage.episode
    verdict.rev = rage.episode_rev
    verdict.emotion = RAGE
    verdict.confidence = confidence
    verdict.trigger = RAGE_CLICK
    if burst.form == SLOW or burst.form == INSISTED and (
        rage.t[first] - rage.t[burst.place[1]] > PAUSE_MS
    ):
        verdict.trigger = SLOW_RAGE_CLICK
    verdict.size = <uint8_t>burst.size
    for i in range(burst.size):
        place = burst.place[burst.size - 1 - i]
        verdict.evidence[i] = press_ref(rage, place)
    memset(verdict.terms, 0, sizeof(verdict.terms))
    for i in range(TERMS):
        verdict.terms[i] = burst.terms[i]


cdef void evaluate(RageState* rage, Sink* sink, int64_t now) noexcept nogil:
    """Judge the burst that ends with the newest press, as things stand at `now`."""
    cdef Burst burst, best
    cdef int form, place, back, first = newest(rage, 0)
    cdef int64_t rel = relative(rage, now), open_until = -1, due
    cdef uint8_t confidence
    rage.due = 0
    best.size = best.score = best.form = 0
    if rage.automated or rage.length == 0:
        return
    for form in range(FORMS):
        if rage.length < FORM[form].least:
            continue
        if form != INSISTED and (form == PLAINLY) != (rage.trait[first] & PLAIN != 0):
            continue
        if (form == SLOW or form == INSISTED) and rage.trait[first] & REPEATABLE:
            continue    # at leisure, and coming back, one steps on
        if rel > burst_open_until(rage, form):
            continue
        burst_collect(rage, form, &burst)
        if not burst_counts(rage, &burst):
            continue
        if (
            BOT_PRESSES_PER_S * (<int64_t>rage.t[first] - rage.t[burst.place[burst.size - 1]])
            < 1000 * (burst.size - 1)
        ):
            if burst.size >= BOT_PRESSES:
                rage.automated = True
            continue
        open_until = max(open_until, burst_open_until(rage, form))
        burst_place_in_history(rage, &burst)
        burst_score(rage, &burst, rel, sink.tables.burst)
        if best.size == 0 or burst.score > best.score:
            best = burst
    if rage.automated or best.size == 0:
        return
    for back in range(rage.length):
        place = newest(rage, back)
        if pending(rage, place, rel):
            due = rage.t[place] + patience(rage, place)
            if due <= open_until and (rage.due == 0 or rage.origin + due < rage.due):
                rage.due = rage.origin + due
    confidence = model_confidence(&sink.tables.emotion[<int>RAGE], best.score)
    rage.peak = max(rage.peak, confidence)
    if confidence >= sink.threshold[<int>RAGE]:
        emit(rage, sink, &best, confidence, now)


cdef bint answer(RageState* rage, int place, int64_t latency) noexcept nogil:
    """Record the first answer to a press; say whether it was the first."""
    if rage.latency[place] >= 0:
        return False
    rage.latency[place] = <int16_t>max(<int64_t>0, min(latency, <int64_t>MAX_LATENCY))
    if rage.trait[place] & COUNTED and latency <= NO_ANSWER_MS:
        rage.answered += 1
    return True


cdef bint rage_plain(uint32_t flags) noexcept nogil:
    return not flags & ACTIONABLE_FLAGS


cdef uint8_t traits(uint32_t flags) noexcept nogil:
    cdef uint8_t trait = 0
    if rage_plain(flags):
        trait |= PLAIN
    if flags & BLIND_FLAGS:
        trait |= BLIND
    if flags & REPEAT_FLAGS:
        trait |= REPEATABLE
    if flags & LINK and not flags & BUTTON:
        trait |= SLOW_LINK
    if flags & DISABLED:
        trait |= OFF
    if not flags & UNOBSERVED:
        trait |= COUNTED
    return trait


cdef int16_t whole_px(float value) noexcept nogil:
    if isnan(value):
        return 0
    return <int16_t>floor(max(<float>-MAX_PX, min(<float>MAX_PX, value)) + 0.5)


cdef void rage_begin(RageState* rage, int64_t now) noexcept nogil:
    memset(rage, 0, sizeof(RageState))
    rage.origin = now
    rage.error_t = INT32_MIN


cdef void rage_rebase(RageState* rage, int64_t now) noexcept nogil:
    if now - rage.origin > REBASE_MS:
        # Twelve days: nothing held can matter any more, and times must go on fitting 32 bits.
        rage_end(rage)
        rage.origin = now
        rage.error_t = INT32_MIN
        rage.episode_t = INT32_MIN


cdef void rage_press(
    RageState* rage, Sink* sink, int64_t now, uint64_t ref, float x, float y, uint32_t element,
    uint32_t flags, int pointer
) noexcept nogil:
    cdef int place = rage.head
    if flags & TEXT_FIELD:
        return      # people press where they write as often as they like
    rage.head = (place + 1) & MASK
    rage.length = min(rage.length + 1, <int>PRESSES)
    rage.seq[place] = <uint32_t>(ref >> 16)
    rage.index[place] = <uint16_t>(ref & 0xFFFF)
    rage.t[place] = <int32_t>relative(rage, now)
    rage.element[place] = element
    rage.x[place] = whole_px(x)
    rage.y[place] = whole_px(y)
    rage.number[place] = <uint16_t>rage.presses
    rage.latency[place] = -1
    rage.trait[place] = traits(flags)
    rage.lost &= <uint16_t>~(1 << place)
    rage.radius = TOUCH_RADIUS_PX if pointer == 1 else MOUSE_RADIUS_PX
    if rage.trait[place] & COUNTED:
        rage.observed += 1
    evaluate(rage, sink, now)


cdef void renumber(RageState* rage, uint32_t count) noexcept nogil:
    """Count as the page does: presses were lost to us, before those that are held."""
    cdef uint16_t missed = <uint16_t>(count - rage.presses)
    cdef int back
    rage.presses = count
    for back in range(rage.length):
        rage.number[newest(rage, back)] += missed


cdef void rage_answer(
    RageState* rage, Sink* sink, int64_t now, float of, float after, int kind
) noexcept nogil:
    cdef int back, place
    cdef bint first = False
    cdef int64_t rel = relative(rage, now)
    if of > rage.presses and of < MAX_COUNT:
        renumber(rage, <uint32_t>of)
    for back in range(rage.length):
        place = newest(rage, back)
        if isnan(of):
            first |= answer(rage, place, rel - rage.t[place])
        elif 1 <= of <= rage.presses and rage.number[place] == <uint16_t><uint32_t>of:
            first = answer(
                rage, place, rel - rage.t[place] if isnan(after)
                else <int64_t>max(<float>0, min(after, <float>MAX_LATENCY))
            )
            if first and kind == REACTION_NETWORK:
                rage.trait[place] |= ASKED
            break
    if first:
        evaluate(rage, sink, now)


cdef void rage_answer_element(
    RageState* rage, Sink* sink, int64_t now, uint32_t element
) noexcept nogil:
    cdef int back, place
    cdef bint first = False
    for back in range(rage.length):
        place = newest(rage, back)
        if rage.element[place] == element:
            first |= answer(rage, place, relative(rage, now) - rage.t[place])
    if first:
        evaluate(rage, sink, now)


cdef void rage_hidden(RageState* rage, Sink* sink, int64_t now) noexcept nogil:
    cdef int back, place
    cdef bint first = False
    for back in range(rage.length):
        place = newest(rage, back)
        if relative(rage, now) - rage.t[place] <= HIDDEN_MS:
            first |= answer(rage, place, relative(rage, now) - rage.t[place])
    if first:
        evaluate(rage, sink, now)


cdef void rage_error(RageState* rage, Sink* sink, int64_t now) noexcept nogil:
    cdef int back, place
    rage.error_t = <int32_t>relative(rage, now)
    # Requests come back in their order: it is the oldest one that failed.
    for back in range(rage.length - 1, -1, -1):
        place = newest(rage, back)
        if (
            rage.trait[place] & ASKED and not rage.trait[place] & FAILED
            and rage.error_t - rage.t[place] <= ERROR_MS
        ):
            rage.trait[place] |= FAILED
            if rage.trait[place] & COUNTED and rage.latency[place] <= NO_ANSWER_MS:
                rage.answered -= 1
            break
    evaluate(rage, sink, now)


cdef void rage_scroll(RageState* rage, int64_t now) noexcept nogil:
    if rage.length and relative(rage, now) - rage.t[newest(rage, 0)] <= SCROLL_MS:
        rage_void(rage)


cdef void rage_void(RageState* rage) noexcept nogil:
    cdef int back, place
    for back in range(rage.length):
        place = newest(rage, back)
        if rage.trait[place] & COUNTED and rage.latency[place] < 0:
            rage.observed -= 1
    rage_end(rage)


cdef void rage_end(RageState* rage) noexcept nogil:
    rage.length = 0
    rage.due = 0


cdef void rage_timers(RageState* rage, Sink* sink, int64_t now) noexcept nogil:
    # Each evaluation sets a later timer or none: a press is pending only before its patience ends.
    while rage.due and rage.due <= now:
        evaluate(rage, sink, rage.due)
