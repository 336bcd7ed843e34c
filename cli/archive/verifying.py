"""Does the archive have what the log had and analytics has? By tenant and hour of event time.

Of each hour: how many rows, and the sum of their hashes. The log is compared as far as it is kept,
row by row: what it has must be archived, and what is archived of the offsets that it still has must
be in it. Analytics holds the last revision of an emotion only, and forgets by age; so much is
left out on the other side too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cli.archive.logged import Hashes, Logged
from services.pipeline.archive import Archive, ArchiveError, ArchiveFile, ArchiveUnavailable
from services.pipeline.archive.rows import by_hour, fold_hour
from services.pipeline.arrow import compute
from services.pipeline.fingerprints import row_hashes, total
from services.pipeline.topics import TOPICS, Topic

DAY_MS = 86_400_000
# As schema.sql has it, less a margin: what analytics may have forgotten is not asked for.
_MARGIN_MS = 3_600_000
KEPT_DAYS: Mapping[str, int] = {
    "events": 90,
    "identifies": 90,
    "emotions": 400,
    "decisions": 400,
    "outcomes": 400,
}
MOVES_KEPT_DAYS = 7
Key = tuple[str, str, str, bool]
"""Table, tenant, hour, pointer moves."""


@dataclass(frozen=True, slots=True)
class Sum:
    """Rows, in no order."""

    rows: int = 0
    hash: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """What does not agree, and in which way."""

    topic: str
    tenant: str
    hour: str
    what: str


@dataclass(slots=True)
class Verified:
    """What was compared."""

    hours: int = 0
    files: int = 0
    bytes: int = 0
    rows: int = 0
    log_rows: int = 0
    """Of them those that the log still has."""
    analytics_rows: int = 0
    """Of them those that analytics has to have."""
    aged_rows: int = 0
    """Those that analytics may have forgotten by now: not compared with it."""
    differences: list[Difference] = field(default_factory=list[Difference])


@dataclass(slots=True)
class _Hour:
    hashes: list[Hashes] = field(default_factory=list[Hashes])
    in_log: list[Hashes] = field(default_factory=list[Hashes])
    sums: dict[bool, Sum] = field(default_factory=dict[bool, Sum])
    """Other rows, and pointer moves."""
    oldest_ms: dict[bool, int] = field(default_factory=dict[bool, int])
    latest: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """Of emotions: the highest revision of each and its hash."""

    def all(self) -> Hashes:
        return np.concatenate([np.empty(0, np.uint64), *self.hashes])


class Verification:
    """Compares topic after topic; `say` is told of each hour."""

    def __init__(
        self, archive: Archive, tenant: str, first: str, before: str, say: Callable[[str], None]
    ) -> None:
        self.result = Verified()
        self._archive = archive
        self._tenant = tenant
        self._first, self._before = first, before
        self._say = say
        self._expected: dict[Key, Sum] = {}
        self._aged: set[Key] = set()
        self._episodes: dict[tuple[str, str], tuple[int, str, int]] = {}

    def archive_and_log(self, topic: Topic[Any], log: Logged | None) -> None:
        """Read what is archived of a topic, and compare it with what the log has."""
        last = "~" if topic.table == "emotions" else self._before[:10]
        files = self._archive.files(
            topic.name, tenant=self._tenant, first=self._first[:10], last=last
        )
        hours = by_hour(files)
        for (hour, tenant), of_hour in hours.items():
            if self._wanted(hour):
                self._say(f"{topic.name} {tenant} {hour}")
                self._hour(topic, tenant, hour, of_hour, log)
            elif topic.table == "emotions" and hour >= self._before:
                # A later revision may stand in a later hour: analytics has that one only.
                self._later(topic, tenant, hour, of_hour)
        for tenant, hour in log.rows if log is not None else ():
            if self._wanted(hour) and (hour, tenant) not in hours:
                missing = len(np.unique(log.of(tenant, hour))) if log is not None else 0
                self._differs(topic, tenant, hour, f"{missing} rows of the log are not archived")

    def with_analytics(self, held: Mapping[Key, Sum]) -> None:
        """Compare with what analytics has of the hours."""
        self._expect_episodes()
        topics = {topic.table: topic for topic in TOPICS}
        for key in sorted({*self._expected, *held}):
            table, tenant, hour, moves = key
            ours, theirs = self._expected.get(key, Sum()), held.get(key, Sum())
            if key in self._aged:
                self.result.aged_rows += ours.rows
                continue
            self.result.analytics_rows += ours.rows
            if ours != theirs:
                kind = "pointer moves" if moves else "rows"
                what = (
                    f"{ours.rows} {kind} are archived, {theirs.rows} are in analytics"
                    if ours.rows != theirs.rows
                    else f"{ours.rows} {kind} differ in content"
                )
                self._differs(topics[table], tenant, hour, what)

    def _wanted(self, hour: str) -> bool:
        return self._first <= hour < self._before

    def _differs(self, topic: Topic[Any], tenant: str, hour: str, what: str) -> None:
        self.result.differences.append(Difference(topic.name, tenant, hour, what))

    def _hour(
        self, topic: Topic[Any], tenant: str, hour: str, files: list[ArchiveFile],
        log: Logged | None,
    ) -> None:  # fmt: skip
        try:
            found = fold_hour(
                self._archive, topic.name, files, lambda tables: _summed(topic, tables, log)
            )
        except ArchiveUnavailable:
            raise
        except ArchiveError as error:
            self._differs(topic, tenant, hour, str(error))
            return
        hashes = found.all()
        unique = np.unique(hashes)
        rows = sum(file.rows for file in files)
        self.result.hours += 1
        self.result.files += len(files)
        self.result.bytes += sum(file.size for file in files)
        self.result.rows += len(hashes)
        if len(hashes) != rows:
            self._differs(
                topic, tenant, hour, f"manifests say {rows} rows, files have {len(hashes)}"
            )
        if len(unique) != len(hashes):
            twice = len(hashes) - len(unique)
            self._differs(topic, tenant, hour, f"{twice} rows are archived more than once")
        if log is not None:
            self._compare_log(topic, tenant, hour, unique, found, log)
        for moves, told in found.sums.items():
            key = (topic.table, tenant, hour, moves)
            self._expected[key] = told
            days = MOVES_KEPT_DAYS if moves else KEPT_DAYS[topic.table]
            if found.oldest_ms[moves] < time.time() * 1000 - days * DAY_MS + _MARGIN_MS:
                self._aged.add(key)
        if topic.table == "emotions":
            self._expected[(topic.table, tenant, hour, False)] = Sum()
            self._remember(tenant, hour, found)

    def _compare_log(
        self, topic: Topic[Any], tenant: str, hour: str, unique: Hashes, found: _Hour, log: Logged
    ) -> None:
        told = np.unique(log.of(tenant, hour))
        kept = np.concatenate([np.empty(0, np.uint64), *found.in_log])
        self.result.log_rows += len(kept)
        if missing := len(np.setdiff1d(told, unique, assume_unique=True)):
            self._differs(topic, tenant, hour, f"{missing} rows of the log are not archived")
        if strange := len(np.setdiff1d(np.unique(kept), told, assume_unique=True)):
            self._differs(
                topic, tenant, hour, f"{strange} archived rows are not at their place in the log"
            )

    def _later(self, topic: Topic[Any], tenant: str, hour: str, files: list[ArchiveFile]) -> None:
        found = fold_hour(
            self._archive, topic.name, files, lambda tables: _summed(topic, tables, None)
        )
        self._remember(tenant, hour, found)

    def _remember(self, tenant: str, hour: str, found: _Hour) -> None:
        for name, (rev, value) in found.latest.items():
            if self._episodes.get((tenant, name), (-1, "", 0))[0] < rev:
                self._episodes[tenant, name] = (rev, hour, value)

    def _expect_episodes(self) -> None:
        for (tenant, _), (_, hour, value) in self._episodes.items():
            if self._wanted(hour):
                key = ("emotions", tenant, hour, False)
                so_far = self._expected.get(key, Sum())
                self._expected[key] = Sum(so_far.rows + 1, (so_far.hash + value) % (1 << 64))


def _summed(topic: Topic[Any], tables: Iterator[Any], log: Logged | None) -> _Hour:
    found = _Hour()
    for table in tables:
        hashes = row_hashes(topic.table, table)
        found.hashes.append(hashes)
        if log is not None:
            found.in_log.append(hashes[log.covers(table)])
        stored = np.asarray(table["stored_at"].cast("int64"), np.int64)
        moves = (
            np.asarray(compute.equal(table["type"].cast("string"), "pointer_move"), bool)
            if topic.table == "events"
            else np.zeros(len(hashes), bool)
        )
        for kind in (False, True):
            if not (mine := moves == kind).any():
                continue
            so_far = found.sums.get(kind, Sum())
            found.sums[kind] = Sum(
                so_far.rows + int(mine.sum()), (so_far.hash + total(hashes[mine])) % (1 << 64)
            )
            found.oldest_ms[kind] = min(int(stored[mine].min()), found.oldest_ms.get(kind, 1 << 62))
        if topic.table == "emotions":
            names, revisions = table["id"].to_pylist(), table["rev"].to_pylist()
            for name, rev, value in zip(names, revisions, hashes.tolist(), strict=True):
                if found.latest.get(name, (-1, 0))[0] < rev:
                    found.latest[name] = (rev, value)
    return found
