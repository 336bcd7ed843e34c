"""What the archive must do on every store of objects: rolls are whole or not there, wherever a
process is killed. One suite; stores are its parameters."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.pipeline.archive import Archive, ArchiveError, Missing, Superseded
from services.pipeline.archive.objects import Objects
from services.pipeline.arrow import pa, parquet
from tests.engines.archives import Dying, Interrupted, Killed, empty_objects
from tests.unit.services.pipeline.archived import BEHAVIOR, files

TOPIC = BEHAVIOR.name


@pytest.fixture(params=["folder", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Objects]:
    with empty_objects(request, request.param, tmp_path) as store:
        yield store


def parts(store: Objects) -> list[str]:
    """The part files that anybody finds who does not read manifests."""
    return [key for key in store.keys(f"{TOPIC}/") if key.endswith(".parquet")]


def test_objects_are_written_read_listed_and_removed(objects: Objects) -> None:
    keys = ["a/tenant=..%2Fb%C3%A9/x", "a/y", "ab/z"]
    for key in keys:
        objects.put(key, key.encode())
    objects.put("a/y", b"again")
    assert objects.keys("a/") == keys[:2]
    assert objects.keys("a/", deep=False) == ["a/y"]
    assert [objects.get(key) for key in keys] == [keys[0].encode(), b"again", b"ab/z"]
    objects.delete([keys[0], "a/nothing"])
    assert (objects.keys("a/"), objects.keys("none/")) == (["a/y"], [])
    with pytest.raises(Missing):
        objects.get(keys[0])


def test_an_object_is_created_once(objects: Objects) -> None:
    assert [objects.create("a/x", blob) for blob in (b"1", b"2")] == [True, False]
    assert objects.get("a/x") == b"1"


def test_objects_are_moved_and_moving_may_be_repeated(objects: Objects) -> None:
    objects.put("a/x", b"1")
    pairs = [("a/x", "b/c/x"), ("a/gone", "b/gone")]
    objects.move(pairs)
    objects.move(pairs)
    assert (objects.keys("a/"), objects.keys("b/")) == ([], ["b/c/x"])
    assert objects.get("b/c/x") == b"1"


def test_what_was_deleted_before_it_was_moved_is_noticed(objects: Objects) -> None:
    objects.put("here", b"1")
    objects.move([("here", "there")], strict=True)
    objects.move([("here", "there")], strict=True)
    objects.move([("nowhere", "elsewhere")])
    with pytest.raises(ArchiveError, match="elsewhere"):
        objects.move([("nowhere", "elsewhere")], strict=True)


def test_large_objects_come_back_as_they_were(objects: Objects) -> None:
    blob = os.urandom(20 << 20)  # more than two parts of an upload
    objects.put("large", blob)
    objects.move([("large", "moved")])
    assert objects.get("moved") == blob


def test_roll_is_found_again_with_hashes_and_offsets(objects: Objects) -> None:
    written = Archive(objects).write(TOPIC, files(), {3: 4}, None)
    archive = Archive(objects)
    assert archive.recover(TOPIC) == written
    assert sum(file.rows for file in written.files) == 24
    assert parts(objects) == sorted(f"{TOPIC}/{file.path}" for file in written.files)
    for file in written.files:
        blob = objects.get(f"{TOPIC}/{file.path}")
        assert (hashlib.sha256(blob).hexdigest(), len(blob)) == (file.sha256, file.size)
        meta = parquet.read_metadata(pa.BufferReader(blob))
        assert meta.row_group(0).column(0).compression == "ZSTD"
    assert written.files[0].offsets == {3: (1, 2)}
    assert archive.files(TOPIC) == sorted(written.files, key=lambda file: file.path)
    assert [file.tenant for file in archive.files(TOPIC)] == ["../b", "acme", "acme"]
    found = archive.files(TOPIC, tenant="../b", first="2025-10-09", last="2025-10-09")
    assert [file.hour for file in found] == ["2025-10-09T08"]
    assert archive.files(TOPIC, first="2025-10-10") == []


def test_rolls_add_up_their_places(objects: Objects) -> None:
    archive = Archive(objects)
    first = archive.write(TOPIC, files(), {3: 4}, None)
    second = archive.write(TOPIC, files(2), {5: 9}, first)
    assert (second.number, dict(second.through)) == (2, {3: 4, 5: 9})
    newest = [file.roll for file in archive.newest(TOPIC, 0) if file is not None]
    assert newest == [2, 2, 2, 1, 1, 1]
    (first_file, *_) = first.files
    assert archive.read(TOPIC, first_file, ["session_id", "seq"]).num_columns == 2


@pytest.mark.parametrize("change", range(1, 9))
def test_killed_anywhere_a_roll_is_whole_or_not_there(objects: Objects, change: int) -> None:
    first = Archive(objects).write(TOPIC, files(), {3: 4}, None)
    before = parts(objects)
    dying = Dying(objects, change)
    through = {3: 9}
    try:
        Archive(dying).write(TOPIC, files(2), through, first)
    except Killed:
        assert dying.reached
    else:
        assert change == 8  # three are staged, the manifest is written, three are moved
    counts = change > 4
    assert (len(parts(objects)) > len(before)) == (change > 5)
    archive = Archive(objects)
    found = archive.recover(TOPIC)
    assert found is not None
    assert dict(found.through) == (through if counts else {3: 4})
    assert len(parts(objects)) == len(archive.files(TOPIC)) == 6 if counts else 3
    assert objects.keys("_staging/") == []
    # And the next process goes on from there.
    archive.write(TOPIC, files(found.number + 1), {3: 11}, found)
    assert len(archive.files(TOPIC)) == (9 if counts else 6)


def test_a_roll_that_is_not_known_to_be_written_is_written_again(objects: Objects) -> None:
    archive = Archive(objects)
    roll = archive.write(TOPIC, files(), {3: 4}, None)
    assert archive.write(TOPIC, files(), {3: 4}, None) == roll
    assert len(parts(objects)) == 3


def test_a_second_writer_is_noticed(objects: Objects) -> None:
    archive = Archive(objects)
    archive.write(TOPIC, files(), {3: 4}, None)
    with pytest.raises(ArchiveError, match="two pipelines"):
        archive.write(TOPIC, files(), {5: 1}, None)


@pytest.mark.parametrize("at", range(1, 8))
@pytest.mark.parametrize("later", [0, 1, 100])
def test_a_process_that_starts_beside_a_writer_costs_it_no_row(
    objects: Objects, at: int, later: int
) -> None:
    """The writer is held up at a change while the next one starts; then it is killed, or not."""
    first = Archive(objects).write(TOPIC, files(), {3: 4}, None)
    held_up = Interrupted(objects, at, lambda: Archive(objects).recover(TOPIC), at + later)
    with contextlib.suppress(Killed, Superseded):
        Archive(held_up).write(TOPIC, files(2), {3: 9}, first)
    archive = Archive(objects)
    found = archive.recover(TOPIC)
    assert found is not None
    whole = {4: 24, 9: 48}[found.through[3]]
    assert sum(archive.read(TOPIC, file).num_rows for file in archive.files(TOPIC)) == whole
    assert len(parts(objects)) == len(archive.files(TOPIC))
    assert objects.keys("_staging/") == []


def test_two_writers_do_not_mix_what_they_stage(objects: Objects) -> None:
    """Batches of two processes are cut elsewhere, but their files have the same names."""

    def other() -> None:
        with pytest.raises(Killed):
            Archive(Dying(objects, 4)).write(TOPIC, shorter, {3: 3}, None)

    shorter = {path: table.slice(0, table.num_rows - 1) for path, table in files().items()}
    archive = Archive(Interrupted(objects, 4, other))  # three are staged, next comes the manifest
    roll = archive.write(TOPIC, files(), {3: 4}, None)
    assert sum(archive.read(TOPIC, file).num_rows for file in roll.files) == 24
    Archive(objects).recover(TOPIC)
    assert objects.keys("_staging/") == []
    assert sum(archive.read(TOPIC, file).num_rows for file in archive.files(TOPIC)) == 24


def test_damage_says_so(objects: Objects) -> None:
    archive = Archive(objects)
    roll = archive.write(TOPIC, files(), {3: 4}, None)
    (first, *_) = roll.files
    objects.put(f"{TOPIC}/{first.path}", b"PAR1")
    with pytest.raises(ArchiveError, match="not what was written"):
        archive.read(TOPIC, first)
    key = f"{TOPIC}/_manifest/000000000001.ndjson"
    whole = objects.get(key)
    objects.put(key, whole[:-20])
    with pytest.raises(ArchiveError, match="damaged"):
        archive.recover(TOPIC)
    objects.put(key, whole.replace(b'"schema": 1', b'"schema": 99'))
    with pytest.raises(ArchiveError, match="schema 99"):
        archive.recover(TOPIC)


def test_files_of_an_older_version_are_read_and_their_rolls_finished(objects: Objects) -> None:
    roll = Archive(objects).write(TOPIC, files(), {3: 4}, None)
    (first, *_) = roll.files
    objects.move([(f"{TOPIC}/{first.path}", f"_staging/{TOPIC}/{first.path.replace('/', '%')}")])
    lines: list[Any] = [
        f'{{"file": "{file.path}", "rows": {file.rows}, "sha256": "{file.sha256}",'
        f' "offsets": {{"3": {list(file.offsets[3])}}}}}'
        for file in roll.files
    ]
    text = "\n".join([*lines, '{"roll": 1, "through": {"3": 4}}']) + "\n"
    objects.put(f"{TOPIC}/_manifest/000000000001.ndjson", text.encode())
    archive = Archive(objects)
    found = archive.recover(TOPIC)
    assert found is not None
    assert (found.number, dict(found.through)) == (1, {3: 4})
    assert sum(archive.read(TOPIC, file).num_rows for file in archive.files(TOPIC)) == 24
    assert len(parts(objects)) == 3
