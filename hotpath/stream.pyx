"""One stream's events, one after the other, through the kernels."""

from libc.math cimport NAN
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memset

from hotpath.abandonment cimport (
    abandonment_active,
    abandonment_begin,
    abandonment_end,
    abandonment_exit,
    abandonment_fill,
    abandonment_inside,
    abandonment_invalid,
    abandonment_page,
    abandonment_press,
    abandonment_submit,
    abandonment_timers,
    abandonment_track,
    abandonment_visibility,
)
from hotpath.anger cimport (
    anger_end,
    anger_error,
    anger_input,
    anger_invalid,
    anger_success,
    anger_thrash,
)
from hotpath.columns cimport (
    column_dt,
    column_index,
    column_number,
    column_whole,
    read_number,
    read_whole,
)
from hotpath.confusion cimport (
    confusion_begin,
    confusion_change,
    confusion_dialog,
    confusion_end,
    confusion_focus,
    confusion_hover,
    confusion_input,
    confusion_invalid,
    confusion_page,
    confusion_press,
    confusion_scroll,
    confusion_select,
    confusion_submit,
    confusion_success,
    confusion_thrash,
    confusion_viewport,
)
from hotpath.events cimport (
    BLUR,
    CHANGE,
    CLICK,
    COPY,
    DRAG,
    ERROR,
    EVENT_KINDS,
    FOCUS,
    HOVER,
    INPUT,
    INVALID,
    LINK,
    NAV,
    PAGE_VIEW,
    POINTER_EXIT,
    POINTER_MOVE,
    PRESS_CANCEL,
    REACTION,
    REACTION_DIALOG,
    REACTION_NAVIGATION,
    REACTION_SELECTION,
    RESET,
    RESIZE,
    SCROLL,
    SELECT,
    SESSION_END,
    SUBMIT,
    TRACK,
    VISIBILITY,
)
from hotpath.features cimport EMOTIONS, RAGE
from hotpath.hesitation cimport (
    hesitation_begin,
    hesitation_blur,
    hesitation_cancel,
    hesitation_change,
    hesitation_end,
    hesitation_focus,
    hesitation_hover,
    hesitation_input,
    hesitation_press,
    hesitation_submit,
    hesitation_success,
    hesitation_timers,
)
from hotpath.motion cimport motion_is_mechanical, motion_step
from hotpath.path cimport path_end
from hotpath.pointer cimport pointer_begin, pointer_step
from hotpath.rage cimport (
    rage_answer,
    rage_answer_element,
    rage_begin,
    rage_end,
    rage_error,
    rage_hidden,
    rage_plain,
    rage_press,
    rage_rebase,
    rage_scroll,
    rage_timers,
    rage_void,
)
from hotpath.rage_rules cimport DRAG_PX
from hotpath.sink cimport SINK_RESERVE, SINK_ROOM
from hotpath.state cimport Moment
from hotpath.visit cimport ACTED, ACTED_NAV, MEANS_SUCCESS, visit_enter, visit_page


cdef enum:
    REBASE_MS = 1 << 30         # times since the origin stay below it
    # Events that a visitor causes: somebody is there.
    ACTIVE_KINDS = (
        1 << CLICK | 1 << SCROLL | 1 << HOVER | 1 << FOCUS | 1 << INPUT | 1 << CHANGE
        | 1 << SUBMIT | 1 << SELECT | 1 << COPY | 1 << DRAG | 1 << PRESS_CANCEL | 1 << PAGE_VIEW
    )


cdef void begin(StreamState* state, int64_t now) noexcept nogil:
    """Start a stream, or start it anew after twelve days: nothing held can matter any more."""
    state.hot.origin = now
    state.hot.due = 0
    memset(state.mood, 0, sizeof(state.mood))
    memset(&state.hesitation, 0, sizeof(state.hesitation))
    memset(&state.confusion, 0, sizeof(state.confusion))
    memset(&state.abandonment, 0, sizeof(state.abandonment))
    memset(state.held, 0, sizeof(state.held))
    state.hot.path.begun = 0
    state.hot.thrash.begun = 0
    pointer_begin(&state.hot, 0, 0)
    hesitation_begin(state)
    confusion_begin(state)
    abandonment_begin(state)


cdef void rebase(StreamState* state, int64_t now) noexcept nogil:
    cdef uint32_t episodes[EMOTIONS]
    cdef int i
    if now - state.hot.origin <= REBASE_MS:
        return
    for i in range(EMOTIONS):
        episodes[i] = state.mood[i].episode
    begin(state, now)
    for i in range(EMOTIONS):
        state.mood[i].episode = episodes[i]


cdef inline int64_t earlier(int64_t a, int64_t b) noexcept nogil:
    """Return the earlier of two timers; 0 is none."""
    if a == 0 or b == 0:
        return a + b
    return min(a, b)


cdef inline void set_due(StreamState* state) noexcept nogil:
    state.hot.due = earlier(
        earlier(state.rage.due, state.hesitation.due), state.abandonment.due
    )


cdef inline void note_page(Moment* moment, int before, uint32_t page) noexcept nogil:
    """Tell verdicts where they fell: rage on the page before the event, the rest after it."""
    cdef int i
    for i in range(before, moment.sink.count):
        if moment.sink.items[i].emotion == RAGE:
            moment.sink.items[i].page = page
        else:
            moment.sink.items[i].page = moment.state.hot.page


cdef void fire(Moment* moment, int64_t now) noexcept nogil:
    """Fire every timer that is due at `now` or before, each at its own time."""
    cdef StreamState* state = moment.state
    cdef int before = moment.sink.count
    while state.hot.due and state.hot.due <= now:
        moment.now = state.hot.due
        moment.rel = <int32_t>(moment.now - state.hot.origin)
        moment.element = moment.flags = 0
        if state.rage.due and state.rage.due <= moment.now:
            rage_timers(&state.rage, moment.sink, moment.now)
        if state.hesitation.due and state.hesitation.due <= moment.now:
            hesitation_timers(moment)
        if state.abandonment.due and state.abandonment.due <= moment.now:
            abandonment_timers(moment)
        set_due(state)
    note_page(moment, before, state.hot.page)


cdef void succeed(Moment* moment) noexcept nogil:
    """Something worked out: whatever was felt about it is over."""
    anger_success(moment)
    hesitation_success(moment)
    confusion_success(moment)
    moment.visit.success_t = moment.now


cdef void press(Moment* moment, Batch* batch, uint32_t i) noexcept nogil:
    """Hand a click on if it is a plain press: primary button, no modifier, not the keyboard's."""
    cdef float x, y
    if (
        column_number(&batch.view, 2, i) > 0        # NaN: primary
        or column_number(&batch.view, 4, i) > 0     # NaN: none
    ):
        return
    visit_page(moment.visit, 0).acted = (
        ACTED_NAV if moment.flags & NAV and moment.flags & LINK else ACTED
    )
    abandonment_press(moment)
    if column_number(&batch.view, 3, i) == 0:       # NaN: not known to be the keyboard's
        return
    x = column_number(&batch.view, 0, i)
    y = column_number(&batch.view, 1, i)
    rage_press(
        &moment.state.rage, moment.sink, moment.now, moment.ref, x, y, moment.element,
        moment.flags, moment.pointer,
    )
    hesitation_press(moment)
    confusion_press(moment, rage_plain(moment.flags))
    path_end(&moment.state.hot.path)
    pointer_begin(&moment.state.hot, x, y)


cdef void enter(Moment* moment, Batch* batch, uint32_t i) noexcept nogil:
    """Come to a page: the clearest answer, and none of its elements was pressed yet."""
    cdef StreamState* state = moment.state
    cdef uint32_t text = column_index(&batch.view, 1, i)
    cdef uint32_t page = batch.page[text]
    cdef float height = column_number(&batch.view, 2, i)
    rage_answer(&state.rage, moment.sink, moment.now, NAN, NAN, REACTION_NAVIGATION)
    rage_end(&state.rage)
    hesitation_end(moment)
    if page:
        state.hot.page = page
    entered = visit_enter(moment.visit)
    entered.page = state.hot.page
    entered.since = moment.now
    entered.nav = <uint8_t>column_whole(&batch.view, 0, i)
    entered.acted = 0
    entered.meaning = batch.meaning[text]
    if height > 0:
        confusion_viewport(moment, height)
    if entered.meaning & MEANS_SUCCESS:
        succeed(moment)
    confusion_page(moment)
    abandonment_page(moment)
    path_end(&state.hot.path)


cdef void overlook(Moment* moment, Batch* batch, uint32_t i, int kind) noexcept nogil:
    """Let an event on an ignored element happen: it accuses nobody, and what it ends is over."""
    moment.element = moment.flags = 0
    if kind == CLICK or kind == INPUT or kind == CHANGE or kind == SUBMIT:
        visit_page(moment.visit, 0).acted = ACTED
    if kind == CLICK or kind == HOVER:
        hesitation_hover(moment, NAN, False)
    if kind == CLICK:
        path_end(&moment.state.hot.path)
        pointer_begin(
            &moment.state.hot, column_number(&batch.view, 0, i), column_number(&batch.view, 1, i)
        )
    elif kind == SUBMIT:
        rage_answer(&moment.state.rage, moment.sink, moment.now, NAN, NAN, REACTION_NAVIGATION)
        hesitation_end(moment)
        abandonment_submit(moment)


cdef void happen(Moment* moment, Batch* batch, uint32_t i) noexcept nogil:
    """Let one event, not a mere movement, happen."""
    cdef StreamState* state = moment.state
    cdef int kind = batch.view.kind[i], which
    cdef uint32_t target = column_index(&batch.view, 0, i)
    cdef float a = column_number(&batch.view, 0, i), b = column_number(&batch.view, 1, i), c
    moment.element = batch.element[target]
    moment.flags = batch.flags[target]
    if ACTIVE_KINDS >> kind & 1:
        if kind != PAGE_VIEW:       # which may lead away
            abandonment_active(moment)
        moment.visit.active_t = moment.now
    if moment.flags & IGNORED:
        overlook(moment, batch, i, kind)
    elif kind == CLICK:
        press(moment, batch, i)
    elif kind == REACTION:
        which = column_whole(&batch.view, 0, i)
        # The page is going: that answers whatever was pressed.
        rage_answer(
            &state.rage, moment.sink, moment.now, NAN if which == REACTION_NAVIGATION else b,
            column_number(&batch.view, 2, i), which,
        )
        if which == REACTION_SELECTION:
            rage_void(&state.rage)
            confusion_select(moment)
        elif which == REACTION_DIALOG:
            confusion_dialog(moment)
    elif kind == SCROLL:
        rage_scroll(&state.rage, moment.now)
        confusion_scroll(moment, a, b)
    elif kind == HOVER:
        hesitation_hover(moment, a, b == 1)
        confusion_hover(moment, a, b == 1)
    elif kind == FOCUS:
        hesitation_focus(moment)
        confusion_focus(moment)
    elif kind == BLUR:
        # Of a secret field nobody says whether it is filled; then it was not left empty.
        hesitation_blur(moment, a != 0, b)
    elif kind == INPUT:
        visit_page(moment.visit, 0).acted = ACTED
        rage_answer_element(&state.rage, moment.sink, moment.now, moment.element)
        c = column_number(&batch.view, 2, i)
        anger_input(moment, a, c, column_number(&batch.view, 3, i) == 1)
        hesitation_input(moment, a, b, c, column_number(&batch.view, 3, i) == 1)
        confusion_input(moment)
        abandonment_fill(moment)
    elif kind == CHANGE:
        visit_page(moment.visit, 0).acted = ACTED
        rage_answer_element(&state.rage, moment.sink, moment.now, moment.element)
        hesitation_change(moment)
        confusion_change(moment)
        abandonment_fill(moment)
    elif kind == SUBMIT:
        visit_page(moment.visit, 0).acted = ACTED
        rage_answer(&state.rage, moment.sink, moment.now, NAN, NAN, REACTION_NAVIGATION)
        hesitation_submit(moment)
        confusion_submit(moment)
        abandonment_submit(moment)
    elif kind == INVALID:
        anger_invalid(moment)
        confusion_invalid(moment)
        abandonment_invalid(moment)
    elif kind == ERROR:
        rage_error(&state.rage, moment.sink, moment.now)
        anger_error(moment)
    elif kind == SELECT:
        if a > 0:
            rage_void(&state.rage)
            confusion_select(moment)
    elif kind == DRAG:
        if a > <int>DRAG_PX:
            rage_void(&state.rage)
            confusion_select(moment)
    elif kind == COPY:
        rage_void(&state.rage)
        confusion_select(moment)
    elif kind == PRESS_CANCEL:
        hesitation_cancel(moment)
    elif kind == VISIBILITY:
        if a == 0:
            rage_hidden(&state.rage, moment.sink, moment.now)
            hesitation_end(moment)
        abandonment_visibility(moment, a == 1)
    elif kind == POINTER_EXIT:
        abandonment_exit(
            moment, column_whole(&batch.view, 0, i), b, column_number(&batch.view, 2, i)
        )
        path_end(&state.hot.path)
    elif kind == RESIZE:
        confusion_viewport(moment, b)
    elif kind == PAGE_VIEW:
        enter(moment, batch, i)
    elif kind == TRACK:
        target = batch.meaning[column_index(&batch.view, 1, i)]
        if target & MEANS_SUCCESS:
            succeed(moment)
        abandonment_track(moment, <int>target)
    elif kind == RESET or kind == SESSION_END:
        abandonment_end(moment)
        rage_end(&state.rage)
        anger_end(moment)
        hesitation_end(moment)
        confusion_end(moment)


cdef void thrash(Moment* moment) noexcept nogil:
    cdef int before = moment.sink.count
    moment.element = moment.flags = 0
    anger_thrash(moment)
    confusion_thrash(moment)
    note_page(moment, before, moment.state.hot.page)


cdef inline void move(Moment* moment, Batch* batch, Tally* tally, uint32_t i) noexcept nogil:
    """Let the pointer move, and on and on as long as that brings about nothing else.

    Of moves that are not late, before any timer and where nothing is said, nothing is asked or
    stored twice: four of five events are such.
    """
    cdef StreamState* state = moment.state
    cdef const uint8_t* kind = batch.view.kind
    cdef const uint8_t* dt = batch.view.dt
    cdef const uint8_t* xs = batch.view.number[0]
    cdef const uint8_t* ys = batch.view.number[1]
    cdef float x = column_number(&batch.view, 0, i), y = column_number(&batch.view, 1, i)
    cdef size_t at = i, end = batch.view.count if xs != NULL and ys != NULL else i + 1
    cdef int64_t t = batch.t, now = moment.now, origin = state.hot.origin, due
    cdef bint thrashes
    if state.abandonment.exit_t:
        moment.ref = batch.seq << 16 | i
        abandonment_inside(moment)
        set_due(state)
    due = state.hot.due if state.hot.due else INT64_MAX
    while True:
        if motion_step(&state.hot.motion, x, y) and motion_is_mechanical(&state.hot.motion):
            state.rage.automated = True
        thrashes = pointer_step(&state.hot, <int32_t>(now - origin), x, y)
        at += 1
        if thrashes or at >= end or kind[at] != POINTER_MOVE:
            break
        t += read_whole(dt, at)
        if t < now or t >= due:
            t -= read_whole(dt, at)
            break
        now = t
        x = read_number(xs, at)
        y = read_number(ys, at)
    tally.events += at - i
    batch.at = <uint32_t>at
    batch.t = t
    state.hot.clock = now
    if thrashes and moment.pointer == 0:
        moment.now = now
        moment.rel = <int32_t>(now - origin)
        moment.ref = batch.seq << 16 | (at - 1)
        thrash(moment)


cdef bint stream_run(
    StreamState* state, VisitState* visit, Batch* batch, Sink* sink, Tally* tally
) noexcept nogil:
    cdef Moment moment
    cdef int64_t now
    cdef int kind, before
    cdef uint32_t page
    cdef uint32_t i
    moment.state = state
    moment.visit = visit
    moment.sink = sink
    moment.pointer = batch.pointer
    moment.ref = 0              # a timer may come before the first event
    while batch.at < batch.view.count:
        if sink.count + SINK_RESERVE > SINK_ROOM:
            return False
        i = batch.at
        batch.at += 1
        kind = batch.view.kind[i]
        batch.t += column_dt(&batch.view, i)
        now = batch.t
        if now < state.hot.clock:
            if state.hot.clock - now > CLOCK_TOLERANCE_MS:
                tally.late += 1
                state.rage.presses += kind == CLICK     # `of` counts it all the same
                continue
            tally.clamped += 1
            now = state.hot.clock
        elif state.hot.clock < 0:
            rage_begin(&state.rage, now)
            begin(state, now)
        state.hot.clock = now
        if state.hot.due and state.hot.due <= now:
            fire(&moment, now)
        moment.now = now
        moment.rel = <int32_t>(now - state.hot.origin)
        if kind == POINTER_MOVE:
            move(&moment, batch, tally, i)
            continue
        if kind == 0 or kind >= EVENT_KINDS:
            tally.unknown += 1
            continue
        tally.events += 1
        if now - state.hot.origin > REBASE_MS:
            rage_rebase(&state.rage, now)
            rebase(state, now)
        moment.rel = <int32_t>(now - state.hot.origin)
        state.rage.presses += kind == CLICK
        moment.ref = batch.seq << 16 | i
        before = sink.count
        page = state.hot.page
        happen(&moment, batch, i)
        note_page(&moment, before, page)
        set_due(state)
    return True


cdef void stream_advance(
    StreamState* state, VisitState* visit, Sink* sink, int64_t now
) noexcept nogil:
    cdef Moment moment
    if now > state.hot.clock and state.hot.clock >= 0:
        state.hot.clock = now
        moment.state = state
        moment.visit = visit
        moment.sink = sink
        moment.pointer = 0
        moment.ref = 0
        fire(&moment, now)
