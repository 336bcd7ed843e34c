"""What the detection process counts, and what it is called outside."""

from __future__ import annotations

from collections import Counter

from services.common.metrics import Catalogue, Metric
from services.detection.emotions import EmotionWriter
from services.detection.fold import Fold
from services.detection.keeper import Keeper
from services.detection.servicer import DetectionServicer
from services.detection.tunings import Tunings


class Parts:
    """What is read."""

    def __init__(
        self, keeper: Keeper, servicer: DetectionServicer, writer: EmotionWriter, tunings: Tunings
    ) -> None:
        self.keeper = keeper
        self.servicer = servicer
        self.writer = writer
        self.tunings = tunings
        self._last: dict[tuple[int, int], Counter[str]] = {}
        self._sums: Counter[str] = Counter()

    def folds(self) -> list[Fold]:
        """The partitions held."""
        return list(self.keeper.folds.values())

    def kernel(self) -> dict[str, int]:
        """What the kernels counted while this process held their partitions.

        A partition brings its counts along from its last holder, and takes them away: only what
        was added between two looks is ours. The first look at a partition adds nothing.
        """
        now = {
            (fold.partition, fold.epoch): Counter(
                {**fold.detector.counters, "corrupt": fold.corrupt}
            )
            for fold in self.folds()
        }
        for holding, counters in now.items():
            self._sums.update(dict.fromkeys(counters, 0))
            if (before := self._last.get(holding)) is not None:
                self._sums.update(counters - before)
        self._last = now
        return dict(self._sums)


METRICS: Catalogue[Parts] = Catalogue(
    "detection",
    (
        Metric(
            "siq_detection_partitions",
            "gauge",
            "{partitions}",
            "Partitions held: live, or recovering (the log's tail is still being replayed)",
            lambda parts: {
                "live": sum(fold.live for fold in parts.folds()),
                "recovering": sum(not fold.live for fold in parts.folds()),
            },
            ("state",),
        ),
        Metric(
            "siq_detection_takeovers_total",
            "counter",
            "{partitions}",
            "Partitions taken",
            lambda parts: parts.keeper.takeovers,
        ),
        Metric(
            "siq_detection_streams",
            "gauge",
            "{streams}",
            "Streams whose state is held",
            lambda parts: sum(len(fold.detector) for fold in parts.folds()),
        ),
        Metric(
            "siq_detection_waiting_entries",
            "gauge",
            "{entries}",
            "Entries that came before their predecessors",
            lambda parts: sum(len(fold.waiting) for fold in parts.folds()),
        ),
        Metric(
            "siq_detection_requests_total",
            "counter",
            "{requests}",
            "Micro-batches on the Detect streams",
            lambda parts: parts.servicer.requests,
        ),
        Metric(
            "siq_detection_kernel_total",
            "counter",
            "{times}",
            "What the kernels took and made: batches, events, emissions; clamped and dropped_late"
            " (events behind their stream's clock), dropped_unknown, dropped_duplicate_batches,"
            " evicted (streams), corrupt (batches whose columns are none: a defect of ours)",
            lambda parts: parts.kernel(),
            ("what",),
        ),
        Metric(
            "siq_detection_emotions_total",
            "counter",
            "{emotions}",
            "Revisions of emotions written to emotion.v1",
            lambda parts: parts.writer.written,
        ),
        Metric(
            "siq_detection_emotions_waiting",
            "gauge",
            "{emotions}",
            "Revisions that the log has not taken yet",
            lambda parts: parts.writer.waiting,
        ),
        Metric(
            "siq_detection_invalid_settings_total",
            "counter",
            "{documents}",
            "Tenants' detection documents that cannot be used: the last good one stays in force",
            lambda parts: parts.tunings.invalid_documents,
        ),
    ),
)
