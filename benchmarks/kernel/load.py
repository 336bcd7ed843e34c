"""The load of the kernel benchmark: batches of ten events, mixed as `benchmarks/mix.json` says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch, Target

from hotpath.columns import from_wire
from hotpath.events import EventKind, TargetFlag

MIX: Final = Path(__file__).parents[1] / "mix.json"
BATCH: Final = 10
"""Events of a batch."""
MESSAGE: Final = 50
"""Batches of a message, as the edge's lane sends them to detection when it is busy."""
POOL: Final = 4096
"""Different batches; sessions take them in turn."""
DEAD: Final = 0.001
"""Share of batches that hold a hammered dead button: about one emission in a thousand events."""
T0_MS: Final = 1_700_000_000_000
CALLS: Final = 100_000
"""Batches of a round at most."""
STEP_MS: Final = 20_000
"""From one batch of a session to the next: no burst goes on from one to the other."""

TARGETS: Final = {
    1: ("a.more", int(TargetFlag.LINK)),
    2: ("button.next", int(TargetFlag.BUTTON)),
    3: ("input#name", int(TargetFlag.TEXT_FIELD | TargetFlag.FORM)),
    4: ("div.card", 0),
    5: ("button.plus", int(TargetFlag.BUTTON | TargetFlag.STEPPER)),
}


class Batch(NamedTuple):
    """Columns, targets and strings of a batch, and how many events it holds."""

    blob: bytes
    targets: list[tuple[str, int]]
    strings: list[str]
    events: int


def mix() -> dict[str, float]:
    """Return the share of each sort of event."""
    shares: dict[str, float] = json.loads(MIX.read_text())["events"]
    return shares


def _way(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return a minimum-jerk way of the pointer (Flash & Hogan 1985) at 25 Hz, in whole px."""
    start, end = rng.uniform((0, 0), (1200, 800), (2, 2))
    s: npt.NDArray[np.float64] = np.linspace(0, 1, BATCH)[:, None]
    way: npt.NDArray[np.float64] = start + (end - start) * (10 * s**3 - 15 * s**4 + 6 * s**5)
    return np.rint(way + rng.normal(0, 0.4, (BATCH, 2)))


def _other(rng: np.random.Generator, dt: int) -> list[object]:
    events: list[list[object]] = [
        [int(EventKind.FOCUS), dt, 3],
        [int(EventKind.BLUR), dt, 3, 1, 900],
        [int(EventKind.INPUT), dt, 3, 6, 1, 1200],
        [int(EventKind.VISIBILITY), dt, 1],
        [int(EventKind.RESIZE), dt, 1280, 720],
    ]
    return events[int(rng.integers(len(events)))]


def _ordinary(rng: np.random.Generator, shares: dict[str, float]) -> list[list[object]]:
    """Return one batch; a press takes two places, since its answer follows."""
    sorts, weights = list(shares), np.array(list(shares.values()), dtype=float)
    weights[sorts.index("press_and_reaction")] /= 2
    weights /= weights.sum()
    way = _way(rng)
    events: list[list[object]] = []
    while len(events) < BATCH:
        dt = int(rng.integers(40, 50))
        x, y = (int(v) for v in way[len(events)])
        sort = sorts[int(rng.choice(len(sorts), p=weights))]
        if sort == "pointer_move":
            events.append([int(EventKind.POINTER_MOVE), dt, x, y])
        elif sort == "scroll":
            events.append([int(EventKind.SCROLL), dt, int(rng.integers(2400)), 2400])
        elif sort == "hover":
            events.append([int(EventKind.HOVER), dt, 2 if rng.random() < 0.2 else 1, 1200])
        elif sort == "press_and_reaction":
            if len(events) < BATCH - 1:
                target = int(rng.integers(1, 6))
                events.append([int(EventKind.CLICK), dt, x, y, target])
                events.append([int(EventKind.REACTION), 30, 0])
        else:
            events.append(_other(rng, dt))
    return events


def _dead(rng: np.random.Generator) -> list[list[object]]:
    x, y = (int(v) for v in rng.integers(100, 700, 2))
    presses: list[list[object]] = [[int(EventKind.CLICK), 180, x, y, 2] for _ in range(6)]
    return presses + [[int(EventKind.POINTER_MOVE), 45, x + i, y] for i in range(BATCH - 6)]


def wire_batches(
    seed: int = 1, count: int = POOL, *, dead: float = DEAD
) -> list[list[list[object]]]:
    """Return a pool of batches as wire arrays that name TARGETS, the same for the same seed."""
    rng = np.random.default_rng(seed)
    shares = mix()
    return [_dead(rng) if rng.random() < dead else _ordinary(rng, shares) for _ in range(count)]


def batches(seed: int = 1, count: int = POOL) -> list[Batch]:
    """Return the same pool as columns."""
    pool: list[Batch] = []
    for events in wire_batches(seed, count):
        c = from_wire(events, TARGETS)
        pool.append(Batch(c.blob, c.targets, c.strings, c.count))
    return pool


def encode(batch: Batch, session: str, stream: str, seq: int, t0_ms: int) -> bytes:
    """Return the batch as the edge sends it."""
    return BehaviorBatch(
        tenant_id="tenant",
        session_id=session,
        stream_id=stream,
        seq=seq,
        t0_ms=t0_ms,
        page="/shop",
        count=batch.events,
        columns=batch.blob,
        targets=[Target(descriptor=name, flags=flags) for name, flags in batch.targets],
        strings=batch.strings,
        received_at_ns=t0_ms * 1_000_000,
    ).SerializeToString()


def names(count: int) -> list[tuple[str, str]]:
    """Return session and stream names as the edge makes them: 22 and 8 characters."""
    return [(f"s{i:05d}aQ3fTz9Kc1XbYw7R", f"p{i * 7919 % 10_000_000:07d}") for i in range(count)]


def turn(
    pool: list[Batch], who: list[tuple[str, str]], order: npt.NDArray[np.int64], number: int
) -> list[bytes]:
    """Return the batches of a round as the edge sends them: each session in `order` has one, then
    each has the next, four at most.
    """
    t0 = T0_MS + (number + 1) * STEP_MS
    # A session's turns within a round follow each other in time, as its frames do.
    seqs: dict[int, int] = {}
    plan: list[bytes] = []
    for k in range(min(CALLS, 4 * len(who))):
        i = int(order[(number * CALLS + k) % len(who)])
        seqs[i] = seqs.get(i, 0) + 1
        batch = pool[(k * 31 + number) % POOL]
        plan.append(encode(batch, *who[i], 1 + number * 8 + seqs[i], t0 + seqs[i] * 900))
    return plan
