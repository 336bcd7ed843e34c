"""The disk under the log is full: its engine dies and dies again, writers wait, and all goes on
alone once there is room.

A full disk is a file that may not grow (RLIMIT_FSIZE): the engine's write fails in the same place.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cli.engines import Command, Engine, LogValkey, SocketFolder
from services.common.log import (
    OUTCOME,
    Append,
    EventLog,
    LogFull,
    LogUnavailable,
    Record,
    open_log,
)
from tests.engines.kafka.broker import Broker
from tests.engines.kafka.jars import NoBroker, jars
from tests.engines.kept import Kept, kept

MB = 1 << 20
ROOM = 12 * MB
"""Kafka's own indexes take 10 MB each."""
ENTRIES = 20
pytestmark = pytest.mark.skipif(shutil.which("prlimit") is None, reason="no prlimit here")


class CrampedValkey(LogValkey):
    """Valkey on a disk with little room."""

    room: int | None = ROOM

    def command(self) -> Command:
        return cramped(super().command(), self.room)


class CrampedBroker(Broker):
    """Kafka on a disk with little room."""

    room: int | None = ROOM

    def command(self) -> Command:
        return cramped(super().command(), self.room)


def cramped(command: Command, room: int | None) -> Command:
    """The same command with a limit to the size of its files."""
    if room is None:
        return command
    return replace(command, argv=("prlimit", f"--fsize={room}", *command.argv))


@asynccontextmanager
async def cramped_log(kind: str, folder: Path) -> AsyncGenerator[tuple[EventLog, Kept]]:
    """A log on little room, and its engine, which is started again when it dies."""
    sockets = SocketFolder.of(folder)
    if kind == "valkey":
        engine: Engine = CrampedValkey(folder / "log", sockets.create())
    else:
        try:
            jars()
        except NoBroker as error:
            pytest.skip(str(error))
        engine = CrampedBroker(folder / "kafka")
    try:
        async with kept(engine) as keeper:
            log = open_log(engine.url)
            try:
                yield log, keeper
            finally:
                await log.close()
    finally:
        sockets.remove()


async def until_written(log: EventLog, number: int) -> None:
    """Append a megabyte that nothing can make smaller, however often that takes."""
    record = Record(str(number).encode(), os.urandom(MB))
    while True:
        try:
            await log.append([Append(OUTCOME, 3, [record])])
            return
        except LogUnavailable:
            await asyncio.sleep(0.1)


async def fill(log: EventLog) -> None:
    """Append more than there is room for."""
    for _ in range(ENTRIES):
        await log.append([Append(OUTCOME, 3, [Record(b"k", os.urandom(MB))])])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["valkey", "kafka"])
async def test_a_full_disk_is_waited_out(kind: str, tmp_path: Path) -> None:
    written: list[int] = []

    async with cramped_log(kind, tmp_path) as (log, keeper):
        await log.ends(OUTCOME)

        async def write() -> None:
            for number in range(ENTRIES):
                await until_written(log, number)
                written.append(number)

        writing = asyncio.create_task(write())
        try:
            async with asyncio.timeout(120):
                while keeper.starts < 2:  # it has died of it at least once
                    assert not writing.done()
                    await asyncio.sleep(0.05)
            assert len(written) * MB <= ROOM
            assert isinstance(keeper.engine, CrampedValkey | CrampedBroker)
            keeper.engine.room = None
            async with asyncio.timeout(150):
                await writing
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
        place, found = 0, list[int]()
        while entries := await log.read(OUTCOME, {3: place}, limit=4):
            place = entries[-1].offset
            found += [int(record.key) for entry in entries for record in entry.records]
    assert set(found) == set(range(ENTRIES))
    assert list(dict.fromkeys(found)) == sorted(set(found))


async def test_a_valkey_without_memory_says_that_it_is_full_until_it_is_trimmed(
    tmp_path: Path,
) -> None:
    sockets = SocketFolder.of(tmp_path)
    engine = LogValkey(tmp_path / "log", sockets.create())
    log = open_log(engine.start())
    try:
        engine.ask("CONFIG", "SET", "maxmemory", str(12 * MB))
        with pytest.raises(LogFull):
            await fill(log)
        assert await log.fullness() > 0.8
        await log.trim(OUTCOME, await log.ends(OUTCOME))
        assert await log.append([Append(OUTCOME, 3, [Record(b"k", b"v")])])
    finally:
        await log.close()
        engine.stop()
        sockets.remove()
