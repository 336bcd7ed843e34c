"""The archive is taken up while somebody rewrites days: neither waits for the other for ever."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from services.pipeline import recalling
from services.pipeline.archive import Archive, ArchiveFile, Missing, Roll, Superseded
from services.pipeline.archive.compaction import TARGET_BYTES, compact
from services.pipeline.archive.folder import FolderObjects
from services.pipeline.archive_servicer import compacted
from services.pipeline.seen import SeenFrames
from services.pipeline.sinks import ArchiveSink
from services.pipeline.topics import TOPICS
from tests.unit.services.pipeline.archived import BEHAVIOR, files
from tests.unit.services.pipeline.messages import T0_MS, batch, delivered

_PATIENCE_S = 20


class Forgetting(Archive):
    """Its rolls are compacted just while they are read, the first time."""

    read_again = 0

    def newest(self, topic: str, since_ms: int) -> Iterator[ArchiveFile | None]:
        self.read_again += 1
        if self.read_again == 1:
            raise Missing("the manifest of a roll")
        return super().newest(topic, since_ms)


class Counting(FolderObjects):
    """Notes which part files are read."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.read: list[str] = []

    def get(self, key: str) -> bytes:
        if key.endswith(".parquet"):
            self.read.append(key)
        return super().get(key)


class Threaded(SeenFrames):
    """Notes on which threads it was told what it had seen."""

    threads: ClassVar[set[int]] = set()

    def recall(self, reduced: Any, *, all_known: bool) -> None:
        self.threads.add(threading.get_ident())
        super().recall(reduced, all_known=all_known)


def filled(archive: Archive, roll: Roll | None = None, stored_ms: int = T0_MS) -> Roll:
    """Three rolls."""
    for _ in range(3):
        number = roll.number + 1 if roll else 1
        roll = archive.write(BEHAVIOR.name, files(number, stored_ms), {3: 10 * number}, roll)
    assert roll is not None
    return roll


async def test_readers_that_start_do_not_starve_a_compaction(tmp_path: Path) -> None:
    archive = Archive(FolderObjects(tmp_path))
    filled(archive)
    # As few shared threads as readers: each of them waits for the compaction to end.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(len(TOPICS)))
    steps = compacted(archive, TARGET_BYTES, [BEHAVIOR])
    await anext(steps)
    starting = [
        asyncio.create_task(asyncio.to_thread(archive.recover, topic.name)) for topic in TOPICS
    ]
    await asyncio.sleep(0)
    async with asyncio.timeout(_PATIENCE_S):
        assert [done.topic async for done in steps] == [BEHAVIOR.name]
        await asyncio.gather(*starting)


async def test_who_is_slow_to_listen_holds_no_compaction_up(tmp_path: Path) -> None:
    """A client of the Compact call that reads no further: the day that it was told of first is not
    the last one done, and whoever starts meanwhile need not wait for it."""
    archive = Archive(FolderObjects(tmp_path))
    filled(archive)
    steps = compacted(archive, TARGET_BYTES, [BEHAVIOR])
    await anext(steps)
    async with asyncio.timeout(_PATIENCE_S):
        await asyncio.to_thread(archive.recover, BEHAVIOR.name)
    assert len(archive.files(BEHAVIOR.name)) == 3
    assert [done.files_after async for done in steps] == [2]


async def test_a_roll_forgotten_while_it_is_read_ends_nothing(tmp_path: Path) -> None:
    archive = Forgetting(FolderObjects(tmp_path))
    filled(archive)
    async with asyncio.timeout(_PATIENCE_S):
        await ArchiveSink(BEHAVIOR, archive).recover({3: 30})
    assert archive.read_again == 2


@pytest.mark.parametrize("compacting", [False, True])
async def test_a_start_reads_what_is_younger_than_repeats_can_be(
    tmp_path: Path, compacting: bool
) -> None:
    store = Counting(tmp_path)
    archive = Archive(store)
    now_ms = time.time_ns() // 1_000_000
    roll = filled(archive, filled(archive), now_ms - 26 * 3_600_000)
    if compacting:
        list(compact(archive, BEHAVIOR.name, BEHAVIOR.order))
    store.read.clear()
    # However long it stood still: the log repeats what was stored last.
    await ArchiveSink(BEHAVIOR, archive).recover({3: 1_000})
    assert len(store.read) == (3 if compacting else 9)
    filled(archive, roll, now_ms)
    if compacting:
        list(compact(archive, BEHAVIOR.name, BEHAVIOR.order))
    store.read.clear()
    sink = ArchiveSink(replace(BEHAVIOR, seen=Threaded), archive)
    await sink.recover({3: 1_000})
    assert len(store.read) == (3 if compacting else 9)
    assert threading.get_ident() not in Threaded.threads
    again = [delivered(batch(seq), BEHAVIOR.decode, offset=1_000 + seq) for seq in range(62, 100)]
    await sink.handle(again)
    assert sink.duplicates == 2  # 71 and 81


def repeated(*seqs: int) -> list[Any]:
    """Frames of a stream that is in all rolls, as 1, 11, 21."""
    return [
        delivered(batch(seq, session="s1"), BEHAVIOR.decode, offset=1_000 + seq) for seq in seqs
    ]


@pytest.mark.parametrize("damaged", [False, True])
async def test_a_file_that_cannot_be_read_costs_what_it_knew(tmp_path: Path, damaged: bool) -> None:
    archive = Archive(FolderObjects(tmp_path))
    for file in filled(archive).files:
        path = tmp_path / BEHAVIOR.name / file.path
        path.write_bytes(b"PAR1") if damaged else path.unlink()
    sink = ArchiveSink(BEHAVIOR, archive)
    async with asyncio.timeout(_PATIENCE_S):
        await sink.recover({3: 1_000})
    await sink.handle(repeated(1, 11, 21))
    assert sink.duplicates == 2


@pytest.mark.parametrize(("limits", "expected"), [((4, 1_000), 9), ((2, 1_000), 1), ((4, 20), 3)])
async def test_streams_count_once_however_many_files_have_them(
    tmp_path: Path, limits: tuple[int, int], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Counting(tmp_path)
    filled(Archive(store))
    store.read.clear()
    for name, limit in zip(("_MOST_KEYS", "_MOST_ROWS"), limits, strict=True):
        monkeypatch.setattr(recalling, name, limit)
    await ArchiveSink(BEHAVIOR, Archive(store)).recover({3: 1_000})
    assert len(store.read) == expected


async def test_who_was_overtaken_ends_and_goes_on_from_there(tmp_path: Path) -> None:
    """The last process still writes a roll while the next one has taken up the one before."""
    last, overtaken = (ArchiveSink(BEHAVIOR, Archive(FolderObjects(tmp_path))) for _ in range(2))
    await overtaken.recover({})
    await last.handle(repeated(1))
    async with asyncio.timeout(_PATIENCE_S):
        with pytest.raises(Superseded, match="two pipelines"):
            await overtaken.handle(repeated(1, 2))
    anew = ArchiveSink(BEHAVIOR, Archive(FolderObjects(tmp_path)))
    await anew.recover({3: 1_000_000})
    await anew.handle(repeated(1, 2))
    assert anew.duplicates == 1
