"""The generator processes, from the side of the command that starts them."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Self

import click
import numpy as np

from benchmarks.mesh.plan import Plan, Told

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt


class Generators:
    """Some processes that make one load together."""

    def __init__(self, plans: list[Plan]) -> None:
        self._plans = plans
        self._children: list[asyncio.subprocess.Process] = []

    @classmethod
    def of(cls, whole: Plan, processes: int, folder: Path) -> Self:
        """Cut a load into equal parts."""
        plans: list[Plan] = []
        for number in range(processes):
            share = (whole.sessions * (number + 1)) // processes - (
                whole.sessions * number
            ) // processes
            plans.append(
                replace(
                    whole,
                    number=number,
                    sessions=share,
                    rate=whole.rate / processes,
                    seed=whole.seed + number,
                    samples=str(folder / f"samples-{number}.npz"),
                    connect_per_s=whole.connect_per_s / processes,
                )
            )
        return cls(plans)

    @property
    def pids(self) -> dict[str, int]:
        """By name."""
        return {f"generator-{number}": child.pid for number, child in enumerate(self._children)}

    async def connect(self) -> None:
        """Start them and wait until all their sessions are open.

        Raises:
            click.ClickException: one of them failed.
        """
        for plan in self._plans:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "benchmarks.mesh.generator"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,  # each is a crowd of machines elsewhere
            )
            self._children.append(child)
            self._tell(child, json.dumps(asdict(plan)))
        for child in self._children:
            if await self._line(child) != "ready":
                raise click.ClickException("a generator did not connect its sessions; see above")

    async def run(self, start: float) -> list[Told]:
        """Let them send from a time on; returns what they found."""
        for child in self._children:
            self._tell(child, str(start))
        lines = await asyncio.gather(*(self._line(child) for child in self._children))
        if any(line != "told" for line in lines):
            raise click.ClickException("a generator failed; see above")
        return [Told(**json.loads(plan.told_file.read_text())) for plan in self._plans]

    def samples(self, name: str) -> npt.NDArray[np.float64]:
        """Samples of that name, of all processes."""
        return np.concatenate([np.load(plan.samples)[name] for plan in self._plans])

    async def stop(self) -> None:
        """End those that still run."""
        for child in self._children:
            if child.returncode is None:
                child.terminate()
            await child.wait()

    @staticmethod
    def _tell(child: asyncio.subprocess.Process, line: str) -> None:
        assert child.stdin is not None
        child.stdin.write(line.encode() + b"\n")

    @staticmethod
    async def _line(child: asyncio.subprocess.Process) -> str:
        assert child.stdout is not None
        return (await child.stdout.readline()).decode().strip()
