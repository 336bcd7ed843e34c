"""What must be true once faults are over and the mesh has calmed down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from sentientiq.behavior.v1.types_pb2 import BehaviorBatch
from sentientiq.detection.v1.emotion_pb2 import Emotion

from edge.places import place_of
from edge.streams import StreamRecord
from edge.ticks import tick_batch
from hotpath.detector import Detector
from services.common.dedupe import Dedupe
from services.common.log import BEHAVIOR, EMOTION
from services.common.partition import partition_of
from services.detection.emotions import to_emotion
from services.detection.fold import Fold
from services.detection.keeper import batches_of
from tests.simulation.stand_ins import GRANT, PARTITIONS

if TYPE_CHECKING:
    from tests.simulation.world import World

_CALM_WITHIN_S = 40.0
_LANE_WITHIN_S = 3.0
_TIMERS_WITHIN_S = 3.0


async def calm(world: World) -> None:
    """Wait until nothing is on its way any more; say what is, if it takes too long."""
    await _until(world, lambda: _restless(world), _CALM_WITHIN_S, "not calm")
    await lanes_work(world)
    await asyncio.sleep(_TIMERS_WITHIN_S)
    await _until(world, lambda: _restless(world), _CALM_WITHIN_S, "not calm after the lanes")


async def _until(
    world: World, missing: Callable[[], list[str]], within_s: float, what: str
) -> None:
    deadline_s = world.loop.time() + within_s
    quiet = 0
    while quiet < 3 and not world.violations:
        await asyncio.sleep(0.1)
        found = missing()
        quiet = 0 if found else quiet + 1
        if found and world.loop.time() > deadline_s:
            world.violate(f"{what} within {within_s} s: {'; '.join(found)}")


def _restless(world: World) -> list[str]:
    found: list[str] = []
    for visitor in world.visitors:
        if visitor.unacked:
            found.append(f"{visitor.stream} waits for acks: {sorted(visitor.unacked)[:5]}")
    for edge in world.edges.values():
        if edge.worker.writer.buffered_bytes:
            found.append(f"{edge.name} has unwritten messages")
    ends = world.log.ends(BEHAVIOR)
    for partition, folds in _folds(world).items():
        if len(folds) != 1:
            found.append(f"partition {partition} has {len(folds)} folds")
        elif not folds[0].live or folds[0].applied != ends[partition]:
            found.append(f"partition {partition} is at {folds[0].applied} of {ends[partition]}")
    for node in world.detections.values():
        if node.recovers:
            found.append(f"{node.name} still reads for partitions that it took")
        if node.unwritten_emotions:
            found.append(f"{node.name} has unwritten emotions")
    return found


def _folds(world: World) -> dict[int, list[Fold]]:
    folds: dict[int, list[Fold]] = {partition: [] for partition in range(PARTITIONS)}
    for node in world.detections.values():
        for partition, fold in node.keeper.folds.items():
            folds[partition].append(fold)
    return folds


async def lanes_work(world: World) -> None:
    """Each edge's entries are taken by the owner of each partition, by the fast lane.

    It is best effort: an entry may miss a change of hands. So each edge tries until it is heard.
    """
    for edge in world.edges.values():
        edge.heard_of.clear()
    deadline_s = world.loop.time() + _LANE_WITHIN_S
    while not world.violations:
        deaf = [
            (edge, partition)
            for edge in world.edges.values()
            for partition in range(PARTITIONS)
            if partition not in edge.heard_of
        ]
        if not deaf:
            return
        if world.loop.time() > deadline_s:
            names = "; ".join(f"{edge.name} to {partition}" for edge, partition in deaf)
            world.violate(f"fast lanes are dead after {_LANE_WITHIN_S} s: {names}")
        for edge, partition in deaf:
            session = _session_in(partition)
            batch = tick_batch(GRANT.tenant, session, edge.name, world.wall_ms())
            edge.worker.writer.put(
                BEHAVIOR,
                place_of(GRANT.tenant, session),
                batch.SerializeToString(),
                seq=0,
                stream=StreamRecord(),
            )
        await asyncio.sleep(0.5)


def _session_in(partition: int) -> str:
    number = 0
    while partition_of(GRANT.tenant, f"probe{number}") != partition:
        number += 1
    return f"probe{number}"


def judge(world: World) -> None:
    """Compare with what an undisturbed mesh would have."""
    _each_message_once_and_in_order(world)
    _no_timer_is_forgotten(world)
    emotions = _emotions(world)
    for partition, (fold,) in _folds(world).items():
        detector = Detector(threshold=50)
        expected: dict[tuple[str, int], bytes] = {}
        for entry in world.log.entries.get((BEHAVIOR, partition), ()):
            whole = Fold(partition, 0, detector, applied=entry.offset - 1, live=True)
            whole.offer(entry.offset, batches_of(entry), 0.0)
            for emission in whole.drain():
                emotion = to_emotion(emission, detector.model)
                expected[(emotion.id, emotion.rev)] = _timeless(emotion)
        found = emotions.get(partition, {})
        if found != expected:
            world.violate(
                f"partition {partition} said {len(found)} emotions, "
                f"an undisturbed fold says {len(expected)}: "
                f"{sorted(found.items() ^ expected.items())[:2]}"
            )
        detector.wakes()
        if fold.detector.counters != detector.counters:
            world.violate(
                f"partition {partition} was folded to {fold.detector.counters}, "
                f"undisturbed it is {detector.counters}"
            )


def _no_timer_is_forgotten(world: World) -> None:
    """Of a page that is connected, every timer that was due has had its tick."""
    overdue_ms = world.wall_ms() - 1000 * _TIMERS_WITHIN_S
    for partition, (fold,) in _folds(world).items():
        copy = Detector(threshold=50)
        copy.restore(fold.detector.snapshot())
        for tenant, session, stream, due_ms in copy.wakes():
            here = [edge.worker.hub.find(tenant, session) for edge in world.edges.values()]
            if due_ms < overdue_ms and any(live and stream in live.connections for live in here):
                world.violate(f"a timer of {stream} in partition {partition} is forgotten")


def _each_message_once_and_in_order(world: World) -> None:
    for visitor in world.visitors:
        lost = [
            seq
            for seq in range(1, visitor.said + 1)
            if seq not in visitor.spoiled and not world.has(visitor.key, seq)
        ]
        if lost:
            world.violate(f"{visitor.stream} lost {lost}")
    dedupe = Dedupe()
    counted: dict[tuple[str, str, str], list[int]] = {}
    in_log: dict[tuple[str, str, str], set[int]] = {}
    for (topic, _), entries in world.log.entries.items():
        if topic != BEHAVIOR:
            continue
        for entry in entries:
            for batch in map(BehaviorBatch.FromString, batches_of(entry)):
                key = (batch.tenant_id, batch.session_id, batch.stream_id)
                if batch.seq:
                    in_log.setdefault(key, set()).add(batch.seq)
                    if dedupe.is_new(*key, batch.seq):
                        counted.setdefault(key, []).append(batch.seq)
    for key, seqs in in_log.items():
        if counted[key] != sorted(seqs):
            world.violate(f"{key} counts {counted[key]}, the log has {sorted(seqs)}")


def _emotions(world: World) -> dict[int, dict[tuple[str, int], bytes]]:
    found: dict[int, dict[tuple[str, int], bytes]] = {}
    for (topic, partition), entries in world.log.entries.items():
        if topic != EMOTION:
            continue
        of = found.setdefault(partition, {})
        for entry in entries:
            for record in entry.records:
                emotion = Emotion.FromString(record.value)
                said = _timeless(emotion)
                if of.setdefault((emotion.id, emotion.rev), said) != said:
                    world.violate(f"emotion {emotion.id} rev {emotion.rev} has two meanings")
    return found


def _timeless(emotion: Emotion) -> bytes:
    """All of an emotion but the wall clock's part."""
    emotion.detected_at_ms = 0
    return emotion.SerializeToString(deterministic=True)
