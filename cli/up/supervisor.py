"""Runs the table: what depends on nothing first, everything else as soon as it can, then watches.

Stopping goes tier by tier from the top, so that whoever accepts work stops before whoever does it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from cli.errors import CliError
from cli.up.child import Child, Spec, State

READY_S = 90.0
STOP_S = 25.0


@dataclass(frozen=True, slots=True)
class Step:
    """Work between starts, for example migrations; named in `after` like a process."""

    name: str
    after: tuple[str, ...]
    run: Callable[[], Awaitable[None]]


class StartFailed(CliError):
    """The mesh did not come up; what had started was stopped again."""


class Supervisor:
    """Keeps the children of one mesh."""

    def __init__(
        self,
        specs: Sequence[Spec],
        steps: Sequence[Step],
        *,
        emit: Callable[[str, str], None],
        notice: Callable[[str, str, str], None],
        changed: Callable[[], None],
    ) -> None:
        self.children = {
            spec.name: Child(spec, emit=emit, notice=notice, changed=changed) for spec in specs
        }
        self._steps = steps
        self._done = {step.name: asyncio.Event() for step in steps}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._step_tasks: list[asyncio.Task[None]] = []
        self.ready_s: float | None = None

    async def start(self, stop: asyncio.Event) -> bool:
        """Bring everything up. Tells whether it is; False: `stop` came first.

        Raises:
            StartFailed: something cannot start or took longer than 90 s, with its last words.
        """
        began = time.monotonic()
        for child in self.children.values():
            self._tasks[child.spec.name] = asyncio.create_task(self._run_child(child))
        self._step_tasks = [asyncio.create_task(self._run_step(step)) for step in self._steps]
        everything = asyncio.create_task(self._all_ready())
        stopped = asyncio.create_task(stop.wait())
        failures = self._step_failures()
        try:
            await asyncio.wait(
                [everything, stopped, *failures, *self._tasks.values()],
                timeout=READY_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if stopped.done():
                return False
            if not everything.done():
                raise StartFailed(await self._why_not())
        finally:
            for watcher in (everything, stopped, *failures):
                watcher.cancel()
        self.ready_s = time.monotonic() - began
        return True

    async def stop(self) -> None:
        """Stop all, highest tier first; within 25 s, then by force."""
        deadline = time.monotonic() + STOP_S
        for task in self._step_tasks:
            task.cancel()
        for name, task in self._tasks.items():
            if self.children[name].state is State.WAITING:
                task.cancel()
        tiers = sorted({child.spec.tier for child in self.children.values()}, reverse=True)
        for tier in tiers:
            group = [child for child in self.children.values() if child.spec.tier == tier]
            # Engines hold what everybody wrote: they get their time even if others took long.
            left = max(deadline - time.monotonic(), 5.0 if tier == 0 else 0.5)
            await asyncio.gather(*(child.stop(left) for child in group))
            tasks = [self._tasks[child.spec.name] for child in group]
            if tasks:
                await asyncio.wait(tasks, timeout=2)

    def kill(self) -> None:
        """End all at once."""
        for child in self.children.values():
            child.kill()

    async def _run_child(self, child: Child) -> None:
        for name in child.spec.after:
            await self._wait_for(name)
        await child.run()

    async def _run_step(self, step: Step) -> None:
        for name in step.after:
            await self._wait_for(name)
        await step.run()
        self._done[step.name].set()

    async def _wait_for(self, name: str) -> None:
        if name in self._done:
            await self._done[name].wait()
        elif name in self.children:
            await self.children[name].was_ready.wait()

    async def _all_ready(self) -> None:
        for event in self._done.values():
            await event.wait()
        for child in self.children.values():
            await child.was_ready.wait()

    def _step_failures(self) -> list[asyncio.Task[None]]:
        async def failed(task: asyncio.Task[None]) -> None:
            await asyncio.wait([task])
            if task.exception() is None:
                await asyncio.Event().wait()  # done well: nothing to report, ever

        return [asyncio.create_task(failed(task)) for task in self._step_tasks]

    async def _why_not(self) -> str:
        for step, task in zip(self._steps, self._step_tasks, strict=True):
            if task.done() and (error := task.exception()) is not None:
                return f"{step.name} failed: {error}"
        for name, task in self._tasks.items():
            child = self.children[name]
            if task.done() and (error := task.exception()) is not None:
                raise error  # of ours, not of the child
            if child.state is State.FAILED:
                return _with_tail(f"{name} cannot start: {child.failure}", child)
        late = [child for child in self.children.values() if not child.was_ready.is_set()]
        # The one that others wait for comes first.
        first = min(late, key=lambda child: (child.spec.tier, child.state is State.WAITING))
        return _with_tail(
            f"{first.spec.name} was not ready after {READY_S:.0f} s ({first.state.value})", first
        )


def _with_tail(message: str, child: Child) -> str:
    words = [f"  {line}" for line in list(child.tail)[-6:]]
    return "\n".join([message + (", its last words:" if words else ""), *words])
