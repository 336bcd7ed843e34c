"""Samples what the main thread of an edge worker does, by its processor time.

A timer of processor time interrupts it; what it took since the last sample counts for the stage
that it is in. That costs some 10 µs a sample, at most 250 samples a second of processor time.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.edge.stages import Stages

if TYPE_CHECKING:
    from types import FrameType

VARIABLE: Final = "EDGE_PROFILE"
"""Names the file of the samples; see hook/sitecustomize.py."""
_EVERY_S: Final = 0.004


class Sampler:
    """Appends to a file, about twice a second, what was spent so far: a JSON object a line."""

    def __init__(self, path: str, *, tell_s: float = 0.5) -> None:
        self._path = Path(path)
        self._stages = Stages()
        self._spent_ns: Counter[str] = Counter()
        self._last_ns = time.thread_time_ns()
        self._told_s = 0.0
        self._tell_s = tell_s

    def start(self) -> None:
        """Begin; called on the main thread."""
        signal.signal(signal.SIGPROF, self._sample)
        signal.siginterrupt(signal.SIGPROF, False)
        signal.setitimer(signal.ITIMER_PROF, _EVERY_S, _EVERY_S)

    def _sample(self, _: int, frame: FrameType | None) -> None:
        now_ns = time.thread_time_ns()
        stage = self._stages.of(frame)
        self._spent_ns[stage] += now_ns - self._last_ns
        self._last_ns = now_ns
        if time.monotonic() - self._told_s > self._tell_s:
            self._told_s = time.monotonic()
            self._tell()

    def _tell(self) -> None:
        times = os.times()
        line = {
            "at": time.time(),
            "pid": os.getpid(),
            "user_s": times.user,
            "system_s": times.system,
            "process_s": time.process_time(),
            "main_s": time.thread_time(),
            "spent_s": {stage: ns / 1e9 for stage, ns in self._spent_ns.items()},
        }
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")
