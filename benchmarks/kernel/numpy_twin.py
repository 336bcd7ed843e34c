"""The best NumPy version that we can write of *part* of the kernels, for comparison.

It is given the same bytes, but a batch of each of all sessions at once instead of fifty batches a
call, and runs one event of each at a time: decoding, look-up by name, clocks, 25 Hz samples, the
pointer's way, thrashing, mechanical motion, and bursts of presses with their answers. It leaves out
repeats and order, timers, episodes, explanations and three of the four emotions, so the ratio
flatters NumPy.
"""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from benchmarks.kernel import load, numpy_wire
from hotpath.events import EventKind

RING = 16
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


class NumpyKernel:
    """State of all sessions, one array a field."""

    def __init__(self, sessions: int) -> None:
        n = sessions
        self.clock = np.zeros(n, np.int64)
        self.sampled_t = np.zeros(n, np.int64)
        self.position = np.zeros((n, 2), np.float32)
        self.step = np.zeros((n, 2), np.float32)
        self.steps = np.zeros(n, np.int64)
        self.repeats = np.zeros(n, np.int64)
        self.length = np.zeros(n, np.float32)
        self.low = np.zeros((n, 2), np.float32)
        self.high = np.zeros((n, 2), np.float32)
        self.turns = np.zeros(n, np.int64)
        self.press_t = np.full((n, RING), -(1 << 40), np.int64)
        self.press_at = np.zeros((n, RING, 2), np.float32)
        self.latency = np.full((n, RING), -1, np.int64)
        self.enraged = 0

    def run(self, events: numpy_wire.Round) -> None:
        """Apply a batch of each of some sessions."""
        t = events.t0.copy()
        for i in range(events.kind.shape[1]):
            t += events.dt[:, i]
            self.clock[events.who] = np.maximum(self.clock[events.who], t)
            kind = events.kind[:, i]
            moved = np.flatnonzero(kind == EventKind.POINTER_MOVE)
            if len(moved):
                self._move(events.who[moved], events.a[moved, i], events.b[moved, i])
            pressed = np.flatnonzero(kind == EventKind.CLICK)
            if len(pressed):
                self._press(events.who[pressed], events.a[pressed, i], events.b[pressed, i])
            answered = events.who[kind == EventKind.REACTION]
            if len(answered):
                silent = self.latency[answered] < 0
                since = self.clock[answered, None] - self.press_t[answered]
                self.latency[answered] = np.where(silent, since, self.latency[answered])

    def _move(self, who: npt.NDArray[np.intp], x: Floats, y: Floats) -> None:
        now = np.column_stack((x, y))
        step = now - self.position[who]
        self.repeats[who] += (step == self.step[who]).all(axis=1)
        self.steps[who] += 1
        sampled = self.clock[who] - self.sampled_t[who] >= 40
        who, now, step = who[sampled], now[sampled], step[sampled]
        dot = (step * self.step[who]).sum(axis=1)
        both = (step**2).sum(axis=1) * (self.step[who] ** 2).sum(axis=1)
        turned = (dot <= 0) | (2 * dot * dot <= both)
        self.length[who] += np.sqrt((step**2).sum(axis=1))
        self.turns[who] += turned
        self.low[who] = np.minimum(self.low[who], now)
        self.high[who] = np.maximum(self.high[who], now)
        self.position[who] = now
        self.step[who] = step
        self.sampled_t[who] = self.clock[who]

    def _press(self, who: npt.NDArray[np.intp], x: Floats, y: Floats) -> None:
        for ring in (self.press_t, self.press_at, self.latency):
            ring[who, 1:] = ring[who, :-1]
        self.press_t[who, 0] = self.clock[who]
        self.press_at[who, 0] = np.column_stack((x, y))
        self.latency[who, 0] = -1
        gaps = self.press_t[who, :-1] - self.press_t[who, 1:]
        away = ((self.press_at[who, 1:] - self.press_at[who, :1]) ** 2).sum(axis=2)
        belongs = np.logical_and.accumulate((gaps <= 600) & (away <= 900), axis=1)
        size = 1 + belongs.sum(axis=1)
        silent = (self.latency[who, 1:] < 0) & belongs
        self.enraged += int(((size >= 3) & (3 * (silent.sum(axis=1) + 1) >= 2 * size)).sum())


def ns_per_event(sessions: int, rounds: int, seed: int = 1) -> dict[str, list[float]]:
    """Return the CPU time of an event in each round: `all`, and `decoded`, from arrays on."""
    pool, names = load.batches(seed), load.names(sessions)
    order = np.random.default_rng(seed + 1).permutation(sessions)
    rows = {numpy_wire.name_of(*name): row for row, name in enumerate(names)}
    kernel = NumpyKernel(sessions)
    spent: dict[str, list[float]] = {"all": [], "decoded": []}
    for number in range(rounds):
        plan = load.turn(pool, names, order, number)
        reading = running = 0
        for begin in range(0, len(plan), sessions):
            start = time.process_time_ns()
            events = numpy_wire.read(plan[begin : begin + sessions], rows)
            read = time.process_time_ns()
            kernel.run(events)
            reading += read - start
            running += time.process_time_ns() - read
        spent["all"].append((reading + running) / (len(plan) * load.BATCH))
        spent["decoded"].append(running / (len(plan) * load.BATCH))
    return spent
