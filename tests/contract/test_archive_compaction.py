"""Compaction on every store of objects: no row is lost or seen twice, wherever it is killed and
whoever reads meanwhile."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.pipeline.archive import Archive, ArchiveError, Roll
from services.pipeline.archive.compaction import compact
from services.pipeline.archive.erasure import erase
from services.pipeline.archive.objects import Objects
from services.pipeline.archive.rows import by_hour, fold_hour
from tests.engines.archives import Dying, Killed, empty_objects
from tests.unit.services.pipeline.archived import BEHAVIOR, files

TOPIC = BEHAVIOR.name
KEY = ("tenant_id", "session_id", "stream_id", "seq", "idx")


@pytest.fixture(params=["folder", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Objects]:
    with empty_objects(request, request.param, tmp_path) as store:
        yield store


def filled(objects: Objects, rolls: int, after: Roll | None = None) -> Roll:
    """Rolls of 24 rows each."""
    archive, roll = Archive(objects), after
    for _ in range(rolls):
        number = roll.number + 1 if roll else 1
        roll = archive.write(TOPIC, files(number), {3: 10 * number}, roll)
    assert roll is not None
    return roll


def rows(archive: Archive) -> Counter[tuple[object, ...]]:
    """What manifests name."""
    found: Counter[tuple[object, ...]] = Counter()
    for of_one in by_hour(archive.files(TOPIC)).values():
        tables = fold_hour(archive, TOPIC, of_one, list)
        for table in tables:
            found.update(zip(*(table[name].to_pylist() for name in KEY), strict=True))
    return found


def parts(store: Objects) -> list[str]:
    return [key for key in store.keys(f"{TOPIC}/") if key.endswith(".parquet")]


def test_small_files_become_one_an_hour_sorted_by_session(objects: Objects) -> None:
    filled(objects, 5)
    archive = Archive(objects)
    before = rows(archive)
    done = list(compact(archive, TOPIC, BEHAVIOR.order))
    assert [(one.day, one.rows, one.files_before, one.files_after) for one in done] == [
        ("tenant=..%2Fb/date=2025-10-09", 30, 5, 1),
        ("tenant=acme/date=2025-10-09", 90, 10, 2),
    ]
    assert rows(archive) == before
    assert set(before.values()) == {1}
    assert len(archive.files(TOPIC)) == len(parts(objects)) == 3
    # The newest roll's manifest stays: it says how far the log is archived.
    assert [roll.number for roll in archive.rolls(TOPIC)] == [5]
    for file in archive.files(TOPIC):
        table = archive.read(TOPIC, file)
        places = list(zip(table["session_id"].to_pylist(), table["seq"].to_pylist(), strict=True))
        assert places == sorted(places)
        assert table.num_rows == file.rows
    assert objects.keys("_staging/") == []
    assert list(compact(archive, TOPIC, BEHAVIOR.order)) == []
    assert sum(table.num_rows for table in archive.newest(TOPIC, ["seq"])) == sum(before.values())
    assert archive.recover(TOPIC) == archive.rolls(TOPIC)[0]


def test_what_comes_later_is_merged_with_what_was(objects: Objects) -> None:
    roll = filled(objects, 3)
    archive = Archive(objects)
    list(compact(archive, TOPIC, BEHAVIOR.order))
    filled(objects, 4, after=roll)
    before = rows(archive)
    list(compact(archive, TOPIC, BEHAVIOR.order))
    assert rows(archive) == before
    assert len(archive.files(TOPIC)) == len(parts(objects)) == 3


def test_a_roll_that_is_written_again_after_a_compaction_counts_once(objects: Objects) -> None:
    """Its manifest stood, but S3 went away before its writer heard so."""
    first = filled(objects, 1)
    dying = Dying(objects, 5)  # three staged, the manifest written
    with pytest.raises(Killed):
        Archive(dying).write(TOPIC, files(2), {3: 20}, first)
    archive = Archive(objects)
    before = rows(archive)
    assert sum(before.values()) == 48
    list(compact(archive, TOPIC, BEHAVIOR.order))
    archive.write(TOPIC, files(2), {3: 20}, first)
    assert rows(archive) == before
    assert len(archive.files(TOPIC)) == len(parts(objects)) == 3
    assert objects.keys("_staging/") == []


def test_the_rows_of_a_session_are_erased_everywhere(objects: Objects) -> None:
    roll = filled(objects, 3)
    archive = Archive(objects)
    list(compact(archive, TOPIC, BEHAVIOR.order))
    filled(objects, 2, after=roll)
    before = rows(archive)
    gone = list(erase(archive, TOPIC, "acme", {"s1", "nobody"}))
    assert [(one.day, one.rows) for one in gone] == [("tenant=acme/date=2025-10-09", 5 * 6)]
    after = rows(archive)
    assert after == Counter(
        {key: count for key, count in before.items() if key[:2] != ("acme", "s1")}
    )
    assert all(b"s1" not in objects.get(key) for key in parts(objects) if "tenant=acme" in key)
    assert len(archive.files(TOPIC)) == len(parts(objects))
    assert list(erase(archive, TOPIC, "acme", {"s1"})) == []
    list(compact(archive, TOPIC, BEHAVIOR.order))
    assert rows(archive) == after


def test_a_session_that_was_alone_leaves_no_file(objects: Objects) -> None:
    filled(objects, 2)
    archive = Archive(objects)
    list(erase(archive, TOPIC, "../b", {"s1"}))
    assert archive.files(TOPIC, tenant="../b") == []
    assert [key for key in parts(objects) if "..%2Fb" in key] == []


def test_files_near_the_target_stay_as_they_are(objects: Objects) -> None:
    filled(objects, 3)
    archive = Archive(objects)
    before = [file.path for file in archive.files(TOPIC)]
    smallest = min(file.size for file in archive.files(TOPIC))
    list(compact(archive, TOPIC, BEHAVIOR.order, target_bytes=smallest))
    assert [file.path for file in archive.files(TOPIC)] == before
    assert [roll.number for roll in archive.rolls(TOPIC)] == [3]


def test_killed_anywhere_nothing_is_lost_or_twice(objects: Objects) -> None:
    change = 0
    while True:
        change += 1
        begun = Archive(objects).recover(TOPIC)
        filled(objects, 3, after=begun)
        before = rows(Archive(objects))
        dying = Dying(objects, change)
        try:
            list(compact(Archive(dying), TOPIC, BEHAVIOR.order))
        except Killed:
            # Readers are right at once; whoever only lists files is, from the next start on.
            assert rows(Archive(objects)) == before
        archive = Archive(objects)
        archive.recover(TOPIC)
        assert rows(archive) == before
        assert len(parts(objects)) == len(archive.files(TOPIC))
        assert objects.keys("_staging/") == []
        list(compact(archive, TOPIC, BEHAVIOR.order))
        assert rows(archive) == before
        if not dying.reached:
            break
    assert change > 20


def test_a_reader_beside_it_sees_every_row_once(objects: Objects) -> None:
    roll = filled(objects, 2)
    before = rows(Archive(objects))
    over = threading.Event()
    seen: list[Counter[tuple[object, ...]]] = []

    def read() -> None:
        while not over.is_set():
            seen.append(rows(Archive(objects)))

    reading = threading.Thread(target=read)
    reading.start()
    try:
        for _ in range(8):
            roll = filled(objects, 2, after=roll)
            list(compact(Archive(objects), TOPIC, BEHAVIOR.order))
    finally:
        over.set()
        reading.join()
    assert seen
    for found in seen:
        assert found.keys() >= before.keys()
        assert set(found.values()) == {1}
    assert rows(Archive(objects)) >= seen[-1]


def test_a_damaged_file_is_not_merged(objects: Objects) -> None:
    filled(objects, 3)
    archive = Archive(objects)
    (first, *_) = archive.rolls(TOPIC)[0].files
    objects.put(f"{TOPIC}/{first.path}", b"PAR1")
    with pytest.raises(ArchiveError, match="not what was written"):
        list(compact(archive, TOPIC, BEHAVIOR.order))
    assert len(archive.files(TOPIC, tenant="acme")) == 6
    assert not archive.rewriting.locked()
