"""One child of the supervisor: spawn, relay its output, know when it is ready, restart, stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from cli import processes
from cli.engines import Command, EngineError

_PROBE_S = 0.05
_BACKOFF_S = (0.2, 0.4, 0.8, 1.6, 3.2, 5.0)
# A child that ran this long had recovered: its next crash starts the backoff anew.
_RECOVERED_S = 30.0
# Ends of a child that was never ready after which the start is given up.
_HOPELESS = 6
_LONGEST_LINE = 1 << 20
EXIT_ENVIRONMENT = 78


class State(Enum):
    """Where a child stands."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Spec:
    """What the supervisor has to know of a child."""

    name: str
    command: Callable[[], Command]
    probe: Callable[[], Awaitable[bool]]
    address: str
    after: tuple[str, ...] = ()
    tier: int = 0
    prepare: Callable[[], None] | None = None
    """Runs in a thread before each start."""
    quiet: bool = False
    """Its output is only shown when it fails: engines talk about themselves."""
    nice: int = 0
    """How far it stands back when processors are short."""


class Child:
    """A process that is kept running."""

    def __init__(
        self,
        spec: Spec,
        *,
        emit: Callable[[str, str], None],
        notice: Callable[[str, str, str], None],
        changed: Callable[[], None],
    ) -> None:
        self.spec = spec
        self.state = State.WAITING
        self.pid: int | None = None
        self.started = ""
        self.restarts = 0
        self.ready_ms: int | None = None
        self.failure = ""
        self.was_ready = asyncio.Event()
        self.tail: deque[str] = deque(maxlen=20)
        self._emit = emit
        self._notice = notice
        self._changed = changed
        self._stopping = asyncio.Event()
        self._gone = asyncio.Event()

    async def run(self) -> None:
        """Keep it running until stop(). Returns early only when it can never start."""
        attempt = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                code = await self._run_once(began)
            except (EngineError, OSError) as error:
                self._fail(str(error))
                return
            if self._stopping.is_set():
                break
            if code == EXIT_ENVIRONMENT and not self.was_ready.is_set():
                self._fail("its environment is incomplete")
                return
            if attempt >= _HOPELESS - 1 and not self.was_ready.is_set():
                self._fail(f"it ended {_HOPELESS} times before it was ready")
                return
            if time.monotonic() - began > _RECOVERED_S:
                attempt = 0
            pause = _BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)]
            attempt += 1
            self.restarts += 1
            self._set(State.RESTARTING)
            self._say_crash(code, pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
        self._set(State.STOPPED)

    async def stop(self, within_s: float) -> None:
        """Ask it to stop, then wait; kill it and what it started after `within_s`."""
        self._stopping.set()
        pid, started = self.pid, self.started
        if pid is None:
            return
        processes.signal_if_same(pid, started, self.spec.command().stop_signal)
        try:
            await asyncio.wait_for(self._gone.wait(), within_s)
        except TimeoutError:
            self._notice(self.spec.name, "error", f"did not stop in {within_s:.0f} s, killed")
            self.kill()

    def kill(self) -> None:
        """End its whole process group at once."""
        self._stopping.set()
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    async def _run_once(self, began: float) -> int:
        self._set(State.STARTING)
        if self.spec.prepare is not None:
            await asyncio.to_thread(self.spec.prepare)
        command = self.spec.command()
        process = await asyncio.create_subprocess_exec(
            *command.spawn_argv(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=_LONGEST_LINE,
            **command.spawn_options(),
        )
        self._gone.clear()
        self.pid, self.started = process.pid, processes.started_at(process.pid)
        self._changed()
        assert process.stdout is not None
        relay = asyncio.create_task(self._relay(process.stdout))
        probe = asyncio.create_task(self._probe(process.pid, began))
        try:
            return await process.wait()
        finally:
            probe.cancel()
            # What it started may hold the pipe open; its own last words are there by now.
            await asyncio.wait([relay], timeout=0.5)
            relay.cancel()
            self.pid = None
            self._gone.set()

    async def _relay(self, stream: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await stream.readline()
            except ValueError:  # longer than any log line
                continue
            if not line:
                return
            text = line.decode(errors="replace").rstrip()
            if not text:
                continue
            self.tail.append(text)
            if not self.spec.quiet:
                self._emit(self.spec.name, text)

    async def _probe(self, pid: int, began: float) -> None:
        """Let it stand back as far as it is told, then wait until it is ready."""
        if self.spec.nice:
            with contextlib.suppress(OSError):  # gone again, or no such thing: no reason to fail
                await asyncio.to_thread(processes.stand_back, pid, self.spec.nice)
        while True:
            if await self.spec.probe():
                break
            await asyncio.sleep(_PROBE_S)
        self.ready_ms = round((time.monotonic() - began) * 1000)
        self._set(State.READY)
        self.was_ready.set()

    def _say_crash(self, code: int, pause: float) -> None:
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        if self.spec.quiet:
            for line in self.tail:
                self._emit(self.spec.name, line)
        self._notice(
            self.spec.name,
            "error",
            f"ended with {how}, restart {self.restarts} in {pause:g} s",
        )

    def _fail(self, why: str) -> None:
        self.failure = why
        self._set(State.FAILED)

    def _set(self, state: State) -> None:
        self.state = state
        self._changed()
