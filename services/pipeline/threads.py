"""Threads for calls that block on a store: they end with the process rather than hold it.

A call to a store that lets everything vanish lasts as long as its time limits do. Python's own
executors wait for their threads at exit, so such a call would outlast a SIGTERM. It may be left:
what was not answered was not committed to the log either, and stores bear a kill at any moment.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Final, ParamSpec, TypeVar

_LOOK_AGAIN_S = 0.02
P = ParamSpec("P")
T = TypeVar("T")
_Work = tuple["Future[Any]", Callable[[], Any]]


class Threads(Executor):
    """As many daemon threads as are needed, up to a number."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._work: SimpleQueue[_Work | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._stopped = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call something in a thread."""
        future: Future[T] = Future()
        with self._lock:
            if self._stopped:
                raise RuntimeError(f"the threads {self._name} take nothing any more")
            self._work.put((future, partial(fn, *args, **kwargs)))
            if not self._idle.acquire(blocking=False) and len(self._threads) < self._most:
                name = f"{self._name}-{len(self._threads)}"
                thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._threads.append(thread)
                thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take nothing more; wait for what is under way, or leave it."""
        with self._lock:
            self._stopped = True
            with suppress(Empty):
                while cancel_futures:
                    work = self._work.get_nowait()
                    if work is not None:
                        work[0].cancel()
            self._work.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    async def ended(self, within_s: float) -> bool:
        """Whether everything that was under way has ended, waiting a while for it."""
        until_s = time.monotonic() + within_s
        while any(thread.is_alive() for thread in self._threads):
            if time.monotonic() > until_s:
                return False
            await asyncio.sleep(_LOOK_AGAIN_S)
        return True

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            future, call = work
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except BaseException as error:
                    future.set_exception(error)
            del work, future, call  # what they hold need not wait for the next
            self._idle.release()
        self._work.put(None)  # for the next thread


_STORES: Final = Threads(16, "stores")


async def in_thread(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """As `asyncio.to_thread`, of a call that may be left when the process ends."""
    return await asyncio.wrap_future(_STORES.submit(call, *args, **kwargs))
