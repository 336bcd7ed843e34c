"""One stream's events, one after the other, through the kernels."""

from libc.stdint cimport int64_t, uint32_t

from hotpath.columns cimport column_dt, column_index, column_number
from hotpath.events cimport (
    CHANGE,
    CLICK,
    COPY,
    DRAG,
    ERROR,
    EVENT_KINDS,
    INPUT,
    PAGE_VIEW,
    POINTER_MOVE,
    REACTION,
    REACTION_SELECTION,
    RESET,
    SCROLL,
    SELECT,
    SESSION_END,
    SUBMIT,
    VISIBILITY,
)
from hotpath.motion cimport motion_is_mechanical, motion_step
from hotpath.rage cimport (
    rage_answer,
    rage_answer_element,
    rage_begin,
    rage_end,
    rage_error,
    rage_hidden,
    rage_press,
    rage_rebase,
    rage_scroll,
    rage_timers,
    rage_void,
)
from hotpath.rage_rules cimport DRAG_PX
from hotpath.rage_state cimport SINK_RESERVE, SINK_ROOM
from libc.math cimport NAN


cdef inline void press(
    StreamState* state, Batch* batch, Sink* sink, int64_t now, uint32_t i
) noexcept nogil:
    """Hand a click on if it is a plain press: primary button, no modifier, not the keyboard's."""
    cdef uint32_t target
    if (
        column_number(&batch.view, 2, i) > 0        # NaN: primary
        or column_number(&batch.view, 3, i) == 0    # NaN: not known to be the keyboard's
        or column_number(&batch.view, 4, i) > 0     # NaN: none
    ):
        return
    target = column_index(&batch.view, 0, i)
    rage_press(
        &state.rage, sink, now, batch.seq << 16 | i, column_number(&batch.view, 0, i),
        column_number(&batch.view, 1, i), batch.element[target], batch.flags[target],
        batch.pointer,
    )


cdef void happen(
    StreamState* state, Batch* batch, Sink* sink, int64_t now, uint32_t i
) noexcept nogil:
    """Let one event, not a mere movement, happen."""
    cdef uint32_t page
    cdef int kind = batch.view.kind[i]
    if kind == CLICK:
        press(state, batch, sink, now, i)
    elif kind == REACTION:
        rage_answer(
            &state.rage, sink, now, column_number(&batch.view, 1, i),
            column_number(&batch.view, 2, i),
        )
        if <int>column_number(&batch.view, 0, i) == REACTION_SELECTION:
            rage_void(&state.rage)
    elif kind == SCROLL:
        rage_scroll(&state.rage, now)
    elif kind == INPUT or kind == CHANGE:
        rage_answer_element(
            &state.rage, sink, now, batch.element[column_index(&batch.view, 0, i)]
        )
    elif kind == SUBMIT:
        rage_answer(&state.rage, sink, now, NAN, NAN)
    elif kind == ERROR:
        rage_error(&state.rage, sink, now)
    elif kind == SELECT:
        if column_number(&batch.view, 0, i) > 0:
            rage_void(&state.rage)
    elif kind == DRAG:
        if column_number(&batch.view, 0, i) > <int>DRAG_PX:
            rage_void(&state.rage)
    elif kind == VISIBILITY:
        if column_number(&batch.view, 0, i) == 0:
            rage_hidden(&state.rage, sink, now)
    elif kind == PAGE_VIEW:
        # A new page is the clearest answer, and none of its elements was pressed yet.
        rage_answer(&state.rage, sink, now, NAN, NAN)
        rage_end(&state.rage)
        page = batch.page[column_index(&batch.view, 1, i)]
        if page:
            state.page = page
    elif kind == COPY:
        rage_void(&state.rage)
    elif kind == RESET or kind == SESSION_END:
        rage_end(&state.rage)


cdef bint stream_run(
    StreamState* state, Batch* batch, Sink* sink, Tally* tally
) noexcept nogil:
    cdef int64_t now
    cdef int kind
    cdef uint32_t i
    while batch.at < batch.view.count:
        if sink.count + SINK_RESERVE > SINK_ROOM:
            return False
        i = batch.at
        batch.at += 1
        kind = batch.view.kind[i]
        batch.t += column_dt(&batch.view, i)
        now = batch.t
        if now < state.clock:
            if state.clock - now > CLOCK_TOLERANCE_MS:
                tally.late += 1
                state.rage.presses += kind == CLICK     # `of` counts it all the same
                continue
            tally.clamped += 1
            now = state.clock
        elif state.clock < 0:
            rage_begin(&state.rage, now)
        state.clock = now
        if state.rage.due and state.rage.due <= now:
            rage_timers(&state.rage, sink, now)
        if kind == POINTER_MOVE:
            tally.events += 1
            if motion_step(
                &state.motion, column_number(&batch.view, 0, i), column_number(&batch.view, 1, i)
            ) and motion_is_mechanical(&state.motion):
                state.rage.automated = True
            continue
        if kind == 0 or kind >= EVENT_KINDS:
            tally.unknown += 1
            continue
        tally.events += 1
        rage_rebase(&state.rage, now)
        state.rage.presses += kind == CLICK
        happen(state, batch, sink, now, i)
    return True


cdef void stream_advance(StreamState* state, Sink* sink, int64_t now) noexcept nogil:
    if now > state.clock and state.clock >= 0:
        state.clock = now
        rage_timers(&state.rage, sink, now)
