"""Searching the page: up and down, from control to control, menu after menu."""

from libc.math cimport isnan
from libc.stdint cimport uint32_t

from hotpath.confusion_memory cimport forget_ages, forget_held, push_age, push_held
from hotpath.confusion_scan cimport (
    HEIGHT_PX,
    HUNT_MS,
    HUNT_TURNS,
    MENU_READ_MS,
    MENUS,
    MENUS_MS,
    SCAN_CONTROLS,
    SCAN_DWELL_MS,
    SCAN_MS,
)
from hotpath.confusion_state cimport (
    AGE_HOVER,
    AGE_HOVER_3,
    AGE_MENU,
    AGE_MENU_2,
    AGE_TURN,
    AGE_TURN_3,
    ConfusionState,
)
from hotpath.events cimport CANVAS, GAME, MAP, MEDIA, MENU, TAB, TEXT_FIELD
from hotpath.features cimport CONFUSION, HOVER_SCAN, MENU_THRASH, SCROLL_HUNT
from hotpath.judge cimport judge
from hotpath.mood cimport FULL, mood_mark
from hotpath.state cimport HELD_HOVER, HELD_HOVER_3, HELD_MENU, HELD_MENU_2, Moment, StreamState


cdef enum:
    NOT_SCANNED = TEXT_FIELD | MEDIA | CANVAS | MAP | GAME
    # Ways of the scrolling, beside 1 and -1.
    AT_REST = 0             # not known where
    UNDER_WAY = 2           # known where from, but not by a leg yet


cdef void found(Moment* moment, int feature, int strength) noexcept nogil:
    mood_mark(&moment.state.mood[<int>CONFUSION], feature, moment.rel, moment.ref, strength)
    judge(moment, CONFUSION, feature)


cdef void scan_scroll(Moment* moment, float y, float max_y) noexcept nogil:
    cdef ConfusionState* state = &moment.state.confusion
    cdef float height = state.height if state.height else HEIGHT_PX, gone
    if isnan(y) or not max_y > height:      # the page is no longer than two viewports
        return
    gone = y - state.scroll_y
    if state.scroll_way == AT_REST:
        state.scroll_y = y
        state.scroll_way = UNDER_WAY
        return
    if state.scroll_way == UNDER_WAY:
        if gone * 4 >= height or gone * 4 <= -height:
            state.scroll_way = 1 if gone > 0 else -1
            state.scroll_y = y
        return
    gone *= state.scroll_way
    if gone >= 0:
        state.scroll_y = y
    elif gone * 4 <= -height:
        # It has come back by a leg: it turned where it was furthest.
        state.scroll_y = y
        state.scroll_way = -state.scroll_way
        if state.age[<int>AGE_TURN_3] <= HUNT_MS:
            forget_ages(state, AGE_TURN, HUNT_TURNS - 1)
            found(moment, SCROLL_HUNT, FULL)
        else:
            push_age(state, AGE_TURN, HUNT_TURNS - 1)


cdef void scan_hover(Moment* moment, float ms) noexcept nogil:
    cdef StreamState* state = moment.state
    cdef int place
    if (
        moment.pointer != 0 or not ms >= SCAN_DWELL_MS or not moment.element
        or moment.flags & NOT_SCANNED
    ):
        return
    if moment.flags & MENU:     # which opens by itself: another kind of search
        scan_menu(moment)
        return
    for place in range(SCAN_CONTROLS - 1):
        if state.held[HELD_HOVER + place] == moment.element:
            push_held(state, HELD_HOVER, AGE_HOVER, place, moment.element)
            return
    if state.held[<int>HELD_HOVER_3] and state.confusion.age[<int>AGE_HOVER_3] <= SCAN_MS:
        forget_held(state, HELD_HOVER, AGE_HOVER, SCAN_CONTROLS - 1)
        found(moment, HOVER_SCAN, FULL)
    else:
        push_held(state, HELD_HOVER, AGE_HOVER, SCAN_CONTROLS - 2, moment.element)


cdef void scan_menu(Moment* moment) noexcept nogil:
    cdef StreamState* state = moment.state
    cdef uint32_t element = moment.element
    cdef int strength
    if not element:
        return
    if state.confusion.age[<int>AGE_MENU] > MENU_READ_MS:
        scan_end_menus(moment)
    if state.held[<int>HELD_MENU] == element:
        state.confusion.age[<int>AGE_MENU] = 0
    elif state.held[<int>HELD_MENU_2] == element:
        push_held(state, HELD_MENU, AGE_MENU, 1, element)
        state.confusion.menu_back |= moment.flags & TAB != 0
    elif state.held[<int>HELD_MENU_2] and state.confusion.age[<int>AGE_MENU_2] <= MENUS_MS:
        strength = FULL + FULL // 2 * state.confusion.menu_back
        scan_end_menus(moment)
        push_held(state, HELD_MENU, AGE_MENU, MENUS - 2, element)
        found(moment, MENU_THRASH, strength)
    else:
        push_held(state, HELD_MENU, AGE_MENU, MENUS - 2, element)


cdef void scan_end_menus(Moment* moment) noexcept nogil:
    forget_held(moment.state, HELD_MENU, AGE_MENU, MENUS - 1)
    moment.state.confusion.menu_back = 0


cdef void scan_end_search(Moment* moment) noexcept nogil:
    forget_held(moment.state, HELD_HOVER, AGE_HOVER, SCAN_CONTROLS - 1)
    forget_ages(&moment.state.confusion, AGE_TURN, HUNT_TURNS - 1)
    moment.state.confusion.scroll_way = AT_REST
