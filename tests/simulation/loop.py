"""An event loop whose time is virtual and whose order of events is drawn from a seed.

Time stands still while anything can run and then jumps to the next timer, so a minute takes
milliseconds. Whatever is ready at the same time runs in an order that the seed decides; one
callback at a time, as on any loop.

Each callback belongs to the simulated process in whose context it was made. A paused process keeps
its callbacks until it goes on: its timers fire late, the answers to its requests wait. A killed one
is cancelled, and its ports (network, log, state store) are closed to it.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import random
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

T = TypeVar("T")
_MAX_STEPS = 3_000_000


class Stuck(Exception):
    """Nothing will ever happen again, or something happens for ever."""


class Process:
    """A simulated process: what may be paused or killed as a whole."""

    def __init__(self, loop: VirtualLoop, name: str) -> None:
        self.name = name
        self.dead = False
        self.paused = False
        self.held: list[Handle] = []
        self.tasks: list[Task[Any]] = []
        self._loop = loop
        self._context = contextvars.copy_context()
        self._context.run(_current.set, self)

    def spawn(self, work: Coroutine[Any, Any, T]) -> Task[T]:
        """Start a task that belongs to the process, as does everything it starts."""
        return self._loop.create_task(work, context=self._context.copy())

    def call(self, make: Callable[[], T]) -> T:
        """Run something as the process."""
        return self._context.copy().run(make)

    def pause(self) -> None:
        """Stop the process where it stands."""
        self.paused = True

    def resume(self) -> None:
        """Let it go on."""
        self.paused = False
        held, self.held = self.held, []
        self._loop.requeue(held)

    def kill(self) -> None:
        """End it at once. What it still says on its way out reaches nobody."""
        self.dead = True
        for task in self.tasks:
            task.cancel()
        self.resume()


_current: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)


def current_process() -> Process | None:
    """The process whose code runs; None for the world around all of them."""
    return _current.get()


class Handle:
    """A callback that was scheduled."""

    __slots__ = ("args", "callback", "context", "dropped", "owner", "when_s")

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: contextvars.Context | None,
        when_s: float,
    ) -> None:
        self.callback = callback
        self.args = args
        self.context = context if context is not None else contextvars.copy_context()
        self.owner: Process | None = self.context.get(_current)
        self.when_s = when_s
        self.dropped = False

    def cancel(self) -> None:
        """Never call it."""
        self.dropped = True

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self.dropped

    def when(self) -> float:
        """When it is due, on the loop's clock."""
        return self.when_s


class Future(asyncio.Future[T]):
    """A future that hashes by number: sets of them have an order that every run repeats."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.number = loop.number()
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self.number


class Task(asyncio.Task[T]):
    """A task that hashes by number, see Future."""

    def __init__(
        self,
        loop: VirtualLoop,
        work: Coroutine[Any, Any, T],
        name: str | None,
        context: contextvars.Context | None,
    ) -> None:
        self.number = loop.number()
        super().__init__(work, loop=loop, name=name or f"t{self.number}", context=context)

    def __hash__(self) -> int:
        return self.number


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop. `run` drives one coroutine to its end."""

    def __init__(self, order: random.Random) -> None:
        super().__init__()
        self.set_debug(False)
        self.problems: list[str] = []
        """What went wrong where nobody could catch it."""
        self.steps = 0
        self._order = order
        self._numbers = 0
        self._now_s = 0.0
        self._soon: list[Handle] = []
        self._timers: list[tuple[float, int, Handle]] = []

    def number(self) -> int:
        """The next of the numbers that make things distinct and ordered."""
        self._numbers += 1
        return self._numbers

    # -- what asyncio asks of a loop ----------------------------------------------------------

    def time(self) -> float:
        return self._now_s

    def call_soon(
        self,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        handle = Handle(callback, args, context, self._now_s)
        self._soon.append(handle)
        return cast("asyncio.Handle", handle)

    def call_later(
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = Handle(callback, args, context, when)
        heapq.heappush(self._timers, (when, self.number(), handle))
        return cast("asyncio.TimerHandle", handle)

    def create_future(self) -> asyncio.Future[Any]:
        return Future(self)

    def create_task(  # type: ignore[override]
        self,
        coro: Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> Task[T]:
        task = Task(self, coro, name, context)
        owner = context.get(_current) if context is not None else _current.get()
        if owner is not None:
            if len(owner.tasks) > 64:
                owner.tasks = [known for known in owner.tasks if not known.done()]
            owner.tasks.append(task)
            if owner.dead:
                task.cancel()
        return task

    def call_exception_handler(self, context: Any) -> None:
        error = context.get("exception")
        self.problems.append(f"{context.get('message')}: {error!r}")

    # -- running ------------------------------------------------------------------------------

    def requeue(self, handles: list[Handle]) -> None:
        """Make held callbacks ready again."""
        self._soon += handles

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run until the coroutine is done."""
        asyncio._set_running_loop(self)
        try:
            task = self.create_task(work)
            while not task.done():
                self._step()
            return task.result()
        finally:
            asyncio._set_running_loop(None)

    def _step(self) -> None:
        self.steps += 1
        if self.steps > _MAX_STEPS:
            raise Stuck(f"{_MAX_STEPS} steps, and no end in sight")
        soon, timers = self._soon, self._timers
        if not soon:
            while timers and timers[0][2].dropped:
                heapq.heappop(timers)
            if not timers:
                raise Stuck("nothing is ready and no timer is set")
            self._now_s = max(self._now_s, timers[0][0])
        while timers and timers[0][0] <= self._now_s:
            soon.append(heapq.heappop(timers)[2])
        # Any of those that are ready: the last takes the place of the one that goes.
        chosen = int(self._order.random() * len(soon))
        handle = soon[chosen]
        soon[chosen] = soon[-1]
        soon.pop()
        if handle.dropped:
            return
        owner = handle.owner
        if owner is not None and owner.paused:
            owner.held.append(handle)
            return
        try:
            handle.context.run(handle.callback, *handle.args)
        except Exception as error:
            self.problems.append(f"callback failed: {error!r}")
