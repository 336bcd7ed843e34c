"""How fast a key may send: events a second, with room for a burst."""

from __future__ import annotations

from collections import OrderedDict

PER_S = 1_000.0
BURST = 10_000.0
_CAPACITY = 10_000


class Pace:
    """Token buckets by key, the ones used last."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, count: int, now_s: float) -> float:
        """Take `count` events; returns the seconds to wait first, 0.0 if they are taken."""
        left, at_s = self._left.get(key, (BURST, now_s))
        left = min(BURST, left + (now_s - at_s) * PER_S)
        wait_s = max(0.0, (count - left) / PER_S)
        self._left[key] = (left if wait_s else left - count, now_s)
        self._left.move_to_end(key)
        if len(self._left) > _CAPACITY:
            self._left.popitem(last=False)
        return wait_s
