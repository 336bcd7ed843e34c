"""What guards remembered a moment ago, so that not every group of decisions has to ask.

Nothing is decided by it alone: a group is written only where all that it was judged by still
stands, and judged anew where it does not. So memory may be wrong, and costs time then, never a cap.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping

from services.intervention.store.decisions import GuardKey, State

MOST = 20_000
_FRESH_S = 60.0
"""What is forgotten for good in the table has to be gone here soon, too."""
_OTHERS_S = 10.0


class Memory:
    """States by subject; what was not heard of for longest is forgotten first."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock = monotonic
        self._states: OrderedDict[GuardKey, tuple[float, State]] = OrderedDict()
        self._others: dict[GuardKey, float] = {}
        """What somebody else changes too, and until when it is not remembered for that."""

    def __len__(self) -> int:
        return len(self._states)

    def recall(self, keys: Iterable[GuardKey]) -> dict[GuardKey, State] | None:
        """All of these, or None: one that is missing has to be read, and the rest with it."""
        since = self._clock() - _FRESH_S
        found: dict[GuardKey, State] = {}
        for key in keys:
            at, state = self._states.get(key, _UNKNOWN)
            if at < since:
                return None
            found[key] = state
        return found

    def keep(self, states: Mapping[GuardKey, State]) -> None:
        """Take note of what stands now."""
        now = self._clock()
        for key, state in states.items():
            if self._others and self._others.get(key, now) > now:
                continue
            self._states[key] = (now, state)
            self._states.move_to_end(key)
        while self._states and (len(self._states) > MOST or self._is_stale(now)):
            self._states.popitem(last=False)

    def doubt(self, keys: Iterable[GuardKey]) -> dict[GuardKey, State]:
        """Forget these, whose rows may be other ones by now. Returns what was remembered."""
        return {key: self._states.pop(key)[1] for key in keys if key in self._states}

    def compare(self, believed: Mapping[GuardKey, State], read: Mapping[GuardKey, State]) -> None:
        """Learn whose rows somebody else changes: to remember those costs more than to read them.

        Args:
            believed: what `doubt` gave.
            read: what really stands.
        """
        now = self._clock()
        self._others = {key: until for key, until in self._others.items() if until > now}
        for key, state in believed.items():
            if key in read and read[key].version != state.version:
                self._others[key] = now + _OTHERS_S

    def _is_stale(self, now: float) -> bool:
        at, _ = next(iter(self._states.values()))
        return at < now - _FRESH_S


_UNKNOWN = (float("-inf"), State())
