"""Which partitions this process holds, and the way into and out of holding one.

Taking a partition: lease, snapshot, replay of the log's tail, live. Giving one back: snapshot,
release. A lease lost to another holder drops the state at once; a state store that is away changes
nothing, since nobody else can take over without it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from redis.exceptions import RedisError

from hotpath.detector import Detector, SnapshotError
from hotpath.model import Model
from services.common import logs
from services.common.log import BEHAVIOR, Entry, EventLog, LogUnavailable
from services.common.ownership import LeaseStore, fair_share
from services.detection.fold import Fold
from services.detection.snapshots import Snapshot, SnapshotStore
from services.detection.tuning import Tuning

_log = logs.get(__name__)
_RENEW_S = 0.25
_LOOK_S = 0.1
_TAIL_CHECK_S = 0.25
_GAP_PATIENCE_S = 0.05
_HAND_OVER_S = 1.0
GROUP = "detection"


def batches_of(entry: Entry) -> list[bytes]:
    """Return an entry's batches, serialized as they were written."""
    return [record.value for record in entry.records]


class Keeper:
    """Holds folds by lease and keeps each of them level with the log."""

    def __init__(
        self,
        *,
        endpoint: str,
        leases: LeaseStore,
        snapshots: SnapshotStore,
        log: EventLog,
        threshold: int,
        streams: int,
        model: Model,
        on_applied: Callable[[Fold], None],
        flush_emotions: Callable[[], Awaitable[None]],
    ) -> None:
        self.folds: dict[int, Fold] = {}
        self._endpoint = endpoint
        self._leases = leases
        self._snapshots = snapshots
        self._log = log
        self._threshold = threshold
        self._streams = streams
        self._model = model
        self._tunings: dict[str, Tuning] = {}
        self._on_applied = on_applied
        self._flush_emotions = flush_emotions
        self._recovering: set[asyncio.Task[None]] = set()
        self.takeovers = 0
        self._members = 0

    def use_model(self, model: Model) -> None:
        """Judge by another model from now on."""
        self._model = model
        for fold in self.folds.values():
            fold.detector.use_model(model)

    def tune(self, tenant: str, tuning: Tuning) -> None:
        """Judge a tenant's streams by other settings from now on."""
        self._tunings[tenant] = tuning
        for fold in self.folds.values():
            fold.detector.configure(tenant, tuning.thresholds, tuning.ignored)

    def _new_detector(self) -> Detector:
        detector = Detector(self._streams, threshold=self._threshold, model=self._model)
        for tenant, tuning in self._tunings.items():
            detector.configure(tenant, tuning.thresholds, tuning.ignored)
        return detector

    async def keep_leases(self) -> None:
        """Renew what is held and take what falls to this process, until cancelled."""
        while True:
            started = time.monotonic()
            try:
                await self._round()
            except (RedisError, OSError) as error:
                _log.warning("state store away, holding what we hold", error=str(error))
            await self._until_next_round(started)

    async def _until_next_round(self, started: float) -> None:
        """Wait for the next renewal, or until somebody came or went: shares are others then."""
        await asyncio.sleep(0.05)
        while (left_s := _RENEW_S - (time.monotonic() - started)) > 0:
            await asyncio.sleep(min(left_s, _LOOK_S))
            try:
                if await self._leases.members() != self._members:
                    return
            except (RedisError, OSError):
                continue  # the round says so

    async def _round(self) -> None:
        members = await self._leases.announce(self._endpoint)
        self._members = len(members)
        share = fair_share(self._endpoint, members)
        wanted = {p: self.folds[p].epoch if p in self.folds else 0 for p in sorted(share)}
        granted = await self._leases.acquire(self._endpoint, wanted)
        for partition, fold in list(self.folds.items()):
            if partition not in share:
                continue
            if partition not in granted:
                _log.warning("lease lost", partition=partition, epoch=fold.epoch)
                del self.folds[partition]
            elif granted[partition] != fold.epoch:
                # Whoever held it meanwhile, the log is the same: the state is good as far as it
                # goes, and the rest is read.
                _log.info("epoch raised", partition=partition, epoch=granted[partition])
                fold.epoch = granted[partition]
        taken = [
            Fold(partition, epoch, self._new_detector())
            for partition, epoch in granted.items()
            if partition not in self.folds
        ]
        if taken:
            for fold in taken:
                self.folds[fold.partition] = fold
            self.takeovers += len(taken)
            task = asyncio.create_task(self._recover(taken))
            self._recovering.add(task)
            task.add_done_callback(self._recovering.discard)
        # Last, for it waits for the log: what is kept was renewed above.
        await self._give_back([p for p in self.folds if p not in share])

    def _holds(self, fold: Fold) -> bool:
        """Whether the fold is still the partition's: it may be lost while the log is read."""
        return self.folds.get(fold.partition) is fold

    async def _recover(self, folds: list[Fold]) -> None:
        started = time.monotonic()
        for fold in folds:
            await self._load(fold)
        behind = {fold.partition: fold for fold in folds}
        entries = 0
        while behind := {p: fold for p, fold in behind.items() if self._holds(fold)}:
            try:
                found = await self._log.read(
                    BEHAVIOR, {p: fold.applied for p, fold in behind.items()}, limit=200
                )
            except LogUnavailable as error:
                _log.warning("takeover waits for the log", error=str(error))
                await asyncio.sleep(0.25)
                continue
            entries += len(found)
            level = set(behind) - {entry.partition for entry in found}
            for partition in level:
                behind.pop(partition).live = True
            await self._catch_up(found, behind)
        _log.info(
            "partitions taken",
            count=len(folds),
            entries=entries,
            ms=round((time.monotonic() - started) * 1000),
        )

    async def _load(self, fold: Fold) -> None:
        try:
            snapshot = await self._snapshots.load(fold.partition)
            if snapshot is not None:
                fold.detector.restore(snapshot.state)
                fold.applied = snapshot.offset
        except SnapshotError as error:
            _log.warning("snapshot discarded", partition=fold.partition, why=str(error))
            fold.detector = self._new_detector()
        except (RedisError, OSError) as error:
            _log.warning("no snapshot, rebuilding from the log", error=str(error))

    async def _catch_up(self, entries: list[Entry], readers: Mapping[int, Fold]) -> None:
        """Apply what was read for these folds. One that was lost meanwhile takes nothing.

        Renewals and answers come in between: thousands of entries may have been read at once.
        """
        found: dict[int, list[Entry]] = {}
        for entry in entries:
            found.setdefault(entry.partition, []).append(entry)
        for partition, those in found.items():
            self._catch_up_one(readers[partition], those)
            await asyncio.sleep(0)

    def _catch_up_one(self, fold: Fold, entries: list[Entry]) -> None:
        if not self._holds(fold):
            return
        now = time.monotonic()
        for entry in entries:
            if fold.live and entry.offset > fold.applied + 1:
                # It slept while others held the partition and the log was trimmed behind them.
                _log.warning("log trimmed past the fold, starting over", partition=fold.partition)
                del self.folds[fold.partition]
                break
            fold.catch_up(entry.offset, batches_of(entry), now)
        self._on_applied(fold)

    async def keep_level(self) -> None:
        """Read from the log whatever the fast lane did not bring, until cancelled.

        A gap is filled at once; a tail that nobody announced (its edge died) within a second.
        """
        suspect: dict[int, int] = {}
        while True:
            await asyncio.sleep(_GAP_PATIENCE_S if self._any_gap() else _TAIL_CHECK_S)
            now = time.monotonic()
            try:
                ends = await self._log.ends(BEHAVIOR)
                behind = {
                    p: fold
                    for p, fold in self.folds.items()
                    if fold.live
                    and fold.applied < ends[p]
                    and (fold.gap(now, _GAP_PATIENCE_S) or suspect.get(p) == fold.applied)
                }
                suspect = {
                    p: fold.applied for p, fold in self.folds.items() if fold.applied < ends[p]
                }
                if behind:
                    after = {p: fold.applied for p, fold in behind.items()}
                    await self._catch_up(await self._log.read(BEHAVIOR, after, limit=200), behind)
            except LogUnavailable as error:
                _log.warning("cannot check the log's tail", error=str(error))
                await asyncio.sleep(0.5)

    def _any_gap(self) -> bool:
        return any(fold.waiting for fold in self.folds.values())

    async def keep_snapshots(self, every_s: float) -> None:
        """Snapshot what changed, until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await self._snapshot([fold for fold in self.folds.values() if fold.dirty])
            except (RedisError, OSError, LogUnavailable) as error:
                _log.warning("snapshots wait", error=str(error))

    async def _snapshot(self, folds: list[Fold]) -> None:
        taken: list[tuple[Fold, Snapshot]] = []
        for fold in folds:
            if fold.live:
                taken.append((fold, Snapshot(fold.applied, fold.detector.snapshot())))
                await asyncio.sleep(0)
        if not taken:
            return
        await self._flush_emotions()
        saved: dict[int, int] = {}
        for fold, snapshot in taken:
            # A fold that was lost meanwhile must not overwrite its new owner's snapshot.
            if self._holds(fold):
                await self._snapshots.save(fold.partition, snapshot)
                fold.dirty = fold.applied > snapshot.offset
                saved[fold.partition] = snapshot.offset
        await self._log.commit(GROUP, BEHAVIOR, saved)

    async def _give_back(self, partitions: list[int]) -> None:
        if not partitions:
            return
        try:
            async with asyncio.timeout(_HAND_OVER_S):
                await self._snapshot([self.folds[p] for p in partitions if self.folds[p].dirty])
        except (LogUnavailable, TimeoutError) as error:
            # The next owner reads more of the log, once it can; leases do not wait for it.
            _log.warning("given back without fresh snapshots", error=str(error))
        for partition in partitions:
            self.folds.pop(partition, None)
        await self._leases.release(self._endpoint, partitions)
        _log.info("partitions given back", count=len(partitions))

    async def leave(self) -> None:
        """Hand everything over in good order; the next owner starts from fresh snapshots."""
        try:
            await self._leases.leave(self._endpoint)
            await self._give_back(list(self.folds))
        except (RedisError, OSError, LogUnavailable) as error:
            _log.warning("left without hand-over", error=str(error))
