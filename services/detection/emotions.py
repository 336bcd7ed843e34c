"""From emissions of the kernel to emotion.v1."""

from __future__ import annotations

import asyncio
import time

from sentientiq.detection.v1 import emotion_pb2 as pb

from hotpath.detector import Emission
from hotpath.ids import emission_id
from hotpath.model import Model
from services.common import logs, tracing
from services.common.log import EMOTION, Append, EventLog, LogUnavailable, Record
from services.common.partition import partition_of, record_key
from services.common.schema import schema_of

_log = logs.get(__name__)
# The page hears by the stream, and who decides by the log does so half a second later; a round
# takes half a millisecond of processor.
_BETWEEN_ROUNDS_S = 0.02
_HEADERS = {"schema": schema_of(EMOTION)}
_KINDS = {
    "rage": pb.EMOTION_KIND_RAGE,
    "hesitation": pb.EMOTION_KIND_HESITATION,
    "confusion": pb.EMOTION_KIND_CONFUSION,
    "abandonment": pb.EMOTION_KIND_ABANDONMENT,
}


def to_emotion(emission: Emission, model: Model) -> pb.Emotion:
    """The message of one emission, and what its score and its confidence rest on.

    `detected_at_ms` is the only field of the wall clock.
    """
    return pb.Emotion(
        id=emission_id(
            emission.tenant, emission.session, emission.stream, emission.emotion, emission.episode
        ),
        rev=emission.rev,
        tenant_id=emission.tenant,
        session_id=emission.session,
        stream_id=emission.stream,
        kind=_KINDS[emission.emotion],
        confidence=emission.confidence,
        trigger=emission.trigger,
        context=pb.EmotionContext(page=emission.page, element=emission.element),
        evidence=[pb.EvidenceRef(seq=seq, index=index) for seq, index in emission.evidence],
        contributions=[
            pb.Contribution(feature=feature, log_odds=log_odds)
            for feature, log_odds in emission.contributions
        ],
        model=model.versions[emission.emotion],
        calibration=model.calibrations[emission.emotion],
        occurred_at_ms=emission.occurred_at_ms,
        detected_at_ms=time.time_ns() // 1_000_000,
    )


def trace_emotions(emotions: list[pb.Emotion], partition: int, began_ns: int) -> None:
    """Record that emotions were found in entries taken up at `began_ns`, and are on their way."""
    for emotion in emotions:
        root = tracing.of_presses(emotion.id)
        above = root.fresh()
        found_ns = time.time_ns()
        tracing.record(
            "detection.apply",
            parent=root,
            at=above,
            start_ns=began_ns,
            end_ns=found_ns,
            partition=partition,
        )
        tracing.record(
            "emotion.emit",
            parent=above,
            at=tracing.of_emotion(emotion.id, emotion.rev),
            start_ns=found_ns,
            rev=emotion.rev,
            confidence=emotion.confidence,
        )


class EmotionWriter:
    """Appends emotions to the log in rounds; what the log refuses stays, to be tried again."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._queue: list[pb.Emotion] = []
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()
        self.written = 0

    @property
    def waiting(self) -> int:
        """How many the log has not taken yet."""
        return len(self._queue)

    def put(self, emotions: list[pb.Emotion]) -> None:
        """Queue for the next round."""
        if emotions:
            self._queue += emotions
            self._wake.set()

    async def flush(self) -> None:
        """Write everything put so far.

        Raises:
            LogUnavailable: the log did not take it; it stays queued.
        """
        async with self._writing:
            # What comes meanwhile waits for the next round: rounds without a pause between them
            # took as long as detection.
            if not (batch := list(self._queue)):
                return
            began_ns = time.time_ns()
            await self._log.append(_by_partition(batch))
            for emotion in batch if tracing.enabled() else ():
                tracing.record(
                    "log.append",
                    parent=tracing.of_emotion(emotion.id, emotion.rev),
                    start_ns=began_ns,
                    kind="producer",
                    topic=EMOTION,
                )
            del self._queue[: len(batch)]
            self.written += len(batch)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self.flush()
                await asyncio.sleep(_BETWEEN_ROUNDS_S)
            except LogUnavailable as error:
                _log.warning("emotions wait for the log", count=len(self._queue), error=str(error))
                self._wake.set()
                await asyncio.sleep(0.25)


def _headers(emotion: pb.Emotion) -> dict[str, str]:
    if not tracing.enabled():
        return _HEADERS
    here = tracing.of_emotion(emotion.id, emotion.rev)
    return {**_HEADERS, tracing.HEADER: here.traceparent}


def _by_partition(emotions: list[pb.Emotion]) -> list[Append]:
    groups: dict[int, list[Record]] = {}
    for emotion in emotions:
        key = record_key(emotion.tenant_id, emotion.session_id)
        partition = partition_of(emotion.tenant_id, emotion.session_id)
        record = Record(key, emotion.SerializeToString(), _headers(emotion))
        groups.setdefault(partition, []).append(record)
    return [Append(EMOTION, partition, records) for partition, records in groups.items()]
