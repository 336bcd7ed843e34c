"""What guards remember of a session, visitor, company or tenant, and how it is read.

A cap counts in buckets of a 32nd of its window, each under its latest moment. So the count of a
window may be too high by what happened in its first 32nd, and is never too low: no window of that
length, wherever it begins, holds more than the cap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol

import msgspec

Subject = Literal["session", "visitor", "company", "tenant"]
REMEMBERED = 16
EVER = "ever"
"""The period of a budget that never renews."""
_BUCKETS = 32


class Charge(NamedTuple):
    """What an offer took out of a budget."""

    key: str
    """Budget and currency, as ledgers name them."""
    period: str
    minor: int


class Ledger(msgspec.Struct, omit_defaults=True):
    """One subject's memory; stored as JSON."""

    free: dict[str, int] = {}
    """When a cool-down or a group ends, Unix epoch in milliseconds."""
    marks: dict[str, list[tuple[int, int]]] = {}
    """By cap: (latest moment of a bucket, how many), oldest first."""
    spent: dict[str, tuple[str, int]] = {}
    """By budget and currency: (period, minor units)."""
    episodes: list[int] = []
    interventions: list[int] = []
    dismissals: list[tuple[int, str]] = []
    threads: dict[str, tuple[str, int]] = {}
    """By person of the team: the decision whose message told them of this visitor, and when."""

    def count(self, key: str, since_ms: int) -> int:
        """How many since then; never too few."""
        return sum(count for latest, count in self.marks.get(key, ()) if latest > since_ms)

    def mark(self, key: str, now_ms: int, within_ms: int) -> None:
        """Count one, and forget what no window of that length can reach."""
        width = max(1, within_ms // _BUCKETS)
        latest = (now_ms // width + 1) * width
        kept = [mark for mark in self.marks.get(key, ()) if mark[0] > now_ms - within_ms]
        for index, (moment, count) in enumerate(kept):
            if moment == latest:
                kept[index] = (moment, count + 1)
                break
        else:
            kept.append((latest, 1))
        self.marks[key] = kept

    def hold(self, key: str, until_ms: int, now_ms: int) -> None:
        """Set a moment, never back; forget those that have passed."""
        self.free = {name: at for name, at in self.free.items() if at > now_ms}
        self.free[key] = max(self.free.get(key, 0), until_ms)

    def spend(self, key: str, period: str, minor: int) -> None:
        """Take out of a budget; a new period begins at nothing, and an old one never again."""
        known, _ = self.spent.get(key, (period, 0))
        newest = known if _counts(known, period) else period
        self.spent[key] = (newest, self.spent_in(key, period) + minor)

    def spent_in(self, key: str, period: str) -> int:
        """What a budget has lost in a period, or in a later one: clocks of replicas differ."""
        known, minor = self.spent.get(key, (period, 0))
        return minor if _counts(known, period) else 0

    def correct(self, charge: Charge) -> bool:
        """Take more, or less than nothing, out of a period; a later one has nothing to do with it.

        Returns whether anything changed.
        """
        known, minor = self.spent.get(charge.key, ("", 0))
        if known != charge.period:
            return False
        self.spent[charge.key] = (known, max(0, minor + charge.minor))
        return True

    def join(self, person_id: str, decision_id: str, now_ms: int, within_ms: int) -> str:
        """The thread that a recommendation belongs to, as its decision; empty: it opens one."""
        kept = {who: one for who, one in self.threads.items() if one[1] > now_ms - within_ms}
        thread_id, _ = kept.setdefault(person_id, (decision_id, now_ms))
        self.threads = kept if within_ms else {}
        return "" if thread_id == decision_id else thread_id

    def remember(self, name: Literal["episodes", "interventions"], at_ms: int) -> None:
        """Keep a moment among the last 16."""
        moments: list[int] = getattr(self, name)
        setattr(self, name, [*moments, at_ms][-REMEMBERED:])


def _counts(known: str, period: str) -> bool:
    """Whether what a period has spent counts in another: of dates, also a later one's.

    "ever" is no date: a budget that was changed from it to a period begins at nothing.
    """
    return known == period or (known != EVER and known >= period)


class Readings(Protocol):
    """Where guards read from: live ledgers, or what a record says was read."""

    def read(self, subject: Subject, key: str, since_ms: int, period: str | None) -> int:
        """A cool-down's end, a cap's count since then, or what a period has spent."""
        ...


class LiveReadings:
    """Reads ledgers, and keeps what was read for the record."""

    def __init__(self, ledgers: Mapping[Subject, Ledger]) -> None:
        self._ledgers = ledgers
        self.seen: dict[str, int] = {}

    def read(self, subject: Subject, key: str, since_ms: int, period: str | None) -> int:
        """See Readings. Of whom there is no ledger, nothing is known."""
        ledger = self._ledgers.get(subject)
        if ledger is None:
            found = 0
        elif key.startswith("cap:"):
            found = ledger.count(key, since_ms)
        elif period is not None:
            found = ledger.spent_in(key, period)
        else:
            found = ledger.free.get(key, 0)
        self.seen[f"{subject}/{key}"] = found
        return found


class RecordedReadings:
    """Answers what was read when the decision was made.

    Raises:
        KeyError: the decision never asked for it, so this is no replay of it.
    """

    def __init__(self, seen: Mapping[str, int]) -> None:
        self.seen = dict(seen)

    def read(self, subject: Subject, key: str, since_ms: int, period: str | None) -> int:
        """See Readings."""
        del since_ms, period
        return self.seen[f"{subject}/{key}"]
