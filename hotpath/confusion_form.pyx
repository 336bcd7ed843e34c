"""Lost in a form: back to fields that were left, refused again."""

from libc.stdint cimport uint32_t

from hotpath.confusion_form cimport FIELDS, REFUSED_MS, RETURNS_MS, SHOWN_MS, is_refusal
from hotpath.confusion_memory cimport forget_ages, push_age
from hotpath.confusion_state cimport (
    AGE_REFUSED,
    AGE_RETURN,
    AGE_RETURN_2,
    AGE_TRIED,
    FOREVER,
    ConfusionState,
)
from hotpath.features cimport CONFUSION, FIELD_PINGPONG, REFUSED_AGAIN
from hotpath.judge cimport judge
from hotpath.mood cimport FULL, mood_mark
from hotpath.state cimport HELD_FIELD_BEFORE, HELD_REFUSED, Moment


cdef void form_focus(Moment* moment) noexcept nogil:
    cdef ConfusionState* state = &moment.state.confusion
    cdef uint32_t* fields = &moment.state.held[<int>HELD_FIELD_BEFORE]
    cdef int place, i
    cdef bint known = False
    if not moment.element or fields[0] == moment.element:
        return
    for place in range(1, <int>FIELDS):
        if fields[place] == moment.element:
            known = True
            break
    for i in range(place if known else FIELDS - 1, 0, -1):
        fields[i] = fields[i - 1]
    fields[0] = moment.element
    if not known or state.age[<int>AGE_REFUSED] <= SHOWN_MS:
        return
    if state.age[<int>AGE_RETURN_2] > RETURNS_MS:
        push_age(state, AGE_RETURN, 2)
        return
    forget_ages(state, AGE_RETURN, 2)
    mood_mark(
        &moment.state.mood[<int>CONFUSION], FIELD_PINGPONG, moment.rel, moment.ref, FULL
    )
    judge(moment, CONFUSION, FIELD_PINGPONG)


cdef void form_invalid(Moment* moment) noexcept nogil:
    cdef ConfusionState* state = &moment.state.confusion
    cdef bint again
    if not moment.element or not is_refusal(moment):
        return
    again = (
        moment.state.held[<int>HELD_REFUSED] == moment.element
        and state.age[<int>AGE_REFUSED] <= REFUSED_MS
    )
    state.age[<int>AGE_TRIED] = FOREVER
    state.age[<int>AGE_REFUSED] = 0
    state.edits = 0
    moment.state.held[<int>HELD_REFUSED] = moment.element
    if again:
        mood_mark(
            &moment.state.mood[<int>CONFUSION], REFUSED_AGAIN, moment.rel, moment.ref, FULL
        )
        judge(moment, CONFUSION, REFUSED_AGAIN)
