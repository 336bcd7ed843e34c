"""What judges of loss share: the clients' own journal of acks, and what log and archive hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentientiq.behavior.v1.types_pb2 import BehaviorBatch

from cli.client import Frame, Page
from services.common.log import BEHAVIOR, EventLog
from services.common.partition import PARTITIONS
from services.pipeline.arrow import pa, parquet
from tests.integration.bad_input.world import ORIGIN

Stream = tuple[str, str]
"""Session and stream."""
_ENTRIES = 200


class Journal:
    """Acks as clients got them, a line each, in a file of which the mesh knows nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("w", buffering=1)

    def page(self, url: str, key: str) -> Page:
        """A page whose acks are written down."""

        def heard(frame: Frame, _: float) -> None:
            if frame["type"] == "ack":
                self.note(page)

        page = Page(url, key, origin=ORIGIN, on_frame=heard)
        return page

    def note(self, page: Page) -> None:
        """Write down what the page knows to be safe."""
        self._file.write(f"{page.session} {page.stream} {page.acked}\n")

    def acked(self) -> dict[Stream, int]:
        """The last seq that was acknowledged, by stream."""
        self._file.flush()
        highest: dict[Stream, int] = {}
        for line in self._path.read_text().splitlines():
            session, stream, seq = line.split()
            highest[session, stream] = max(int(seq), highest.get((session, stream), 0))
        return highest

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


@dataclass(frozen=True, slots=True)
class Order:
    """How the frames of one stream stand in the log, as a reader meets them."""

    frames: int
    """Different ones."""
    repeats: int
    gaps: int
    """First sightings that leave a seq out."""
    inversions: int
    """First sightings behind a higher seq: readers would drop them as repeats."""


def order_of(seqs: Iterable[int]) -> Order:
    """Judge one stream's seqs in the order of the log."""
    seen: set[int] = set()
    highest = repeats = gaps = inversions = 0
    for seq in seqs:
        if seq in seen:
            repeats += 1
            continue
        seen.add(seq)
        gaps += seq > highest + 1
        inversions += seq < highest
        highest = max(highest, seq)
    return Order(len(seen), repeats, gaps, inversions)


def whole(order: Order, sent: int) -> bool:
    """Whether a reader gets everything that was sent, in order."""
    return (order.frames, order.gaps, order.inversions) == (sent, 0, 0)


async def logged(log: EventLog) -> Mapping[Stream, Sequence[int]]:
    """Seqs of each stream in the order of the log, without what the edge wrote itself (0)."""
    found: defaultdict[Stream, list[int]] = defaultdict(list)
    after = dict.fromkeys(range(PARTITIONS), 0)
    while entries := await log.read(BEHAVIOR, after, limit=_ENTRIES):
        for entry in entries:
            after[entry.partition] = entry.offset
            for record in entry.records:
                batch = BehaviorBatch.FromString(record.value)
                if batch.seq:
                    found[batch.session_id, batch.stream_id].append(batch.seq)
    return found


class Archived:
    """A tenant's rows of one topic, of the columns that name them."""

    def __init__(self, archive: Path, tenant: str, topic: str, columns: Sequence[str]) -> None:
        paths = sorted((archive / topic / f"tenant={tenant}").rglob("part-*.parquet"))
        tables = [
            parquet.read_table(path, columns=list(columns), partitioning=None) for path in paths
        ]
        self._columns = list(columns)
        self._rows: Any = pa.concat_tables(tables).unify_dictionaries() if tables else None

    @property
    def doubled(self) -> int:
        """Rows beyond the first of their name."""
        if self._rows is None:
            return 0
        return int(self._rows.num_rows - self._rows.group_by(self._columns).aggregate([]).num_rows)

    def rows_by(self, count: int) -> dict[tuple[Any, ...], int]:
        """How many rows have the same first columns."""
        if self._rows is None:
            return {}
        first = self._columns[:count]
        table = self._rows.group_by(first).aggregate([([], "count_all")])
        return {tuple(row[name] for name in first): row["count_all"] for row in table.to_pylist()}
