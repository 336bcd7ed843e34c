"""Instructions of an event, counted by valgrind: no other load on a machine changes them.

python -m benchmarks.kernel.instructions [--renew]

Counted is what runs inside `Detector.apply_encoded`, Python's part of it included, for streams
that are known already. `instructions.json` holds the figure that a test holds the kernels to;
`--renew` writes it anew, after a change that is worth its price or has brought it down.
"""

from __future__ import annotations

import json
import os
import pickle
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, TypedDict

import click
import numpy as np

import hotpath.detector
from benchmarks.kernel import load

KEPT: Final = Path(__file__).with_name("instructions.json")
SESSIONS: Final = 1000
BATCHES: Final = 4000
WITHIN: Final = 0.10
"""How far the figure may be from the one that is kept."""
RENEW: Final = "python -m benchmarks.kernel.instructions --renew"
_COUNTED: Final = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)
# A compiler leaves its name in what it makes.
_COMPILER: Final = re.compile(rb"(GCC: \([^)]*\)|clang version) (\d+)\.")


class Kept(TypedDict):
    """A figure, and what it depends on."""

    instructions_per_event: float
    compiler: str
    machine: str
    date: str


class CountError(RuntimeError):
    """valgrind could not count; says why."""


def compiler() -> str:
    """Return which compiler the kernels were built by, with its major version."""
    found = _COMPILER.findall(Path(hotpath.detector.__file__).read_bytes())
    if not found:
        return "unknown"
    name, major = found[-1]
    return f"{'gcc' if name.startswith(b'GCC') else 'clang'} {major.decode()}"


def kept() -> Kept:
    """Return the figure that is kept."""
    found: Kept = json.loads(KEPT.read_text())
    return found


def _plan() -> tuple[bytes, list[list[bytes]], int]:
    """Return a detector that knows every stream, as a snapshot; messages for it; their events."""
    pool, who = load.batches(), load.names(SESSIONS)
    detector = hotpath.detector.Detector(SESSIONS)
    detector.apply_encoded(
        [load.encode(pool[-1 - i], *who[i], 1, load.T0_MS) for i in range(SESSIONS)]
    )
    detector.drain()
    order = np.random.default_rng(1).integers(SESSIONS, size=BATCHES)
    seqs = dict.fromkeys(range(SESSIONS), 1)
    plan: list[bytes] = []
    events = 0
    for number, i in enumerate(int(place) for place in order):
        seqs[i] += 1
        t0 = load.T0_MS + seqs[i] * load.STEP_MS
        plan.append(load.encode(pool[number], *who[i], seqs[i], t0))
        events += pool[number].events
    messages = [plan[at : at + load.MESSAGE] for at in range(0, BATCHES, load.MESSAGE)]
    return detector.snapshot(), messages, events


def count() -> float:
    """Return the instructions of an event.

    Raises:
        CountError: valgrind is missing or fails.
    """
    if shutil.which("valgrind") is None:
        raise CountError("valgrind is missing (Debian's package `valgrind`)")
    snapshot, messages, events = _plan()
    with tempfile.TemporaryDirectory() as folder:
        plan, out = Path(folder) / "plan", Path(folder) / "counted"
        plan.write_bytes(pickle.dumps((snapshot, messages)))
        done = subprocess.run(
            [
                "valgrind", "--tool=callgrind", "--collect-atstart=no",
                "--toggle-collect=__pyx_pw_*apply_encoded*", f"--callgrind-out-file={out}",
                sys.executable, "-m", "benchmarks.kernel.counted", str(plan),
            ],
            cwd=Path(__file__).parents[2],
            env=os.environ | {"PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
        )  # fmt: skip
        found = _COUNTED.search(out.read_text()) if out.exists() else None
    if done.returncode or found is None or not int(found[1]):
        raise CountError(f"valgrind counted nothing: {done.stderr[-500:]}")
    return int(found[1]) / events


def renew() -> Kept:
    """Count, and keep the figure."""
    figure = Kept(
        instructions_per_event=round(count(), 1),
        compiler=compiler(),
        machine=platform.machine(),
        date=time.strftime("%Y-%m-%d"),
    )
    KEPT.write_text(json.dumps(figure, indent=2) + "\n")
    return figure


@click.command()
@click.option("--renew", "again", is_flag=True, help=f"Keep the figure in {KEPT.name}.")
def command(again: bool) -> None:
    """Print how many instructions an event takes."""
    if again:
        click.echo(json.dumps(renew()))
    else:
        click.echo(f"{count():.1f} instructions per event ({compiler()})")


if __name__ == "__main__":
    command()
