"""Windows of pointer motion, cut alike from recordings of people and from simulated visits.

A classifier that is to judge motion must not see the file format: every stream is thinned as the
SDK thins it, laid on 25 Hz as the kernels do it, and described by numbers that know neither where
on the screen it happened nor which way it went: that is the page's layout, not the hand's doing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

THIN_MS: Final = 48
"""Moves closer than this are dropped: three frames, and the pace of the slowest study."""
RATE_MS: Final = 40
LENGTH: Final = 30
"""Samples of a window: 1.2 s."""
STILL_PX: Final = 0.5
"""Steps up to this are rest."""
LEAST_PATH_PX: Final = 40.0
"""Windows in which less happens say nothing about motion."""
PER_SESSION: Final = 12
REST_MS: Final = 120
"""A longer silence of moves is a rest, not a slow movement."""

Move = tuple[float, float, float]


def thin(moves: Sequence[Move]) -> list[Move]:
    """Drop moves that come too soon after the last one kept, or go nowhere."""
    kept: list[Move] = []
    for move in moves:
        if not kept or (move[0] - kept[-1][0] >= THIN_MS and move[1:] != kept[-1][1:]):
            kept.append(move)
    return kept


def resample(moves: Sequence[Move]) -> NDArray[np.float64]:
    """Lay moves on 25 Hz: straight lines between them, standing still during rests."""
    t: list[float] = []
    x: list[float] = []
    y: list[float] = []
    for at, px, py in moves:
        if t and at - t[-1] > REST_MS:
            t.append(at - 50.0)
            x.append(x[-1])
            y.append(y[-1])
        t.append(at)
        x.append(px)
        y.append(py)
    grid = np.arange(t[0], t[-1], RATE_MS)
    return np.column_stack([np.interp(grid, t, x), np.interp(grid, t, y)])


def cut(moves: Sequence[Move], rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Return up to PER_SESSION windows, at random; each begins with a movement.

    Trials of a laboratory begin with a wait, visits do not: that is no difference in motion.
    """
    kept = thin(moves)
    if len(kept) < 3:
        return []
    track = resample(kept)
    steps = np.hypot(*np.diff(track, axis=0).T)
    windows: list[NDArray[np.float64]] = []
    start = 0
    while start + LENGTH <= len(track):
        if steps[start] <= STILL_PX:
            start += 1
            continue
        if steps[start : start + LENGTH - 1].sum() >= LEAST_PATH_PX:
            windows.append(track[start : start + LENGTH])
        start += LENGTH
    if len(windows) > PER_SESSION:
        chosen = rng.choice(len(windows), PER_SESSION, replace=False)
        windows = [windows[i] for i in chosen]
    return windows


def describe(window: NDArray[np.float64]) -> list[float]:
    """Return what can be said of the motion in a window."""
    step = np.diff(window, axis=0)
    speed = np.hypot(step[:, 0], step[:, 1])
    moving = speed > STILL_PX
    path = float(speed.sum())
    net = float(np.hypot(*(window[-1] - window[0])))
    accel = np.diff(speed)
    jerk = np.diff(accel)
    heading = np.arctan2(step[:, 1], step[:, 0])
    turn = np.abs((np.diff(heading) + np.pi) % (2 * np.pi) - np.pi)
    turn = turn[moving[1:] & moving[:-1]]
    if not len(turn):
        turn = np.zeros(1)
    top = max(float(speed.max()), 1e-9)
    peaks = (speed[1:-1] > speed[:-2]) & (speed[1:-1] >= speed[2:]) & (speed[1:-1] > 0.2 * top)
    axis = np.minimum(np.abs(step[:, 0]), np.abs(step[:, 1]))[moving] / np.maximum(speed[moving], 1)
    spectrum = np.abs(np.fft.rfft(speed - speed.mean())) ** 2
    power = max(float(spectrum.sum()), 1e-9)
    return [
        np.log1p(path),
        net / max(path, 1e-9),
        *np.log1p(np.quantile(speed, [0.1, 0.25, 0.5, 0.75, 0.9, 1.0])),
        float(moving.mean()),
        float(np.count_nonzero(np.diff(moving.astype(int)))),
        float(peaks.sum()),
        *np.log1p(np.quantile(np.abs(accel), [0.5, 0.9])),
        *np.log1p(np.quantile(np.abs(jerk), [0.5, 0.9])),
        float(np.abs(jerk).sum()) / max(path, 1e-9),
        *np.quantile(turn, [0.25, 0.5, 0.75, 0.9]),
        float((turn > 1.0).mean()),
        float((turn < 0.02).mean()),
        float((axis < 0.05).mean()),
        float(np.median(axis)),
        *(float(spectrum[i:j].sum()) / power for i, j in ((1, 3), (3, 6), (6, 10), (10, 15))),
    ]
