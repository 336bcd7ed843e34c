"""What the sampler told, between two times."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.edge.stages import STAGES, THREADS

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Spent:
    """Processor time of one edge worker."""

    stages_s: dict[str, float]
    kernel_share: float


def spent_between(samples: Path, start: float, end: float) -> Spent | None:
    """What was spent from the first line to the last in between; None where there are no two."""
    if not samples.exists():
        return None
    lines = [json.loads(line) for line in samples.read_text().splitlines()]
    inside = [line for line in lines if start <= line["at"] <= end]
    if len(inside) < 2:
        return None
    first, last = inside[0], inside[-1]

    def grown(name: str) -> float:
        return float(last[name]) - float(first[name])

    # What is between the first line and the start, and the last and the end, is as the rest.
    whole = (end - start) / (last["at"] - first["at"])

    def stage(name: str) -> float:
        return float(last["spent_s"].get(name, 0.0)) - float(first["spent_s"].get(name, 0.0))

    stages = {name: stage(name) * whole for name in STAGES}
    stages[THREADS] = (grown("process_s") - grown("main_s")) * whole
    system_s = grown("system_s")
    return Spent(stages, kernel_share=system_s / max(system_s + grown("user_s"), 1e-9))
