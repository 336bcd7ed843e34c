"""The archive is taken up while somebody rewrites days: neither waits for the other for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from services.pipeline.archive import Archive, Missing, Roll
from services.pipeline.archive.compaction import TARGET_BYTES
from services.pipeline.archive.folder import FolderObjects
from services.pipeline.archive_servicer import compacted
from services.pipeline.sinks import ArchiveSink
from services.pipeline.topics import TOPICS
from tests.unit.services.pipeline.archived import BEHAVIOR, files

_PATIENCE_S = 20


class Forgetting(Archive):
    """Its rolls are compacted just while they are read, the first time."""

    read_again = 0

    def newest(self, topic: str, columns: Sequence[str]) -> Iterator[Any]:
        self.read_again += 1
        if self.read_again == 1:
            raise Missing("the manifest of a roll")
        return super().newest(topic, columns)


def filled(archive: Archive) -> None:
    roll: Roll | None = None
    for number in range(1, 4):
        roll = archive.write(BEHAVIOR.name, files(number), {3: 10 * number}, roll)


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


async def test_a_roll_forgotten_while_it_is_read_ends_nothing(tmp_path: Path) -> None:
    archive = Forgetting(FolderObjects(tmp_path))
    filled(archive)
    async with asyncio.timeout(_PATIENCE_S):
        await ArchiveSink(BEHAVIOR, archive).recover({3: 30})
    assert archive.read_again == 2
