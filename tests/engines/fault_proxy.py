"""A TCP proxy that does what bad networks do (Toxiproxy's toxics), switched at run time.

`proxy.up` is the way from the client to the server, `proxy.down` the way back. A change holds for
open connections too, from their next piece of data on.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

_READ_BYTES = 64 * 1024
_LOOK_AGAIN_S = 0.01


@dataclass
class Way:
    """One direction, and what is wrong with it. All zero: nothing."""

    latency_s: float = 0.0
    jitter_s: float = 0.0
    """Each piece waits `latency_s` ± this; order is kept."""
    stall_share: float = 0.0
    stall_s: float = 0.0
    """So many of all pieces wait this much longer, as one that was lost and sent again."""
    bytes_per_s: int = 0
    slice_bytes: int = 0
    """Data comes in pieces of at most this size."""
    slow_close_s: float = 0.0
    """The end of the stream arrives this much later."""
    limit_bytes: int = 0
    """After so many bytes of a connection, its both ends are closed."""
    black_hole: bool = False
    """Nothing passes, nothing is lost: it waits, as in a network that resends."""

    def delay_s(self) -> float:
        """How long the next piece is under way."""
        stalled_s = self.stall_s if random.random() < self.stall_share else 0.0
        jitter_s = random.uniform(-self.jitter_s, self.jitter_s)
        return max(0.0, self.latency_s + jitter_s) + stalled_s


@dataclass
class FaultProxy:
    """Takes connections at a port of its own for one TCP or Unix address."""

    target: tuple[str, int] | str
    up: Way = field(default_factory=Way)
    down: Way = field(default_factory=Way)
    port: int = 0
    connections: int = 0
    """All there ever were."""
    _open: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    def reset_peers(self) -> int:
        """Cut every open connection with a TCP reset. Returns how many sockets it was."""
        cut = list(self._open)
        for writer in cut:
            end = writer.get_extra_info("socket")
            if end.fileno() != -1 and end.family != socket.AF_UNIX:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        return len(cut)

    def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hold a connection, in a task that `close` ends: asyncio's own would complain of that."""
        self.connections += 1
        task = asyncio.create_task(self._hold(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cut what is open and wait for its end."""
        self.reset_peers()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)  # it may be cut before it has a far side
        try:
            if isinstance(self.target, str):
                far_reader, far_writer = await asyncio.open_unix_connection(self.target)
            else:
                far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            self._open.discard(writer)
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._open |= ends
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_carry(reader, far_writer, self.up, ends))
                group.create_task(_carry(far_reader, writer, self.down, ends))
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()


async def _carry(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    way: Way,
    ends: set[asyncio.StreamWriter],
) -> None:
    """Carry one direction. What is under way waits in a queue, so latency costs no throughput."""
    loop = asyncio.get_running_loop()
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=1024)

    async def take() -> None:
        data = b"?"
        while data:
            try:
                data = await reader.read(way.slice_bytes or _READ_BYTES)
            except OSError:
                data = b""
            delay = way.delay_s() + (0.0 if data else way.slow_close_s)
            await under_way.put((loop.time() + delay, data))

    async def give() -> None:
        passed = 0
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            while way.black_hole:
                await asyncio.sleep(_LOOK_AGAIN_S)
            if way.limit_bytes:
                data, over = data[: way.limit_bytes - passed], passed + len(data) > way.limit_bytes
            else:
                over = False
            passed += len(data)
            try:
                if data:
                    writer.write(data)
                    await writer.drain()
                elif not over and writer.can_write_eof():
                    writer.write_eof()
            except OSError:
                over = True
            if over:
                for end in ends:
                    end.close()
            if over or not data:
                return
            if way.bytes_per_s:
                await asyncio.sleep(len(data) / way.bytes_per_s)

    taking = asyncio.create_task(take())
    try:
        await give()
    finally:
        taking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await taking


@contextlib.asynccontextmanager
async def fault_proxy(target: tuple[str, int] | str) -> AsyncGenerator[FaultProxy]:
    """A proxy in front of `target`, for as long as the block lasts."""
    proxy = FaultProxy(target)
    server = await asyncio.start_server(proxy.take, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
