"""Searching the page: up and down, from control to control, menu after menu."""

from libc.math cimport isnan
from libc.stdint cimport uint8_t, uint32_t

from hotpath.confusion_marks cimport note
from hotpath.confusion_memory cimport forget_ages, forget_held, push_age, push_held
from hotpath.confusion_scan cimport (
    HEIGHT_PX,
    HELP_MS,
    HELP_READ_MS,
    HUNT_MS,
    HUNT_TURNS,
    MENU_DOUBLE_MS,
    MENU_PRESSES,
    MENU_READ_MS,
    MENUS,
    MENUS_MS,
    ROOM,
    SCAN_CONTROLS,
    SCAN_DWELL_MS,
    SCAN_MS,
    TAB_READ_MS,
)
from hotpath.confusion_state cimport (
    AGE_HOVER,
    AGE_HOVER_3,
    AGE_MENU,
    AGE_MENU_2,
    AGE_TURN,
    AGE_TURN_2,
    MENU_BACK,
    MENU_OPENED,
    MENU_OTHER,
    MENU_PRESSED,
    ConfusionState,
)
from hotpath.events cimport CANVAS, GAME, MAP, MEDIA, MENU, TAB, TEXT_FIELD
from hotpath.burst cimport newest
from hotpath.features cimport CONFUSION, HELP_AGAIN, HOVER_SCAN, MENU_THRASH, SCROLL_HUNT
from hotpath.judge cimport judge
from hotpath.mood cimport FULL, Mood, mood_count
from hotpath.state cimport HELD_HOVER, HELD_HOVER_3, HELD_MENU, HELD_MENU_2, Moment, StreamState


cdef enum:
    NOT_SCANNED = TEXT_FIELD | MEDIA | CANVAS | MAP | GAME
    # Ways of the scrolling, beside 1 and -1.
    AT_REST = 0             # not known where
    UNDER_WAY = 2           # known where from, but not by a leg yet


cdef void found(Moment* moment, int feature, int strength) noexcept nogil:
    note(moment, feature, moment.ref, strength)
    judge(moment, CONFUSION, feature)


cdef inline bint hunting(Moment* moment) noexcept nogil:
    """Say whether this turn goes on with a hunt that is marked."""
    cdef Mood* mood = &moment.state.mood[<int>CONFUSION]
    return mood_count(mood, SCROLL_HUNT, moment.rel, HUNT_MS) > 0


cdef void scan_scroll(Moment* moment, float y, float max_y) noexcept nogil:
    cdef ConfusionState* state = &moment.state.confusion
    cdef float height = state.height if state.height else HEIGHT_PX, gone
    if isnan(y) or not max_y * <int>ROOM > height:
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
        if state.age[<int>AGE_TURN_2] <= HUNT_MS:
            found(moment, SCROLL_HUNT, 20 if hunting(moment) else 30)
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
        scan_menu(moment, False)
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


cdef void menu_again(Moment* moment) noexcept nogil:
    """Count that the menu pressed last was pressed again: shut, and opened, and shut."""
    cdef ConfusionState* state = &moment.state.confusion
    cdef int presses
    if not moment.flags & TAB:
        if state.age[<int>AGE_MENU] <= MENU_DOUBLE_MS:
            return
        presses = min(<int>MENU_PRESSED, (state.menus & <int>MENU_PRESSED) + 1)
        state.menus = <uint8_t>(state.menus & ~<int>MENU_PRESSED | presses)
        if presses >= MENU_PRESSES:
            found(moment, MENU_THRASH, FULL if presses == MENU_PRESSES else FULL // 3)
    state.age[<int>AGE_MENU] = 0


cdef void scan_menu(Moment* moment, bint pressed) noexcept nogil:
    cdef StreamState* state = moment.state
    cdef uint32_t element = moment.element
    cdef int strength
    if not element:
        return
    if (
        state.confusion.age[<int>AGE_MENU] > (TAB_READ_MS if moment.flags & TAB else MENU_READ_MS)
        or state.confusion.menus & (MENU_OPENED | MENU_OTHER)
    ):
        scan_end_menus(moment)
    if state.held[<int>HELD_MENU] == element:
        if pressed:
            menu_again(moment)
    elif state.held[<int>HELD_MENU_2] == element:
        push_held(state, HELD_MENU, AGE_MENU, 1, element)
        state.confusion.menus = state.confusion.menus & <int>MENU_BACK | pressed
        if moment.flags & TAB:
            state.confusion.menus |= MENU_BACK
    elif state.held[<int>HELD_MENU_2] and state.confusion.age[<int>AGE_MENU_2] <= MENUS_MS:
        strength = FULL + (FULL // 2 if state.confusion.menus & MENU_BACK else 0)
        scan_end_menus(moment)
        push_held(state, HELD_MENU, AGE_MENU, MENUS - 2, element)
        state.confusion.menus = pressed
        found(moment, MENU_THRASH, strength)
    else:
        push_held(state, HELD_MENU, AGE_MENU, MENUS - 2, element)
        state.confusion.menus = state.confusion.menus & <int>MENU_BACK | pressed


cdef void scan_help(Moment* moment) noexcept nogil:
    cdef StreamState* state = moment.state
    cdef int age = state.confusion.age[<int>AGE_MENU]
    cdef bint again = moment.element and state.held[<int>HELD_MENU] == moment.element
    if not again:
        scan_end_menus(moment)
        push_held(state, HELD_MENU, AGE_MENU, MENUS - 2, moment.element)
        state.confusion.menus = MENU_OTHER
    elif age > HELP_READ_MS:
        state.confusion.age[<int>AGE_MENU] = 0
        if age <= HELP_MS and state.confusion.menus & MENU_OPENED:
            found(moment, HELP_AGAIN, FULL)


cdef void scan_dialog(Moment* moment) noexcept nogil:
    cdef StreamState* state = moment.state
    if (
        state.rage.length and state.confusion.menus & MENU_OTHER
        and state.rage.element[newest(&state.rage, 0)] == state.held[<int>HELD_MENU]
    ):
        state.confusion.menus = MENU_OPENED


cdef void scan_end_menus(Moment* moment) noexcept nogil:
    forget_held(moment.state, HELD_MENU, AGE_MENU, MENUS - 1)
    moment.state.confusion.menus = 0


cdef void scan_end_search(Moment* moment) noexcept nogil:
    forget_held(moment.state, HELD_HOVER, AGE_HOVER, SCAN_CONTROLS - 1)
    forget_ages(&moment.state.confusion, AGE_TURN, HUNT_TURNS - 1)
    moment.state.confusion.scroll_way = AT_REST
