"""The judge: from the marks of a mood to a score, a confidence, an episode.

    score = prior + sum over features of min(cap, weight * strength of its marks still in window)

While only one family of features speaks, the score stays at or below the model's `lone_cap`. Below
the threshold there is no emotion. An episode is emitted once and then revised.

Ownership: borrows the moment; allocates nothing, raises nothing, touches no Python.
"""

from hotpath.state cimport Moment


cdef enum:
    MAX_REVISIONS = 8       # of an episode
    LOWER_BY = 15           # an episode is over when the confidence is that far below the threshold
    TERM_PRIOR = 0          # terms of a verdict: the prior, then a feature each, then the cap
    TERM_FEATURE = 1


# Judge an emotion as things stand; `trigger` is the feature that has just been marked.
cdef void judge(Moment* moment, int emotion, int trigger) noexcept nogil

# Emit one last revision of an open episode, as things stand, with another trigger, and close it.
# Of an emotion that is switched off only the taking back is emitted.
cdef void judge_close(Moment* moment, int emotion, int trigger) noexcept nogil
