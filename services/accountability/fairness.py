"""What is said of somebody who had a recommendation to answer, and whether it is blame.

Nobody is blamed for what did not reach them, what they did not see, what fell due outside their
hours or before they had a fair part of them, what was a false alarm, or what they contest.
"""

from __future__ import annotations

from enum import IntEnum


class Verdict(IntEnum):
    """Numbers of `Verdict` in proto."""

    PENDING = 1
    MET = 2
    ANSWERED = 3
    COVERED = 4
    HANDED_ON = 5
    LATE = 6
    MISSED = 7
    UNDELIVERED = 8
    UNSEEN = 9
    OUTSIDE_HOURS = 10
    TOO_SHORT = 11
    FALSE_ALARM = 12
    WITHDRAWN = 13
    UNDER_APPEAL = 14
    NEVER_SAW = 15

    @property
    def blames(self) -> bool:
        """Whether it is said against them."""
        return self in BLAME

    @property
    def why(self) -> str:
        """It in a sentence."""
        return _WHY[self]


BLAME = frozenset({Verdict.LATE, Verdict.MISSED})
EXCUSED = frozenset(verdict for verdict in Verdict if verdict >= Verdict.UNDELIVERED)
_WHY = {
    Verdict.PENDING: "It is theirs and not due: nothing to say yet.",
    Verdict.MET: "They acted in time.",
    Verdict.ANSWERED: "They said no in time.",
    Verdict.COVERED: "Somebody else answered in time while it was theirs.",
    Verdict.HANDED_ON: "They passed it on in time.",
    Verdict.LATE: "They saw it in their hours, had time, and it was acted on after it was due.",
    Verdict.MISSED: "They saw it in their hours, had time, and let it fall due or be escalated.",
    Verdict.UNDELIVERED: "No message is known to have reached them.",
    Verdict.UNSEEN: "Nothing says that they saw it in time.",
    Verdict.OUTSIDE_HOURS: "None of the time in which they could answer was in their hours.",
    Verdict.TOO_SHORT: "Too little of their hours was left.",
    Verdict.FALSE_ALARM: "There was nothing to answer: it was a false alarm.",
    Verdict.WITHDRAWN: "It was withdrawn.",
    Verdict.UNDER_APPEAL: "They appealed, and nobody has ruled yet.",
    Verdict.NEVER_SAW: "They never saw it, says somebody who looked into it.",
}
