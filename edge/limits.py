"""How much one address, one key and one tenant may ask of a worker.

All of it is in the worker's own memory, so it holds while the state store is away; a limit is a
worker's, not the mesh's. Names come from strangers, so what is kept of them is bounded: a name of
which nothing was heard for a burst's length is as good as new, and is forgotten.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from edge.settings import Settings

BURST_S: Final = 3.0
"""So many seconds' worth may come at once; after as long a silence it may again."""
LINE_S: Final = 5.0
"""So long a page may wait for its turn under its key's rate; who would have to longer is closed."""
CALLS_PER_S: Final = 1_000
CALLS_BURST_S: Final = 10.0
"""Calls of Segment's API under one key. Servers send them, by the batch and after a pause."""
MOST_NAMES: Final = 100_000
"""Names of one kind heard of within a burst's length; beyond, the oldest are forgiven early."""
_ROUNDING_S: Final = 1e-6


class Rates:
    """Token buckets, one a name: so many a second, `burst_s` seconds' worth at once.

    A bucket is one number: when it would be full again (the generic cell rate algorithm).
    """

    __slots__ = ("_burst_s", "_forget_s", "_full_s", "_line_s", "_older", "_step_s")

    def __init__(self, per_s: int, burst_s: float = BURST_S, line_s: float = 0.0) -> None:
        """per_s: 0: any number. line_s: how far ahead a turn may be."""
        self._step_s = 1 / per_s if per_s else 0.0
        self._burst_s = burst_s
        self._line_s = line_s
        self._full_s: dict[str, float] = {}
        self._older: dict[str, float] = {}
        """Not heard of since the last time that names were forgotten."""
        self._forget_s = 0.0

    def take(self, name: str, now_s: float) -> bool:
        """Take one token; False: there is none. `now_s` is monotonic."""
        return not self.wait_s(name, now_s, 1)

    def wait_s(self, name: str, now_s: float, count: int) -> float:
        """Take `count` tokens, all or none; returns the seconds to wait first, 0.0 if taken."""
        return self._take(name, now_s, count, 0.0)

    def turn_s(self, name: str, now_s: float) -> float:
        """Take one token, up to `line_s` before it is there; returns the seconds until it is.

        More than `line_s`: none was taken.
        """
        return self._take(name, now_s, 1, self._line_s)

    def _take(self, name: str, now_s: float, count: int, ahead_s: float) -> float:
        if not self._step_s:
            return 0.0
        if now_s >= self._forget_s or len(self._full_s) >= MOST_NAMES:
            self._older, self._full_s = self._full_s, {}
            self._forget_s = now_s + self._burst_s + self._line_s
        full_s = self._full_s.get(name)
        if full_s is None:
            full_s = self._older.get(name, 0.0)
        full_s = (full_s if full_s > now_s else now_s) + count * self._step_s
        over_s = full_s - now_s - self._burst_s
        if over_s > ahead_s + _ROUNDING_S:
            return over_s
        self._full_s[name] = full_s
        return over_s if over_s > _ROUNDING_S else 0.0

    def __len__(self) -> int:
        return len(self._full_s) + len(self._older)


class Seats:
    """Open connections, by name: at most so many each."""

    __slots__ = ("_most", "_taken")

    def __init__(self, most: int) -> None:
        """0: any number."""
        self._most = most
        self._taken: dict[str, int] = {}

    def full(self, name: str) -> bool:
        """Whether another one would be too many."""
        return 0 < self._most <= self._taken.get(name, 0)

    def take(self, name: str) -> None:
        """One was opened."""
        self._taken[name] = self._taken.get(name, 0) + 1

    def free(self, name: str) -> None:
        """One that was taken is closed."""
        left = self._taken[name] - 1
        if left:
            self._taken[name] = left
        else:
            del self._taken[name]

    def __len__(self) -> int:
        return len(self._taken)


class Limits:
    """A worker's limits, and how often each refused somebody."""

    def __init__(self, settings: Settings) -> None:
        self.of_source = Seats(settings.max_connections_per_ip)
        self.of_tenant = Seats(settings.max_connections_per_tenant)
        self.refused: Counter[str] = Counter()
        """Refusals by reason."""
        self._hellos = Rates(settings.hellos_per_s_per_ip)
        self._frames_of_source = Rates(settings.frames_per_s_per_ip)
        self._frames_of_key = Rates(settings.frames_per_s_per_key, line_s=LINE_S)
        self._calls_of_key = Rates(CALLS_PER_S, CALLS_BURST_S)

    def hello(self, source: str, now_s: float) -> str:
        """Count a hello; returns why it is refused, empty if it is not."""
        return "" if self._hellos.take(source, now_s) else self.refuse("hellos_per_ip")

    def frame(self, source: str, key: str, now_s: float) -> str:
        """Count a frame; returns why it is refused, empty if it is not.

        `key` is empty until the edge has let the page in: else whoever knows a key, which is
        public, could use up its tenant's frames from anywhere.
        """
        if self._frames_of_source.wait_s(source, now_s, 1):
            return self.refuse("frames_per_ip")
        if key and self._frames_of_key.wait_s(key, now_s, 1):
            return self.refuse("frames_per_key")
        return ""

    def turn(self, key: str, now_s: float) -> float:
        """Count a page's frame under its key's rate; returns how long it waits for its turn.

        More than LINE_S: it has none. Closing pages, which come back, costs other tenants more than
        letting them wait (AT-24 in docs/faults.md).
        """
        wait_s = self._frames_of_key.turn_s(key, now_s)
        if wait_s > LINE_S:
            self.refuse("frames_per_key")
        return wait_s

    def request(self, source: str, now_s: float) -> float:
        """Count a request of a server's; returns the seconds to wait first, 0.0 for none.

        Before its key is looked up: else a stranger with made-up keys costs a call each.
        """
        wait_s = self._frames_of_source.wait_s(source, now_s, 1)
        if wait_s:
            self.refuse("frames_per_ip")
        return wait_s

    def calls(self, key: str, count: int, now_s: float) -> float:
        """Count what such a request holds, as `request` does."""
        wait_s = self._calls_of_key.wait_s(key, now_s, count)
        if wait_s:
            self.refuse("calls_per_key")
        return wait_s

    def refuse(self, reason: str) -> str:
        """Count a refusal; returns its reason."""
        self.refused[reason] += 1
        return reason
