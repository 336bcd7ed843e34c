"""Compaction on every store of objects: no row is lost or seen twice, wherever it is killed and
whoever reads meanwhile."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from services.pipeline.archive import Archive, ArchiveFile, Damaged, Roll, Superseded
from services.pipeline.archive.compaction import compact
from services.pipeline.archive.erasure import erase
from services.pipeline.archive.manifest import roll_lines
from services.pipeline.archive.objects import Objects
from services.pipeline.archive.rows import by_hour, fold_hour
from tests.engines.archives import Dying, Interrupted, Killed, empty_objects
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


def slow_clock() -> Callable[[], float]:
    """Of a process to which a quarter of an hour passes between any two looks at it."""
    return itertools.count(0.0, 900.0).__next__


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
    newest = [file for file in archive.newest(TOPIC, 0) if file is not None]
    assert sum(file.rows for file in newest) == sum(before.values())
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
    archive = Archive(dying)
    with pytest.raises(Killed):
        archive.write(TOPIC, files(2), {3: 20}, first)
    before = rows(archive)
    assert sum(before.values()) == 48
    dying.back()
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
        archive = Archive(objects, slow_clock())
        archive.recover(TOPIC)
        assert rows(archive) == before
        assert len(parts(objects)) == len(archive.files(TOPIC))
        list(compact(archive, TOPIC, BEHAVIOR.order))
        assert rows(archive) == before
        assert objects.keys("_staging/") == []
        if not dying.reached:
            break
    assert change > 20


def test_a_process_that_starts_beside_it_costs_no_row(objects: Objects) -> None:
    """Held up at a change while the next one starts, and killed before the change after it."""
    at, reached = 1, True
    while reached:
        at += 5
        filled(objects, 2, after=Archive(objects).recover(TOPIC))
        before = rows(Archive(objects))
        held_up = Interrupted(objects, at, lambda: Archive(objects).recover(TOPIC), at + 1)
        archive = Archive(held_up)
        with contextlib.suppress(Killed, Superseded):
            archive.recover(TOPIC)
            list(compact(archive, TOPIC, BEHAVIOR.order))
        assert rows(Archive(objects)) == before
        archive = Archive(objects, slow_clock())
        archive.recover(TOPIC)
        assert rows(archive) == before
        archive.settle(TOPIC)
        assert rows(archive) == before
        assert objects.keys("_staging/") == []
        reached = held_up.reached
    assert at > 10


def test_who_is_not_the_writer_any_more_replaces_no_day(objects: Objects) -> None:
    """What it knows of rolls is old: its days would leave out what came since."""
    present = Archive(objects)

    def taken_over() -> None:
        roll = present.recover(TOPIC)
        assert roll is not None
        for _ in range(2):
            roll = present.write(TOPIC, files(roll.number + 1), {3: 10 * roll.number}, roll)
        list(compact(present, TOPIC, BEHAVIOR.order))

    # Seven changes a roll; then it has noted what it will replace, and is about to stage.
    former = Archive(Interrupted(objects, 2 * 7 + 2, taken_over))
    roll = former.write(TOPIC, files(), {3: 10}, None)
    former.write(TOPIC, files(2), {3: 20}, roll)
    with pytest.raises(Superseded, match="two pipelines"):
        list(compact(former, TOPIC, BEHAVIOR.order))
    found = rows(present)
    assert (sum(found.values()), set(found.values())) == (4 * 24, {1})


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


@pytest.mark.parametrize("forged", [False, True])
def test_a_damaged_file_costs_its_day_alone(objects: Objects, forged: bool) -> None:
    """Its rolls stay known, and the message names it; whether its manifest was forged with it."""
    filled(objects, 3)
    archive = Archive(objects)
    roll = archive.rolls(TOPIC)[1]
    (first, *_) = roll.files
    assert first.tenant == "acme"
    garbage = b"PAR1, but nothing of the kind"
    objects.put(f"{TOPIC}/{first.path}", garbage)
    if forged:
        changed = [replace(file, sha256=sha256(garbage).hexdigest()) for file in (first,)]
        files_of_it = (*changed, *roll.files[1:])
        key = f"{TOPIC}/_manifest/{roll.number:012d}.ndjson"
        objects.put(key, roll_lines(replace(roll, files=files_of_it)))
    compacting = compact(archive, TOPIC, BEHAVIOR.order)
    done = [next(compacting).day]
    with pytest.raises(Damaged, match=rf"{first.path} .*1 days of {TOPIC}"):
        next(compacting)
    assert done == ["tenant=..%2Fb/date=2025-10-09"]
    assert len(archive.files(TOPIC, tenant="acme")) == 6
    assert [one.number for one in archive.rolls(TOPIC)] == [1, 2, 3]
    assert (archive.days_skipped, archive.rewriting.locked()) == (1, False)
    with pytest.raises(Damaged, match=first.path):
        list(erase(archive, TOPIC, "acme", {"s1"}))
    gone = list(erase(archive, TOPIC, "../b", {"s1"}))
    assert [one.day for one in gone] == done


def test_one_merged_file_at_a_time_is_in_memory(objects: Objects) -> None:
    """However many a day has."""
    filled(objects, 4)
    staged_before: list[int] = []

    class Watched(Archive):
        def read(
            self, topic: str, file: ArchiveFile, columns: Sequence[str] | None = None
        ) -> object:
            staged = [key for key in objects.keys("_staging/") if key.endswith(".parquet")]
            staged_before.append(len(staged))
            return super().read(topic, file, columns)

    archive = Watched(objects)
    list(compact(archive, TOPIC, BEHAVIOR.order))
    # The second hour of acme's day is read after the first was staged.
    assert max(staged_before) == 1


def test_what_a_day_took_over_while_it_was_staged_does_not_come_back(objects: Objects) -> None:
    """A roll counts, its files have no names yet, and then rows of it are erased."""
    first = filled(objects, 1)
    with contextlib.suppress(Killed):
        Archive(Dying(objects, 5)).write(TOPIC, files(2), {3: 20}, first)
    list(erase(Archive(objects), TOPIC, "acme", {"s1"}))
    archive = Archive(objects)
    archive.recover(TOPIC)
    assert parts(objects) == sorted(f"{TOPIC}/{file.path}" for file in archive.files(TOPIC))
    assert objects.keys("_staging/") == []
