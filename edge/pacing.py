"""When a page may send again, while more comes than gets into the log.

More may come than the log takes, or than this process gets round to. What is accepted then waits
longer and longer, whichever it is: a loop that is late reads late and writes late. So pages get
places in a line, as long as the worker is behind: each record accepted makes the line one record
longer, at the pace at which records got into the log, and its page is asked (`error slow`) to send
nothing before its end. What comes back is then no more than what the log takes; nobody is refused.

The pace is a little below what was seen while records were late, and grows while they are not: fast
as long as nothing says that it is too much, slowly from then on. When the line is empty it is over.
"""

from __future__ import annotations

import math
import time
from typing import Final

_LATE_S: Final = 0.1
"""Ten times what lies between two rounds on a busy day."""
_BELOW: Final = 0.95
_FAST_PER_S: Final = 0.7
_SLOW_PER_S: Final = 0.1
_SEEN_S: Final = 1.0
"""Over how long the pace is seen: the hiccup of a disk must not pass for a narrow log."""
_FORGET_PER_S: Final = 0.05
_MOST_S: Final = 6.0
_UNKNOWN_S: Final = 1.0
"""Nothing was written yet, so no pace is known."""


class Pacing:
    """Of one log writer."""

    __slots__ = (
        "_best_per_s", "_growth_per_s", "_in_time_s", "_line_ends_s", "_pace", "_seen_per_s",
        "_taken_since_s", "_waiting_since_s", "_written_s",
    )  # fmt: skip

    def __init__(self) -> None:
        self._waiting_since_s = 0.0
        self._taken_since_s = 0.0
        """Since when the oldest record of the round under way waits; 0: none is under way."""
        self._written_s = time.monotonic()
        self._in_time_s = self._written_s
        """When a round was over in time."""
        self._seen_per_s = 0.0
        self._best_per_s = 0.0
        """The most of it that was seen lately, unless all that was seen since is late."""
        self._pace = 0.0
        """Records a second that the line lets in."""
        self._growth_per_s = _FAST_PER_S
        self._line_ends_s = 0.0

    def waits(self) -> None:
        """The first record of the next round was put."""
        self._waiting_since_s = time.monotonic()

    def taken(self) -> None:
        """A round begins with all that waits."""
        self._taken_since_s = self._waiting_since_s

    def written(self, records: int) -> None:
        """The round is over."""
        now_s = time.monotonic()
        elapsed_s = now_s - self._written_s
        if elapsed_s > 0:
            new = 1 - math.exp(-elapsed_s / _SEEN_S)
            self._seen_per_s += new * (records / elapsed_s - self._seen_per_s)
        forgotten = max(0.0, 1 - _FORGET_PER_S * elapsed_s)
        self._best_per_s = max(self._seen_per_s, self._best_per_s * forgotten)
        late = now_s - self._taken_since_s > _LATE_S
        if not late:
            self._in_time_s = now_s
        elif now_s - self._in_time_s > _SEEN_S:
            self._best_per_s = self._seen_per_s
        if late:
            if self._pace > self._seen_per_s:  # it grew too far
                self._growth_per_s = _SLOW_PER_S
            self._pace = _BELOW * self._best_per_s
        elif self._line_ends_s < now_s:
            self._pace, self._growth_per_s = 0.0, _FAST_PER_S
        else:
            self._pace *= 1 + self._growth_per_s * min(elapsed_s, 1.0)
        self._written_s, self._taken_since_s = now_s, 0.0

    def accepted(self) -> float:
        """A record was accepted; returns how long its page should send nothing, mostly 0.0."""
        now_s = time.monotonic()
        if self._line_ends_s <= now_s:
            if not self._taken_since_s or now_s - self._taken_since_s <= _LATE_S:
                return 0.0
            self._line_ends_s = now_s
        # Before a late round is over, what was seen so far.
        pace = self._pace or _BELOW * self._best_per_s
        step_s = 1 / pace if pace > 1 / _UNKNOWN_S else _UNKNOWN_S
        self._line_ends_s = min(self._line_ends_s + step_s, now_s + _MOST_S)
        return self._line_ends_s - now_s
