"""What a sink had stored before this process began, as far back as the log may repeat it.

A page sends a message again until it was acknowledged, and a visit lasts no longer than a day: what
was stored more than a day before what was stored last comes back only as a dead letter. Under load
a day is more than a start can read or hold, and the newest of it is taken: see the limits.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from services.common import logs
from services.common.partition import PARTITIONS
from services.pipeline.analytics import Analytics, AnalyticsError
from services.pipeline.archive import Archive, ArchiveError, Damaged, Missing
from services.pipeline.arrow import compute, pa

_log = logs.get(__name__)
WINDOW_MS: Final = 25 * 3_600_000
# Streams or ids: what a memory holds, of pages and of single messages.
_MOST_KEYS = 200_000
# Of the archive, for streams that have much: half a minute's work, and some ten minutes of 10,000
# frames a second.
_MOST_ROWS = 50_000_000
_TRIES = 3
# Of analytics, where nothing is lost by what is missed: messages in all, and rows an answer, which
# fit in memory. It is a little more than either, for a step is the least that is asked for.
_MOST_MESSAGES = 1_000_000
_ROWS_AT_ONCE = 1_000_000
_STEP_MS: Final = 300_000


class Recalled(NamedTuple):
    """Reduced rows, the newest first, and whether there are none but these."""

    tables: list[Any]
    all_known: bool

    @property
    def rows(self) -> int:
        """How many are to be remembered."""
        return sum(table.num_rows for table in self.tables)

    @property
    def messages(self) -> int:
        """Of how many messages they tell."""
        return sum(map(_messages, self.tables))


def _messages(table: Any) -> int:
    if "seq_distinct" not in table.column_names:
        return int(table.num_rows)
    return compute.sum(compute.list_value_length(table["seq_distinct"])).as_py() or 0


def from_archive(
    archive: Archive,
    topic: str,
    columns: Sequence[str],
    reduced: Callable[[Any], Any],
    now_ms: int,
) -> Recalled:
    """What the archive has of a topic. It blocks.

    A file that is damaged, or gone for good, costs what it alone knew.

    Raises:
        Missing: compactions come in between again and again, ask later.
        ArchiveError: a manifest is damaged, or the archive away.
    """
    for _ in range(_TRIES):
        with suppress(Missing):  # a compaction has just replaced it
            return _read(archive, topic, columns, reduced, now_ms, skipped=(Damaged,))
    return _read(archive, topic, columns, reduced, now_ms, skipped=(Damaged, Missing))


def _read(
    archive: Archive,
    topic: str,
    columns: Sequence[str],
    reduced: Callable[[Any], Any],
    now_ms: int,
    skipped: tuple[type[ArchiveError], ...],
) -> Recalled:
    since_ms = min(now_ms, archive.last_stored_ms(topic) or now_ms) - WINDOW_MS
    tables: list[Any] = []
    known: set[int] = set()
    rows, all_known = 0, True
    for file in archive.newest(topic, since_ms):
        if len(known) >= _MOST_KEYS or rows >= _MOST_ROWS:
            all_known = False
            break
        if file is None:
            all_known = False
            continue
        rows += file.rows
        try:
            table = reduced(archive.read(topic, file, columns))
        except skipped as error:
            _log.warning("a file is not recalled", topic=topic, file=file.path, error=str(error))
            all_known = False
            continue
        tables.append(table)
        known.update(_keys(table, _key_of(columns)))
    return Recalled(tables, all_known)


def _key_of(columns: Sequence[str]) -> Sequence[str]:
    """What a memory counts: streams, which have many a `seq`, or ids."""
    return columns[:-1] if columns[-1] == "seq" else columns


def _keys(table: Any, names: Sequence[str]) -> Iterator[int]:
    return map(hash, zip(*(table[name].to_pylist() for name in names), strict=True))


async def from_analytics(
    analytics: Analytics,
    table: str,
    columns: Sequence[str],
    committed: Mapping[int, int],
    now_ms: int,
) -> Recalled:
    """What a table has of what was committed to the log.

    Not of what came after: a block that was cut off may be there by half. What is missed does no
    harm, for a table has one row a key: what is not told counts as never stored.

    Nor of more than it gives: an engine that refuses is not asked for ever.

    Raises:
        AnalyticsError: the engine is away.
    """
    found = Recalled([], True)
    try:
        async for answer in _steps(analytics, table, columns, committed, now_ms):
            found.tables.append(answer)
            if found.messages >= _MOST_MESSAGES:
                break
    except AnalyticsError as error:
        if error.away:
            raise
        _log.warning("not all is recalled", table=table, rows=found.rows, error=str(error))
    return found


async def _steps(
    analytics: Analytics,
    table: str,
    columns: Sequence[str],
    committed: Mapping[int, int],
    now_ms: int,
) -> AsyncIterator[Any]:
    """Answers, the newest first, each of as many steps as fit in memory together."""

    async def asked(sql: str, **parameters: str) -> Any:
        return pa.ipc.open_stream(await analytics.query(sql, parameters)).read_all()

    last_ms = 0
    for day_ms in (now_ms - WINDOW_MS, 0):  # all days only after a long stop
        if not last_ms:
            (last_ms,) = (await asked(last_stored(table), day=str(day_ms)))["ms"].to_pylist()
    through = ",".join(str(committed.get(partition, 0)) for partition in range(PARTITIONS))
    # It may be later than now: a clock may have been set back.
    begin = str(min(now_ms, last_ms) - WINDOW_MS)
    window = {"day": begin, "through": f"[{through}]"}
    steps = (await asked(stored(table), **window, **{"from": begin})).to_pylist()
    sql = recent(table, columns)
    rows, until = 0, None
    for place, step in enumerate(steps):
        rows += step["stored"]
        until = until or step["step"] + 1
        if rows >= _ROWS_AT_ONCE or place == len(steps) - 1:
            span = {"from": str(step["step"] * _STEP_MS), "until": str(until * _STEP_MS)}
            yield await asked(sql, **window, **span)
            rows, until = 0, None


def last_stored(table: str) -> str:
    """The query of when a table got its newest row, in milliseconds; 0 if it has none."""
    return _LAST.format(table=table)


def stored(table: str) -> str:
    """The query of how many rows a table got in each step, the newest first."""
    return _STORED.format(table=table, step_ms=_STEP_MS)


def recent(table: str, columns: Sequence[str]) -> str:
    """The query of what a table got within a while, reduced as `Seen.recall` takes it."""
    group = ", ".join(_key_of(columns))
    what = group if len(_key_of(columns)) == len(columns) else f"{group}, {_SEQS}"
    return _RECENT.format(what=what, table=table, group=group)


_SEQS: Final = "groupUniqArray(seq) AS seq_distinct"
# `t` only tells which days to look at; what is stored with an older one is not recalled.
_LAST: Final = (
    "SELECT toUnixTimestamp64Milli(max(stored_at)) AS ms FROM sentientiq.{table}"
    " WHERE t >= fromUnixTimestamp64Milli({{day:Int64}})"
)
_STORED: Final = (
    "SELECT intDiv(toUnixTimestamp64Milli(stored_at), {step_ms}) AS step, count() AS stored"
    " FROM sentientiq.{table} WHERE t >= fromUnixTimestamp64Milli({{day:Int64}})"
    " AND stored_at >= fromUnixTimestamp64Milli({{from:Int64}})"
    " AND log_offset <= {{through:Array(UInt64)}}[log_partition + 1]"
    " GROUP BY step ORDER BY step DESC"
)
_RECENT: Final = (
    "SELECT {what} FROM sentientiq.{table} WHERE t >= fromUnixTimestamp64Milli({{day:Int64}})"
    " AND stored_at >= fromUnixTimestamp64Milli({{from:Int64}})"
    " AND stored_at < fromUnixTimestamp64Milli({{until:Int64}})"
    " AND log_offset <= {{through:Array(UInt64)}}[log_partition + 1] GROUP BY {group}"
)
