"""Confusion: lost on the page, or between pages. What each event means for which signal."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from hotpath.confusion_form cimport form_focus, form_invalid
from hotpath.confusion_marks cimport note
from hotpath.confusion_memory cimport forget_ages, remember
from hotpath.confusion_pages cimport pages_entered, pages_submitted
from hotpath.confusion_presses cimport presses_settle
from hotpath.confusion_scan cimport (
    scan_dialog,
    scan_end_menus,
    scan_end_search,
    scan_help,
    scan_hover,
    scan_menu,
    scan_scroll,
)
from hotpath.confusion_state cimport (
    AGE_FOCUS,
    AGE_REFUSED,
    AGE_RETURN,
    AGE_SEARCH,
    AGE_TRIED,
    AGES,
    FOREVER,
    WRITTEN_FIELD,
    WRITTEN_SEARCH,
)
from hotpath.events cimport (
    BUTTON,
    CANVAS,
    CAROUSEL,
    CHECKOUT,
    CLOSE,
    CTA,
    DATE_PICKER,
    DISABLED,
    FORM,
    GAME,
    LINK,
    MAP,
    MEDIA,
    MENU,
    PAGINATOR,
    STEPPER,
    TAB,
    TEXT_FIELD,
    UNOBSERVED,
)
from hotpath.features cimport CONFUSION, STRAY_PRESSES, THRASH
from hotpath.judge cimport judge
from hotpath.mood cimport FULL, Mood, mood_count, mood_forget
from hotpath.state cimport HELD_FIELD_BEFORE, HELD_FIELD_BEFORE_3, HELD_REFUSED, Moment, StreamState
from hotpath.visit cimport DEED_LINK, DEED_OTHER, DEED_WRITTEN, visit_page


cdef enum:
    ALL_FEATURES = 0xFFFF
    BLIND_FLAGS = UNOBSERVED | MEDIA | CANVAS | MAP | GAME
    # What a button does that opens no hint.
    NO_HELP = (
        CTA | CHECKOUT | FORM | STEPPER | PAGINATOR | CAROUSEL | DATE_PICKER | CLOSE | DISABLED
        | BLIND_FLAGS
    )
    THRASH_MS = 5000        # thrashing that goes on is the same thrashing


cdef inline void deed(Moment* moment, int bits) noexcept nogil:
    visit_page(moment.visit, 0).deeds |= <uint8_t>bits


cdef void forget_form(StreamState* state) noexcept nogil:
    cdef int i
    for i in range(<int>HELD_FIELD_BEFORE, HELD_FIELD_BEFORE_3 + 1):
        state.held[i] = 0
    state.held[<int>HELD_REFUSED] = 0
    forget_ages(&state.confusion, AGE_RETURN, 2)
    state.confusion.age[<int>AGE_FOCUS] = FOREVER
    state.confusion.looked = 0
    state.confusion.age[<int>AGE_TRIED] = FOREVER
    state.confusion.age[<int>AGE_REFUSED] = FOREVER


cdef void forget_searches(StreamState* state) noexcept nogil:
    forget_ages(&state.confusion, AGE_SEARCH, 2)
    state.confusion.searches = 0


cdef void confusion_begin(StreamState* state) noexcept nogil:
    forget_ages(&state.confusion, 0, AGES)


cdef void confusion_press(Moment* moment, bint plain) noexcept nogil:
    cdef bint control = not plain or moment.flags & (TEXT_FIELD | BLIND_FLAGS)
    remember(moment)
    if control:
        scan_end_search(moment)
    if moment.flags & (MENU | TAB):
        scan_menu(moment, True)
    elif moment.flags & BUTTON and not moment.flags & NO_HELP:
        scan_help(moment)
    elif not moment.flags & CLOSE:
        scan_end_menus(moment)
    if moment.flags & LINK:
        deed(moment, DEED_LINK)
        forget_searches(moment.state)
    else:
        deed(moment, DEED_OTHER)
    if not plain and not moment.flags & TEXT_FIELD:
        moment.state.confusion.age[<int>AGE_TRIED] = 0
    presses_settle(moment)


cdef void confusion_scroll(Moment* moment, float y, float max_y) noexcept nogil:
    remember(moment)
    scan_scroll(moment, y, max_y)
    presses_settle(moment)


cdef void confusion_hover(Moment* moment, float ms, bint open) noexcept nogil:
    remember(moment)
    scan_hover(moment, ms)
    presses_settle(moment)


cdef void confusion_focus(Moment* moment) noexcept nogil:
    remember(moment)
    form_focus(moment)
    presses_settle(moment)


cdef void confusion_invalid(Moment* moment) noexcept nogil:
    remember(moment)
    form_invalid(moment)
    presses_settle(moment)


cdef void confusion_input(Moment* moment) noexcept nogil:
    remember(moment)
    moment.state.confusion.written = WRITTEN_SEARCH | WRITTEN_FIELD
    deed(moment, DEED_WRITTEN)
    presses_settle(moment)


cdef void confusion_change(Moment* moment) noexcept nogil:
    if moment.flags & (MENU | TAB):     # an option that is chosen, no way to where something is
        scan_end_menus(moment)


cdef void confusion_submit(Moment* moment) noexcept nogil:
    remember(moment)
    moment.state.confusion.age[<int>AGE_TRIED] = 0
    deed(moment, DEED_OTHER)
    pages_submitted(moment)


cdef void confusion_page(Moment* moment) noexcept nogil:
    remember(moment)
    scan_end_search(moment)
    scan_end_menus(moment)
    forget_form(moment.state)
    pages_entered(moment)


cdef void confusion_viewport(Moment* moment, float height) noexcept nogil:
    if height > 0:
        moment.state.confusion.height = <uint16_t>min(height, <float>0xFFFF)


cdef void confusion_thrash(Moment* moment) noexcept nogil:
    if not mood_count(&moment.state.mood[<int>CONFUSION], THRASH, moment.rel, THRASH_MS):
        note(moment, THRASH, moment.ref, FULL)
    judge(moment, CONFUSION, THRASH)


cdef void take_back(Moment* moment, uint32_t features) noexcept nogil:
    cdef Mood* mood = &moment.state.mood[<int>CONFUSION]
    if mood.length:
        mood_forget(mood, features)
        judge(moment, CONFUSION, STRAY_PRESSES)


cdef void confusion_dialog(Moment* moment) noexcept nogil:
    scan_dialog(moment)


cdef void confusion_select(Moment* moment) noexcept nogil:
    take_back(moment, 1 << <int>STRAY_PRESSES)


cdef void confusion_success(Moment* moment) noexcept nogil:
    take_back(moment, ALL_FEATURES)
    scan_end_search(moment)
    scan_end_menus(moment)
    forget_form(moment.state)
    forget_searches(moment.state)


cdef void confusion_end(Moment* moment) noexcept nogil:
    confusion_success(moment)
