"""Lost in a form: back to fields that were left, from field to field, refused again."""

from libc.stdint cimport uint32_t

from hotpath.confusion_form cimport (
    FIELDS,
    LOOK_MS,
    LOOKED,
    LOOKED_MS,
    REFUSED_MS,
    RETURNS_MS,
    SHOWN_MS,
    is_refusal,
)
from hotpath.confusion_marks cimport note
from hotpath.confusion_memory cimport forget_ages, push_age
from hotpath.confusion_state cimport (
    AGE_FOCUS,
    AGE_REFUSED,
    AGE_RETURN,
    AGE_RETURN_2,
    AGE_TRIED,
    FOREVER,
    WRITTEN_FIELD,
    ConfusionState,
)
from hotpath.events cimport TEXT_FIELD
from hotpath.features cimport CONFUSION, FIELD_PINGPONG, REFUSED_AGAIN
from hotpath.judge cimport judge
from hotpath.mood cimport FULL
from hotpath.state cimport HELD_FIELD_BEFORE, HELD_REFUSED, Moment


cdef void look(Moment* moment) noexcept nogil:
    """Count the field that was left for this one, if it was looked at and nothing written."""
    cdef ConfusionState* state = &moment.state.confusion
    if (
        moment.flags & TEXT_FIELD and not state.written & WRITTEN_FIELD
        and LOOK_MS <= state.age[<int>AGE_FOCUS] <= LOOKED_MS
    ):
        state.looked = min(255, state.looked + 1)
    else:
        state.looked = 0
    state.age[<int>AGE_FOCUS] = 0
    state.written &= ~<int>WRITTEN_FIELD
    if not moment.flags & TEXT_FIELD:
        state.written |= WRITTEN_FIELD      # chosen, not written; that is not seen here
    if state.looked >= LOOKED:
        note(moment, FIELD_PINGPONG, moment.ref, 60)
        judge(moment, CONFUSION, FIELD_PINGPONG)


cdef void form_focus(Moment* moment) noexcept nogil:
    cdef ConfusionState* state = &moment.state.confusion
    cdef uint32_t* fields = &moment.state.held[<int>HELD_FIELD_BEFORE]
    cdef int place, i
    cdef bint known = False
    if not moment.element or fields[0] == moment.element:
        return
    look(moment)
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
    note(moment, FIELD_PINGPONG, moment.ref, FULL)
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
        note(moment, REFUSED_AGAIN, moment.ref, FULL)
        judge(moment, CONFUSION, REFUSED_AGAIN)
