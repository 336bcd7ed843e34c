"""The numbers of the rage rules: times, distances, and the names of weights and terms."""


cpdef enum RageTiming:
    PATIENCE_MS = 100           # a press that nothing answered for this long is unanswered …
    REPEAT_PATIENCE_MS = 400    # … for controls made to be pressed again and again
    LINK_PATIENCE_MS = 2500     # … for links: the next page may take that long to begin
    TIMELY_MS = 1000            # an answer after this is late
    NO_ANSWER_MS = 2500         # an answer after this is none
    ERROR_MS = 2000             # an error this long after a press belongs to it
    HIDDEN_MS = 1000            # a tab hidden this soon after a press answered it
    SCROLL_MS = 300             # a scroll this soon after a press came from it
    DRAG_PX = 10                # a pointer that moved further while down dragged
    MOUSE_RADIUS_PX = 30
    TOUCH_RADIUS_PX = 44
    QUIET_MS = 1000             # a burst is over after this …
    SLOW_QUIET_MS = 2500        # … or this, for slow presses
    COME_BACK_MS = 5000         # who presses again after this has given it another chance …
    INSIST_MS = 20000           # … and insists on it for this long at most
    HASTE_MS = 1200             # two gaps below this: the patience of before is gone
    PAUSE_MS = 600              # a longer gap waited for an answer
    ALONE_MS = 120000           # nothing else pressed for so long: it is this that was wanted
    INSIST_PX = 180             # on what may be as large as the page: not this far from each other
    SAME_EPISODE_MS = 5000      # the same target again this soon: the same episode
    TROUBLED_MS = 30000
    REPEATED_MS = 60000
    BOT_PRESSES_PER_S = 15      # nobody presses faster
    MAX_REVISIONS = 8           # of an episode
    BOT_PRESSES = 8             # that many so fast: the whole stream is automated


# Places of the weights in Tables.burst; what each is worth stands in models/rage.json.
cpdef enum RageWeight:
    WEIGHT_PRIOR = 0
    WEIGHT_PRESSES_3 = 1
    WEIGHT_PRESSES_4 = 2
    WEIGHT_PRESSES_5 = 3
    WEIGHT_EXTRA_PRESS = 4
    WEIGHT_EXTRA_PRESSES_MAX = 5
    WEIGHT_QUICK = 6            # median gap < QUICK_GAP_MS
    WEIGHT_UNANSWERED = 7       # 2/3 of the presses or more
    WEIGHT_LATE = 8             # 2/3 or more late or unanswered
    WEIGHT_ANSWERED = 9         # every press that could be judged was answered in time
    WEIGHT_UNPROVEN = 10        # too few presses are unanswered to accuse the page
    WEIGHT_UNOBSERVABLE = 11    # silence proves nothing here; only an error accuses
    WEIGHT_ERROR = 12
    WEIGHT_DISABLED = 13
    WEIGHT_PLAIN_TARGET = 14    # nothing says that the target can be pressed
    WEIGHT_REPEATED = 15        # second episode on the target within REPEATED_MS
    WEIGHT_TROUBLED = 16        # another episode within TROUBLED_MS
    WEIGHT_INSISTED = 17        # tried, waited, came back to it


# Terms of the score, by the name under which they are reported.
cpdef enum RageTerm:
    TERM_PRIOR = 0
    TERM_PRESSES = 1
    TERM_EXTRA_PRESSES = 2
    TERM_QUICK_PRESSES = 3
    TERM_UNANSWERED_PRESSES = 4
    TERM_LATE_ANSWERS = 5
    TERM_ANSWERED_PRESSES = 6
    TERM_UNPROVEN = 7
    TERM_UNOBSERVABLE = 8
    TERM_ERROR = 9
    TERM_DISABLED_TARGET = 10
    TERM_PLAIN_TARGET = 11
    TERM_REPEATED = 12
    TERM_TROUBLED = 13
    TERM_INSISTED = 14


cdef enum:
    TERMS = 15
    QUICK_GAP_MS = 200
