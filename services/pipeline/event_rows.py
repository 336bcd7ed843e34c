"""Frames to rows, a column at a time: one Arrow table for analytics and archive.

A frame holds a handful of events, so what is done once a frame costs more than what is done once an
event: frames only hand over their arrays and tables, and all work on rows is done on the whole
block at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hotpath.events import EventKind
from hotpath.fields import POINTERS, Column
from services.common.consumer import Delivery
from services.pipeline.arrow import Words, moments, moments_or_null, pa
from services.pipeline.columns import JoinedColumns, read_columns
from services.pipeline.decode import Frame

_MOST_EVENTS = 500
_TICK = EventKind.TICK.value
_PAGE_VIEW = EventKind.PAGE_VIEW.value
_KNOWN = {kind.value: kind.name.lower() for kind in EventKind}
# A kind from a newer edge keeps its number: better an odd name than a lost row.
_TYPES: Any = pa.array([_KNOWN.get(code, f"kind_{code}") for code in range(256)])
_POINTERS: Any = pa.array([*POINTERS, ""])
_NUMBERS = (Column.A, Column.B, Column.C, Column.D, Column.E)


class _Placed(NamedTuple):
    """A frame, and where its tables begin. In the order by which rows are sorted."""

    tenant: int
    session: str
    stream: str
    seq: int
    edge_offset: int
    first_idx: int
    nth: int
    """Of the block: no two frames are compared further."""
    page: int
    first_target: int
    first_string: int
    delivery: Delivery[Frame]


def event_rows(deliveries: Sequence[Delivery[Frame]], stored_at_ms: int) -> Any:
    """Return the table of all events but ticks, which only say that time passed.

    Rows come sorted by session, stream, seq, edge_offset and idx, one tenant after the other: to
    sort the frames costs next to nothing, and then neither analytics nor the archive sorts rows.
    """
    block = _Block()
    for delivery in deliveries:
        block.add(delivery)
    return block.table(stored_at_ms)


class _Block:
    def __init__(self) -> None:
        self._frames: list[_Placed] = []
        self._tenants, self._pages, self._targets, self._strings = (
            Words(),
            Words(),
            Words(),
            Words(),
        )
        # The tables of all frames, one after the other. Index 0 of a frame's own means none.
        self._target_of = [self._targets.index("")]
        self._flags_of = [0]
        self._string_of = [self._strings.index("")]
        self._unnumbered: Counter[tuple[int, int, str, str]] = Counter()

    def add(self, delivery: Delivery[Frame]) -> None:
        frame = delivery.message
        if not frame.events:
            return
        # The edge's own frames share seq 0, and one log entry may hold several of a stream.
        nth = 0 if frame.seq else self._place_in_entry(delivery)
        self._frames.append(
            _Placed(
                self._tenants.index(frame.tenant_id),
                frame.session_id,
                frame.stream_id,
                frame.seq,
                0 if frame.seq else delivery.offset,
                nth * _MOST_EVENTS,
                len(self._frames),
                self._pages.index(frame.page),
                len(self._target_of),
                len(self._string_of),
                delivery,
            )
        )
        self._target_of += map(self._targets.index, frame.targets)
        self._flags_of += frame.flags
        self._string_of += map(self._strings.index, frame.strings)

    def _place_in_entry(self, delivery: Delivery[Frame]) -> int:
        frame = delivery.message
        entry = (delivery.partition, delivery.offset, frame.session_id, frame.stream_id)
        self._unnumbered[entry] += 1
        return self._unnumbered[entry] - 1

    def table(self, stored_at_ms: int) -> Any:
        self._frames.sort()
        places = self._frames
        deliveries = [place.delivery for place in places]
        frames = [delivery.message for delivery in deliveries]
        columns = read_columns([frame.columns for frame in frames])
        kind = columns.kind
        ends = np.cumsum(columns.lengths)
        frame_of = np.repeat(np.arange(len(frames)), columns.lengths)
        text_from = _numbers(place.first_string for place in places)[frame_of]
        text = _places(columns, Column.TEXT, text_from)
        text2 = _places(columns, Column.TEXT2, text_from)
        target_from = _numbers(place.first_target for place in places)[frame_of]
        target = _places(columns, Column.TARGET, target_from)
        page = self._pages_of(kind, text, frame_of, ends)
        dt = columns.dt.astype(np.int64)
        t = _numbers(frame.t0_ms for frame in frames)[frame_of] + _since(dt, ends)
        idx = _numbers(place.first_idx for place in places)[frame_of]
        idx += _since(np.ones(len(kind), np.int64), ends) - 1
        kept = np.flatnonzero(kind != _TICK)
        row_frames = pa.array(frame_of[kept])

        def spread(values: Iterable[Any], kind: Any) -> Any:
            return pa.array(list(values), kind).take(row_frames)

        def words(values: Any, places: NDArray[Any]) -> Any:
            return pa.DictionaryArray.from_arrays(pa.array(places, pa.int32()), values)

        strings = self._strings.array(np.array(self._string_of))
        received_at_ms = _numbers(frame.received_at_ns for frame in frames) // 1_000_000
        tenants = _numbers(place.tenant for place in places)
        pointers = np.minimum(_numbers(frame.pointer for frame in frames), len(POINTERS))
        return pa.table(
            {
                "tenant_id": self._tenants.array(tenants[frame_of[kept]]),
                "session_id": spread((frame.session_id for frame in frames), pa.string()),
                "stream_id": spread((frame.stream_id for frame in frames), pa.string()),
                "seq": spread((frame.seq for frame in frames), pa.uint64()),
                "edge_offset": spread((place.edge_offset for place in places), pa.uint64()),
                "idx": pa.array(idx[kept], pa.uint32()),
                "t": moments(t[kept]),
                "type": words(_TYPES, kind[kept]),
                "page": self._pages.array(page[kept]),
                "pointer": words(_POINTERS, pointers[frame_of[kept]]),
                "target": self._targets.array(np.array(self._target_of)[target[kept]]),
                "target_flags": pa.array(np.array(self._flags_of)[target[kept]], pa.uint32()),
                "text": strings.take(pa.array(text[kept])).cast(pa.string()),
                "text2": strings.take(pa.array(text2[kept])).cast(pa.string()),
                **{
                    column.name.lower(): pa.array(
                        columns.numbers[column][kept], pa.float32(), from_pandas=True
                    )
                    for column in _NUMBERS
                },
                "received_at": moments_or_null(received_at_ms[frame_of[kept]]),
                "log_partition": spread(
                    (delivery.partition for delivery in deliveries), pa.uint8()
                ),
                "log_offset": spread((delivery.offset for delivery in deliveries), pa.uint64()),
                "stored_at": moments(np.full(len(kept), stored_at_ms, np.int64)),
            }
        )

    def _pages_of(
        self,
        kind: NDArray[np.uint8],
        text: NDArray[np.int64],
        frame_of: NDArray[np.int64],
        ends: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """The page of each event: the frame's, until a page_view in it names another."""
        page = _numbers(place.page for place in self._frames)[frame_of]
        for start in np.flatnonzero((kind == _PAGE_VIEW) & (text > 0)).tolist():
            name = self._strings.word(self._string_of[int(text[start])])
            page[start : ends[frame_of[start]]] = self._pages.index(name)
        return page


def _numbers(values: Iterable[int]) -> NDArray[np.int64]:
    return np.array(list(values), np.int64)


def _since(steps: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Running sums that begin anew after each end."""
    sums = np.cumsum(steps)
    lengths = np.diff(ends, prepend=0)
    before = np.concatenate([np.zeros(1, np.int64), sums[ends[:-1] - 1]])[: len(ends)]
    since: NDArray[np.int64] = sums - np.repeat(before, lengths)
    return since


def _places(columns: JoinedColumns, column: Column, first: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each event's target or string stands in the joined tables; 0: none."""
    own = columns.indexes[column].astype(np.int64)
    return np.where(own > 0, own - 1 + first, 0)
