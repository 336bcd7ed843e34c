"""When each event behind an emotion was: the emotion names them, the log still has them.

Best effort, once for each thread, beside the hot path: without it the page draws them in order.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sentientiq.behavior.v1 import types_pb2
from sentientiq.detection.v1 import emotion_pb2

from hotpath.columns import ColumnsError, to_wire
from services.common.log import BEHAVIOR, EventLog, LogUnavailable
from services.common.partition import partition_of, record_key

_CHUNK = 250
_MOST_ENTRIES = 3_000
_PRESS = 3


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """One event of the evidence."""

    at_ms: int
    press: bool


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(list[Seen]).decode


class Evidence:
    """Looks events up in the newest part of the log, from its end backwards."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.missed = 0

    async def of(self, emotion: emotion_pb2.Emotion) -> list[Seen]:
        """All events of the evidence in order; none if one of them is not to be found."""
        wanted = {one.seq for one in emotion.evidence}
        if not wanted:
            return []
        partition = partition_of(emotion.tenant_id, emotion.session_id)
        key = record_key(emotion.tenant_id, emotion.session_id)
        frames: dict[int, types_pb2.BehaviorBatch] = {}
        try:
            end = (await self._log.ends(BEHAVIOR)).get(partition, 0)
            last = max(0, end - _MOST_ENTRIES)
            while end > last and wanted - frames.keys():
                start = max(last, end - _CHUNK)
                entries = await self._log.read(BEHAVIOR, {partition: start}, limit=end - start)
                for record in (one for entry in entries for one in entry.records):
                    if record.key == key:
                        batch = types_pb2.BehaviorBatch.FromString(record.value)
                        if batch.stream_id == emotion.stream_id and batch.seq in wanted:
                            frames[batch.seq] = batch
                end = start
            found = _times(emotion, frames)
        except (LogUnavailable, ColumnsError, LookupError):
            found = []
        self.missed += not found
        return found


def _times(
    emotion: emotion_pb2.Emotion, frames: Mapping[int, types_pb2.BehaviorBatch]
) -> list[Seen]:
    """Raises LookupError where an event is not there."""
    events = {seq: _events(batch) for seq, batch in frames.items()}
    return [events[one.seq][one.index] for one in emotion.evidence]


def _events(batch: types_pb2.BehaviorBatch) -> list[Seen]:
    targets = [(one.descriptor, one.flags) for one in batch.targets]
    at_ms, found = batch.t0_ms, list[Seen]()
    for event in to_wire(batch.columns, targets, batch.strings):
        at_ms += int(str(event[1]))
        found.append(Seen(at_ms, event[0] == _PRESS))
    return found
