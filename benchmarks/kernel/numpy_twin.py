"""The best NumPy version that we can write of *part* of the kernels, for comparison.

It runs one event of each session at a time, all sessions of a round at once: clocks, 25 Hz samples,
the pointer's way, thrashing, mechanical motion, and bursts of presses with their answers. It leaves
out look-up by name, timers, episodes, explanations and three of the four emotions, so the ratio
flatters NumPy.
"""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from benchmarks.kernel import load
from hotpath.events import EventKind

RING = 16
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


class Rounds:
    """Events of a round as arrays: (sessions, events)."""

    def __init__(self, sessions: int, seed: int) -> None:
        pool = [_columns(batch) for batch in load.batches(seed)]
        pick = np.random.default_rng(seed).integers(len(pool), size=sessions)
        width = load.BATCH
        self.kind: npt.NDArray[np.uint8] = np.array(
            [pool[i][0][:width] for i in pick], dtype=np.uint8
        )
        self.dt = np.array([pool[i][1][:width] for i in pick], dtype=np.int64)
        self.a = np.array([pool[i][2][:width] for i in pick], dtype=np.float32)
        self.b = np.array([pool[i][3][:width] for i in pick], dtype=np.float32)


def _columns(
    batch: load.Batch,
) -> tuple[npt.NDArray[np.uint8], Ints, Floats, Floats]:
    """Take a batch's columns apart; see columns.pxd."""
    blob, count = batch.blob, batch.events
    mask = int.from_bytes(blob[2:4], "little")
    kind = np.frombuffer(blob, np.uint8, count, 4)
    dt = np.frombuffer(blob, "<u4", count, 4 + count).astype(np.int64)
    at = 4 + 5 * count
    numbers = [np.full(count, np.nan, np.float32) for _ in range(2)]
    for bit in range(5):
        if mask >> bit & 1:
            if bit >= 3:
                numbers[bit - 3] = np.frombuffer(blob, "<f4", count, at)
            at += (4 if bit >= 3 else 2) * count
    return kind, dt, numbers[0], numbers[1]


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

    def run(self, events: Rounds, t0: int) -> None:
        """Apply a round."""
        t = np.full(len(self.clock), t0, np.int64)
        for i in range(events.kind.shape[1]):
            t += events.dt[:, i]
            np.maximum(self.clock, t, out=self.clock)
            kind = events.kind[:, i]
            moved = np.flatnonzero(kind == EventKind.POINTER_MOVE)
            if len(moved):
                self._move(moved, events.a[moved, i], events.b[moved, i])
            pressed = np.flatnonzero(kind == EventKind.CLICK)
            if len(pressed):
                self._press(pressed, events.a[pressed, i], events.b[pressed, i])
            answered = np.flatnonzero(kind == EventKind.REACTION)
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


def ns_per_event(sessions: int, rounds: int, seed: int = 1) -> list[float]:
    """Return the CPU time of an event in each round."""
    events = Rounds(sessions, seed)
    kernel = NumpyKernel(sessions)
    spent: list[float] = []
    for number in range(rounds + 1):
        start = time.process_time_ns()
        kernel.run(events, load.T0_MS + number * load.STEP_MS)
        spent.append((time.process_time_ns() - start) / events.kind.size)
    return spent[1:]
