"""The archive in a folder: what only folders have."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.common.settings import SettingsError
from services.pipeline.archive import ArchiveError, open_archive
from services.pipeline.arrow import pa, parquet
from tests.unit.services.pipeline.archived import BEHAVIOR, files


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


def test_full_disk_is_an_archive_error_and_the_same_roll_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    archive = open_archive(f"file://{tmp_path}")
    with monkeypatch.context() as patch:
        patch.setattr("services.pipeline.archive.folder.os.replace", full)
        with pytest.raises(ArchiveError, match="No space left"):
            archive.write(BEHAVIOR.name, files(), {3: 4}, None)
    assert archive.write(BEHAVIOR.name, files(), {3: 4}, None).number == 1
    assert len(sorted(tmp_path.rglob("part-*.parquet"))) == 3


def test_what_is_written_is_synced_before_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[str] = set()
    sync, replace = os.fsync, os.replace

    def noting(descriptor: int) -> None:
        synced.add(os.readlink(f"/proc/self/fd/{descriptor}"))
        sync(descriptor)

    def checking(source: Path, target: Path) -> None:
        if source.suffix == ".tmp":
            assert str(source) in synced
        replace(source, target)

    monkeypatch.setattr("services.pipeline.archive.folder.os.fsync", noting)
    monkeypatch.setattr("services.pipeline.archive.folder.os.replace", checking)
    open_archive(f"file://{tmp_path}").write(BEHAVIOR.name, files(), {3: 4}, None)
    assert str(tmp_path / BEHAVIOR.name / "_manifest") in synced


def test_whole_topic_reads_as_one_dataset(tmp_path: Path) -> None:
    open_archive(f"file://{tmp_path}").write(BEHAVIOR.name, files(), {3: 4}, None)
    table = parquet.read_table(tmp_path / BEHAVIOR.name)
    assert table.num_rows == 24
    assert pa.types.is_timestamp(table.schema.field("t").type)


@pytest.mark.parametrize("url", ["s3://", "gs://bucket", "file://relative", "/folder"])
def test_unknown_url_names_the_mend(url: str) -> None:
    with pytest.raises(SettingsError, match="SIQ_ARCHIVE_URL"):
        open_archive(url)
