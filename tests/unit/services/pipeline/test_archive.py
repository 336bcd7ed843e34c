"""Rolls: whole or not at all, wherever a process is killed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from services.pipeline.archive import ArchiveError, FolderArchive, Roll, open_archive
from services.pipeline.arrow import pa, parquet
from services.pipeline.decode import decode_frame
from services.pipeline.event_rows import event_rows
from services.pipeline.split import split_by_hour
from services.pipeline.topics import TOPICS
from tests.unit.services.pipeline.messages import T0_MS, batch, delivered

BEHAVIOR = TOPICS[0]


def files(roll: int = 1) -> dict[str, Any]:
    """Two tenants, one of them in two hours."""
    deliveries = [
        delivered(item, decode_frame, offset=place + 1)
        for place, item in enumerate(
            [
                batch(2, session="s9"),
                batch(1, session="s1"),
                batch(1, session="s1", tenant="../b"),
                batch(3, session="s9", t0_ms=T0_MS + 3_600_000),
            ]
        )
    ]
    return split_by_hour(event_rows(deliveries, T0_MS), BEHAVIOR.order, roll)


def parts(folder: Path) -> list[Path]:
    return sorted(folder.rglob("part-*.parquet"))


def test_split_by_tenant_and_hour_and_sorted_by_session() -> None:
    found = files()
    assert sorted(found) == [
        "tenant=..%2Fb/date=2025-10-09/hour=08/part-03-000000000003-1.parquet",
        "tenant=acme/date=2025-10-09/hour=08/part-03-000000000001-1.parquet",
        "tenant=acme/date=2025-10-09/hour=09/part-03-000000000004-1.parquet",
    ]
    first = found["tenant=acme/date=2025-10-09/hour=08/part-03-000000000001-1.parquet"]
    assert first["session_id"].to_pylist() == ["s1"] * 6 + ["s9"] * 6
    assert first["idx"].to_pylist() == [0, 1, 2, 3, 4, 6] * 2


def test_roll_is_found_again_with_hashes_and_offsets(tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path)
    written = archive.write(BEHAVIOR.name, files(), {3: 4}, None)
    assert FolderArchive(tmp_path).recover(BEHAVIOR.name) == written
    assert sum(file.rows for file in written.files) == 24
    for file in written.files:
        path = tmp_path / BEHAVIOR.name / file.path
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
        assert parquet.read_metadata(path).row_group(0).column(0).compression == "ZSTD"
    assert written.files[0].offsets == {3: (1, 2)}


def test_rolls_add_up_their_places(tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path)
    first = archive.write(BEHAVIOR.name, files(), {3: 4}, None)
    second = archive.write(BEHAVIOR.name, files(2), {5: 9}, first)
    assert (second.number, dict(second.through)) == (2, {3: 4, 5: 9})
    newest = list(archive.newest(BEHAVIOR.name, ["session_id", "seq"]))
    assert [table.column_names for table in newest] == [["session_id", "seq"]] * 6


class _Killed(BaseException):
    """Stands for SIGKILL: nothing after it runs."""


def _write_killed_at_rename(number: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    renames = 0
    rename = os.replace

    def counting(source: Path, target: Path) -> None:
        nonlocal renames
        renames += 1
        if renames == number:
            raise _Killed
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("services.pipeline.archive.os.replace", counting)
        with pytest.raises(_Killed):
            FolderArchive(folder).write(BEHAVIOR.name, files(), {3: 4}, None)


def test_killed_before_its_manifest_a_roll_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write_killed_at_rename(1, tmp_path, monkeypatch)
    assert parts(tmp_path) == []
    assert FolderArchive(tmp_path).recover(BEHAVIOR.name) is None
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("rename", [2, 3, 4])
def test_killed_after_its_manifest_a_roll_is_finished(
    rename: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write_killed_at_rename(rename, tmp_path, monkeypatch)
    assert len(parts(tmp_path)) == rename - 2
    roll = FolderArchive(tmp_path).recover(BEHAVIOR.name)
    assert roll is not None
    assert len(parts(tmp_path)) == len(roll.files) == 3


def test_full_disk_is_an_archive_error_and_the_same_roll_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    archive = FolderArchive(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("services.pipeline.archive.os.replace", full)
        with pytest.raises(ArchiveError, match="No space left"):
            archive.write(BEHAVIOR.name, files(), {3: 4}, None)
    assert archive.write(BEHAVIOR.name, files(), {3: 4}, None).number == 1
    assert len(parts(tmp_path)) == 3


def test_damaged_manifest_says_so(tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path)
    roll: Roll = archive.write(BEHAVIOR.name, files(), {3: 4}, None)
    manifest = tmp_path / BEHAVIOR.name / "_manifest" / f"{roll.number:012d}.ndjson"
    manifest.write_text(manifest.read_text()[:-20])
    with pytest.raises(ArchiveError, match="damaged"):
        archive.recover(BEHAVIOR.name)


def test_whole_topic_reads_as_one_dataset(tmp_path: Path) -> None:
    FolderArchive(tmp_path).write(BEHAVIOR.name, files(), {3: 4}, None)
    table = parquet.read_table(tmp_path / BEHAVIOR.name)
    assert table.num_rows == 24
    assert pa.types.is_timestamp(table.schema.field("t").type)


def test_unknown_url_names_the_mend() -> None:
    with pytest.raises(ValueError, match="SIQ_ARCHIVE_URL"):
        open_archive("s3://bucket")
