"""What goes wrong, and when: drawn from the seed before the story begins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from tests.simulation.nodes import DetectionNode, EdgeNode

if TYPE_CHECKING:
    from tests.simulation.world import World

Fault = Callable[["World"], Coroutine[Any, Any, None]]


def _edge(world: World) -> EdgeNode | None:
    up = [node for node in world.edges.values() if node.up and not node.worker.draining]
    return world.faults.choice(up) if up else None


def _detection(world: World) -> DetectionNode | None:
    up = [
        node
        for node in world.detections.values()
        if node.up and not node.stopping and not node.process.paused
    ]
    return world.faults.choice(up) if up else None


async def edge_crashes(world: World) -> None:
    """An edge worker is killed and comes back with an empty memory."""
    node = _edge(world)
    if node is not None:
        world.trace("kill", node.name)
        node.kill()
        await asyncio.sleep(world.faults.uniform(0.05, 3.0))
        world.start_edge(node.name)


async def edge_restarts(world: World) -> None:
    """An edge worker gets SIGTERM, drains and comes back."""
    node = _edge(world)
    if node is not None and not node.process.paused:
        world.trace("drain", node.name)
        await node.process.spawn(node.drain())
        node.kill()
        world.start_edge(node.name)


async def edge_pauses(world: World) -> None:
    """An edge worker stands still for a while."""
    node = _edge(world)
    if node is not None and not node.process.paused:
        await _pause(world, node, world.faults.uniform(0.2, 4.0))


async def detection_crashes(world: World) -> None:
    """A detection process is killed and comes back at the same endpoint."""
    node = _detection(world)
    if node is not None:
        world.trace("kill", node.name)
        node.kill()
        await asyncio.sleep(world.faults.choice((0.05, 0.5, 2.0, 5.0)))
        world.start_detection(node.name)


async def detection_restarts(world: World) -> None:
    """A detection process gets SIGTERM, hands over and comes back."""
    node = _detection(world)
    if node is not None:
        world.trace("leave", node.name)
        await node.process.spawn(node.leave())
        node.kill()
        await asyncio.sleep(world.faults.uniform(0.05, 4.0))
        world.start_detection(node.name)


async def detection_pauses(world: World) -> None:
    """A detection process stands still, perhaps for longer than its leases last."""
    node = _detection(world)
    if node is not None:
        await _pause(world, node, world.faults.uniform(0.3, 7.0))


async def detection_sleeps_through_a_loss(world: World) -> None:
    """It misses a takeover, and the store forgets that there was one."""
    node = _detection(world)
    if node is not None:
        asleep_s = world.faults.uniform(3.5, 7.0)
        empty_at_s = asleep_s - world.faults.uniform(0.0, 0.8)
        world.later(empty_at_s, lambda: _empty(world))
        await _pause(world, node, asleep_s)


async def _pause(world: World, node: EdgeNode | DetectionNode, for_s: float) -> None:
    world.trace("pause", node.name, f"{for_s:.3f}")
    node.process.pause()
    await asyncio.sleep(for_s)
    world.trace("go on", node.name)
    node.process.resume()


def _empty(world: World) -> None:
    world.trace("state emptied")
    world.state.empty()


async def state_away(world: World) -> None:
    """The state store cannot be reached."""
    world.trace("state away")
    world.state.away = True
    await asyncio.sleep(world.faults.uniform(0.2, 5.0))
    world.trace("state back")
    world.state.away = False


async def state_restarts(world: World) -> None:
    """The state store is gone and comes back empty."""
    await state_away(world)
    _empty(world)


async def state_emptied(world: World) -> None:
    """The state store loses everything between two requests."""
    _empty(world)


async def log_away(world: World) -> None:
    """The log cannot be reached."""
    world.trace("log away")
    world.log.away = True
    await asyncio.sleep(world.faults.uniform(0.1, 5.0))
    world.trace("log back")
    world.log.away = False


async def log_slow(world: World) -> None:
    """The log takes its time."""
    world.log.slow_s = world.faults.choice((0.05, 0.5, 2.0))
    world.trace("log slow", world.log.slow_s)
    await asyncio.sleep(world.faults.uniform(0.5, 4.0))
    world.log.slow_s = 0.0


async def log_loses_answers(world: World) -> None:
    """The log writes, and its answer gets lost."""
    world.log.loses_answers = world.faults.choice((0.1, 0.5))
    await asyncio.sleep(world.faults.uniform(0.5, 4.0))
    world.log.loses_answers = 0.0


async def log_hears_late(world: World) -> None:
    """Appends that were given up still arrive."""
    world.log.arrives_late = world.faults.choice((0.1, 0.5))
    await asyncio.sleep(world.faults.uniform(0.5, 4.0))
    world.log.arrives_late = 0.0


async def sockets_cut(world: World) -> None:
    """Some pages lose their connections."""
    share = world.faults.choice((0.3, 1.0))
    for node in list(world.edges.values()):
        for socket in node.sockets():
            if world.faults.random() < share:
                world.trace("cut a socket of", node.name)
                socket.cut()


async def lanes_cut(world: World) -> None:
    """Detect streams break."""
    for call in list(world.calls):
        if world.faults.random() < 0.7:
            world.trace("cut a lane")
            call.break_off()


FAULTS: dict[Fault, int] = {
    edge_crashes: 3,
    edge_restarts: 1,
    edge_pauses: 2,
    detection_crashes: 3,
    detection_restarts: 2,
    detection_pauses: 3,
    detection_sleeps_through_a_loss: 1,
    state_away: 2,
    state_restarts: 1,
    state_emptied: 1,
    log_away: 2,
    log_slow: 2,
    log_loses_answers: 2,
    log_hears_late: 2,
    sockets_cut: 4,
    lanes_cut: 2,
}
"""Each with its weight."""


async def strike(world: World, for_s: float) -> None:
    """Let things go wrong for a while; returns once every fault is over."""
    count = world.faults.randint(2, 14)
    chosen = world.faults.choices(list(FAULTS), weights=list(FAULTS.values()), k=count)
    begins = sorted(world.faults.uniform(0.3, for_s) for _ in chosen)

    async def at(when_s: float, fault: Fault) -> None:
        await asyncio.sleep(when_s)
        await fault(world)

    async with asyncio.TaskGroup() as group:
        for when_s, fault in zip(begins, chosen, strict=True):
            group.create_task(at(when_s, fault))
        group.create_task(asyncio.sleep(for_s))
