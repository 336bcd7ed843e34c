"""Visits: what is kept for each session, across its streams.

Ownership: a VisitState lies in the detector's arena of visits and lives as long as one of the
session's streams is held; kernels borrow it for the call. Times are epoch ms.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from hotpath.features cimport EMOTIONS


cdef enum:
    PAGES = 8               # page views kept; a power of two


# What a page or a tracked event means for a visitor's goal.
cdef enum Meaning:
    MEANS_NOTHING = 0
    MEANS_CART = 1          # something is about to be bought
    MEANS_CHECKOUT = 2
    MEANS_SUCCESS = 4       # bought, signed up, sent
    MEANS_SEARCH = 8
    # What became of a page view: kept beside what its path means.
    MEANS_FORM = 16         # a form was begun here
    MEANS_LEFT = 32         # … and left, and that has been said
    MEANS_PURSUED = 64      # what is to be bought was pursued here, though it is no cart
    MEANS_TURNED = 128      # something else was pressed here, or read for a while
    # Of a tracked event only: put by for later. No page bears it.
    EVENT_SAVED = 16


cdef enum Goal:
    GOAL_FORM = 1           # a form is begun and not sent
    GOAL_SENT = 8           # … or has just been sent, and may still be refused
    GOAL_FILLED = 16        # how much of it was filled in: 1 to 3 of these
    GOAL_FILLED_MASK = 48
    GOAL_STEP = 64          # the last press was on a button of a form
    GOAL_PAYING = 128       # … on something that pays, maybe in another tab or application
    GOAL_CART = 2
    GOAL_CHECKOUT = 4


# What was done on a page, as far as confusion wants to know it more exactly than `acted`, and what
# it showed there: what a page that is loaded anew, as a stream of its own, must know of it.
cdef enum Deed:
    DEED_WRITTEN = 1
    DEED_LINK = 2           # a link was pressed
    DEED_OTHER = 4          # anything else was pressed
    DEEDS = 7
    SIGN_STRAY = 8          # pressed what is no control
    SIGN_HUNT = 16          # scrolled up and down
    SIGN_MENUS = 32
    SIGN_REFUSED = 64       # the same field again
    SIGN_THRASH = 128


# How a page was acted on: pressed, written or sent, and what came last.
cdef enum Acted:
    ACTED = 1
    ACTED_NAV = 2           # the last press was on a link of the site's navigation


cdef struct PageVisit:
    int64_t since
    uint32_t page           # id in the detector's Names
    uint8_t nav             # position in the contract's list
    uint8_t acted           # Acted; 0: nothing was pressed, written or sent here
    uint8_t meaning
    uint8_t deeds           # Deed bits


cdef struct VisitState:
    PageVisit pages[PAGES]  # ring; newest at head - 1
    int64_t active_t        # last time that anybody did anything, in any stream
    int64_t sent_t          # when a form was last sent and not refused; 0: not
    int64_t struggle_t      # last rage or confusion; 0: none
    int64_t success_t       # last success; 0: none
    uint32_t streams        # held now
    uint32_t observed       # presses that count for the `unanswered` score …
    uint32_t answered       # … and how many got an answer in time
    uint8_t head
    uint8_t length
    uint8_t goal            # Goal bits
    uint8_t automated
    uint8_t peak[EMOTIONS]


cdef inline PageVisit* visit_page(VisitState* visit, int back) noexcept nogil:
    """Lend the page view `back` views before the newest; `back` < visit.length."""
    return &visit.pages[(visit.head - 1 - back) & (PAGES - 1)]


cdef inline PageVisit* visit_enter(VisitState* visit) noexcept nogil:
    """Lend the place of a new page view; the oldest one makes room."""
    visit.head = (visit.head + 1) & (PAGES - 1)
    visit.length = min(visit.length + 1, <int>PAGES)
    return visit_page(visit, 0)
