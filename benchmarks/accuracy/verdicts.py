"""Run recordings through the detector, as `sentientiq detect` does, and keep what it said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from benchmarks.visitors import EMOTIONS
from hotpath.detector import Detector
from hotpath.player import BATCH_MS, Player, call_of
from hotpath.recording import ACTIVE_GAP_MS, Reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hotpath.recording import RecordedBatch

TENANT: Final = "benchmark"
STREAMS: Final = 1 << 16
IDLE_MS: Final = 120_000
THRESHOLD: Final = 50


@dataclass
class Verdict:
    """What the detector said of one session."""

    alarms: dict[tuple[str, str, int], int] = field(default_factory=dict[tuple[str, str, int], int])
    """(stream, emotion, episode) → the confidence of its highest revision."""
    scores: dict[str, int] = field(default_factory=dict[str, int])
    """Peak scores before the threshold; `unanswered` among them."""
    automated: bool = False
    active_ms: int = 0
    first_ms: int = 0
    last_ms: int = 0

    def count(self, emotion: str) -> int:
        """Return how many alarms of an emotion still stand at their highest revision."""
        return len(self._standing(emotion))

    def _standing(self, emotion: str) -> list[int]:
        return [
            confidence
            for (_, found, _), confidence in self.alarms.items()
            if found == emotion and confidence >= THRESHOLD
        ]

    def confidence(self, emotion: str) -> int:
        """Return the highest confidence of an alarm, or else the peak score, which is lower."""
        said = self._standing(emotion)
        return max(said) if said else min(self.scores.get(emotion, 0), THRESHOLD - 1)


def _watch(verdict: Verdict, batch: RecordedBatch) -> None:
    """Add a batch to a session's clock and active time."""
    t = batch.t0_ms
    for event in batch.events:
        t += cast("int", event[1])
        if not verdict.last_ms:
            verdict.first_ms = verdict.last_ms = t
        if t > verdict.last_ms:
            if t - verdict.last_ms <= ACTIVE_GAP_MS:
                verdict.active_ms += t - verdict.last_ms
            verdict.last_ms = t


def run(lines: Iterable[bytes], name: str, *, strip: int = 0) -> dict[str, Verdict]:
    """Return the verdict on each session of a recording.

    Args:
        lines: of the recording.
        name: for errors.
        strip: target flags to take off every target.
    """
    detector = Detector(STREAMS, threshold=THRESHOLD)
    verdicts: dict[str, Verdict] = {}
    player = Player(detector, TENANT)
    for batch in Reader(lines, name, strip=strip, most_ms=BATCH_MS):
        _watch(verdicts.setdefault(batch.session, Verdict()), batch)
        player.take(call_of(batch))
    player.finish(IDLE_MS)
    for emission in detector.drain():
        place = (emission.stream, emission.emotion, emission.episode)
        verdicts[emission.session].alarms[place] = emission.confidence
    for session, verdict in verdicts.items():
        scores = cast("Mapping[str, object]", detector.scores(TENANT, session))
        verdict.automated = bool(scores["automated"])
        verdict.scores = {
            key: int(cast("int", scores.get(key, 0))) for key in (*EMOTIONS, "unanswered")
        }
    return verdicts
