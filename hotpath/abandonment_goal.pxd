"""Goals: what begins, furthers and ends what a visitor is about to finish.

A form is begun by filling something in that is not a search, and over once it was sent and not
refused within 1.5 s. A cart or a checkout is in progress by tracked events, by what a page's path
means, and by presses on what is flagged `checkout`. Sending something on a checkout's page does
not finish the checkout by itself: a success does, whenever it comes, and so does the site's own
answer, a page outside of cart and checkout within 10 s. What is saved for later is over, too, and
going back to a page of what is over begins nothing.

A purchase is put aside by who turns to something else: leaves by a link, presses something
elsewhere, or is still there 18 s later. Somebody who only goes back, or away, and is gone by then
has given it up. What is at stake depends on what was done: a checkout with something filled in
counts most, a cart that was worked on least.

Ownership: every function borrows the moment for the call. None allocates, raises or touches Python.
"""

from libc.stdint cimport int32_t, int64_t

from hotpath.state cimport Moment
from hotpath.visit cimport PageVisit


cdef enum:
    GOALS = 7               # GOAL_FORM | GOAL_CART | GOAL_CHECKOUT
    REFUSED_MS = 1500       # a form that is refused is refused within this time
    ANSWERED_MS = 10000     # where a checkout that was sent leads to is seen within this time


# The stream's own newest page view, or the visit's if it is too old to be held.
cdef PageVisit* goal_page(Moment* moment) noexcept nogil
# Let the time pass in which a form that was sent could have been refused.
cdef void goal_settle(Moment* moment) noexcept nogil
cdef void goal_fill(Moment* moment) noexcept nogil
cdef void goal_press(Moment* moment) noexcept nogil
cdef void goal_submit(Moment* moment) noexcept nogil
cdef void goal_invalid(Moment* moment) noexcept nogil
cdef void goal_track(Moment* moment, int meaning) noexcept nogil
# Say whether the visitor turned from what is to be bought to something else: pressed a link that
# leads elsewhere, or anything there, or stayed there. Going back is not turning to something.
cdef bint goal_turned(Moment* moment) noexcept nogil
# Note what page the visitor has been looking at for so long that it is more than a glance.
cdef void goal_notice(Moment* moment) noexcept nogil
# When the visitor was last seen in this stream; a pointer that moves is a sign, too.
cdef int32_t goal_seen(Moment* moment) noexcept nogil
# Say whether the visitor was enraged or confused a moment ago: what was done was in vain.
cdef bint goal_is_in_vain(Moment* moment) noexcept nogil
# Come to a page that is no success; say whether a goal is over because of it.
cdef bint goal_enter(Moment* moment) noexcept nogil
# Nothing is in progress any more.
cdef void goal_end(Moment* moment) noexcept nogil
# Epoch ms at which the form begun was left for another page; 0: it was not, or that has been said.
cdef int64_t goal_left(Moment* moment) noexcept nogil
# Say whether the newest page view leads away from what is to be bought, and to nothing else.
cdef bint goal_backs_off(Moment* moment) noexcept nogil
# Note that it has been said that the form was left.
cdef void goal_leave(Moment* moment) noexcept nogil
# Say whether a form in progress was left, and not taken up again since that was said.
cdef bint goal_stays_left(Moment* moment) noexcept nogil
# Say whether the stream's page is the one where the goal is pursued.
cdef bint goal_is_here(Moment* moment) noexcept nogil
# Say whether anything was filled in or sent at the checkout.
cdef bint goal_begun(Moment* moment) noexcept nogil
# How much is at stake, in percent: what evidence counts that somebody is gone, what signs count of
# somebody going, and what the goal itself adds.
cdef int goal_weight(Moment* moment) noexcept nogil
cdef int goal_sign(Moment* moment) noexcept nogil
cdef int goal_value(Moment* moment) noexcept nogil
