"""One seed from beginning to end: a mesh starts, visitors rage, things go wrong, calm returns."""

from __future__ import annotations

import asyncio
import traceback
from dataclasses import dataclass

from tests.simulation.checks import calm, judge
from tests.simulation.faults import strike
from tests.simulation.loop import Stuck
from tests.simulation.stand_ins import installed
from tests.simulation.visitor import Visitor
from tests.simulation.world import World


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a seed."""

    seed: int
    trace_hash: str
    violations: list[str]
    lines: list[str]
    """The last lines of the trace, or all of them."""
    messages: int
    emotions: int
    virtual_s: float


def play(seed: int, *, keep_trace: bool = False) -> Result:
    """Play a seed. The same seed gives the same result, in any process."""
    world = World(seed, keep_trace=keep_trace)
    with installed(world):
        try:
            world.run(_story(world))
        except Stuck as error:
            world.violate(str(error))
        except Exception:
            world.violate(traceback.format_exc())
    for problem in world.loop.problems:
        world.violate(problem)
    return Result(
        seed,
        world.trace_hash,
        world.violations,
        list(world.lines),
        sum(visitor.acked for visitor in world.visitors),
        world.emotions,
        world.loop.time(),
    )


async def _story(world: World) -> None:
    chance = world.chance
    for number in range(chance.randint(2, 3)):
        world.start_detection(f"detection-{number}:7102")
    for number in range(2):
        world.start_edge(f"edge-{number}")
    for number in range(chance.randint(2, 4)):
        sibling = world.visitors[0] if number and chance.random() < 0.3 else None
        world.visitors.append(Visitor(world, number, sibling))
    try:
        await strike(world, for_s=chance.uniform(4.0, 15.0))
        world.trace("faults are over")
        await asyncio.sleep(chance.uniform(0.0, 1.0))
        for visitor in world.visitors:
            visitor.hush()
        await calm(world)
        if not world.violations:
            judge(world)
    finally:
        await world.close()
