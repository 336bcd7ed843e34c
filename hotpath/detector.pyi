# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""The detector: batches in, emissions out. The face of the kernels for services and commands."""

from collections.abc import Collection, Mapping, Sequence
from typing import Self, final

from hotpath.emission import Emission as Emission
from hotpath.emission import Scores as Scores
from hotpath.model import Model

class SnapshotError(ValueError):
    """The bytes are no snapshot of this version: discard them and rebuild from the log."""

@final
class Detector:
    """Judges the streams of one partition, in event time. One thread owns it.

    Two detectors that are given the same batches in the same order say the same, whatever the
    wall clock does; how events are cut into batches changes nothing but evidence's numbering.

    Args:
        capacity: streams held at most; one more evicts the one touched longest ago.
        threshold: confidence from which episodes are emitted, 0 to 100.
        model: what marks are worth; the shipped one if left out.

    Raises:
        ValueError: an argument is out of range.
    """

    def __new__(
        cls, capacity: int = 4096, *, threshold: int = 50, model: Model | None = None
    ) -> Self: ...
    def __len__(self) -> int:
        """Return how many streams are held."""
    def apply(
        self,
        tenant: str,
        session: str,
        stream: str,
        seq: int,
        t0_ms: int,
        pointer: int,
        page: str,
        columns: bytes,
        targets: Sequence[tuple[str, int]],
        strings: Sequence[str],
    ) -> int:
        """Take one BehaviorBatch and return how many emissions it brought.

        Args:
            tenant, session, stream: whose events they are.
            seq: of the frame; not above the stream's last one: dropped and counted. 0 (the edge's
                own ticks) is never a duplicate.
            t0_ms: epoch ms from which the first event's `dt` counts, 0 to 2**52.
            pointer: 0 mouse, 1 touch, 2 pen, 3 none: not judged.
            page: path; empty: the stream's last one.
            columns: layout in columns.pxd.
            targets: (descriptor, flags) by index from 1, at most 4,095.
            strings: by index from 1, at most 1,000.

        Raises:
            ColumnsError: the batch is corrupt. No stream has changed.
        """
    def apply_encoded(self, batches: list[bytes]) -> list[tuple[int, str]]:
        """Take serialized BehaviorBatches, in order: what `apply` does, without their objects.

        Faster the more there are: while one stream's state comes from memory, the next ones are
        asked for. Return the place and the reason of each that is refused, as `apply` would refuse
        it; no stream has changed by those.

        Raises:
            TypeError: something in the list is not bytes.
        """
    def advance(self, tenant: str, session: str, stream: str, t_ms: int) -> int:
        """Move the clock of one stream to `t_ms` (epoch ms) unless it is already there.

        Timers due by then fire at their own time. Return how many emissions that brought; an
        unknown stream brings none.
        """
    def use_model(self, model: Model) -> None:
        """Judge by another model from now on, marks that were noted before included."""
    @property
    def model(self) -> Model:
        """The model in force."""
    def configure(
        self, tenant: str, thresholds: Mapping[str, int], ignored: Collection[str]
    ) -> None:
        """Judge one tenant's streams in its own way from now on; snapshots do not hold this.

        Args:
            tenant: whose.
            thresholds: confidence from which to emit, by emotion, 0 to 100; 101 switches it off.
                The detector's own for those left out.
            ignored: descriptors of elements whose events raise nothing, compared exactly.
                With no thresholds either, the tenant is judged as everybody else again.

        Raises:
            ValueError: an emotion that there is not, or a threshold out of range.
        """
    def drain(self) -> list[Emission]:
        """Hand over the emissions made since the last call, in order."""
    @property
    def has_news(self) -> bool:
        """Whether `drain` or `wakes` would hand over anything."""
    def wakes(self) -> list[tuple[str, str, str, int]]:
        """Hand over the timers set since the last call: (tenant, session, stream, due epoch ms).

        Call `advance`, or apply a tick, at the due time. A wake-up that turns out needless does
        no harm. After `restore` every pending timer is named again.
        """
    def wakes_encoded(self) -> bytes:
        """The same as `wakes`, as serialized `wakes` fields of a DetectResponse."""
    def timers_encoded(self) -> bytes:
        """Name every timer that is pending, in the same form. Slow: for a new reader."""
    def scores(self, tenant: str, session: str) -> Scores:
        """Return a session's peak scores over the streams that are still held. Slow: for reports.

        An unknown session scores 0.
        """
    def evict_idle(self, before_ms: int) -> int:
        """Drop streams whose clock is behind `before_ms` (epoch ms); return how many."""
    @property
    def counters(self) -> dict[str, int]:
        """Counts since the start, snapshots included.

        batches, events, clamped, dropped_late, dropped_unknown, dropped_duplicate_batches,
        emissions, evicted.
        """
    def snapshot(self) -> bytes:
        """Return the state of every stream; restoring it goes on as if nothing had happened.

        Raises:
            SnapshotError: emissions are waiting to be drained.
        """
    def restore(self, blob: bytes) -> None:
        """Take over a snapshot in place of all streams held.

        Raises:
            SnapshotError: another version, or damaged. Nothing has changed.
        """
