"""Migrations of PostgreSQL: forward only, checksummed, one at a time, two versions side by side."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import asyncpg
import pytest
import pytest_asyncio

from cli.migrate import schemas
from services.common import postgres
from services.common.postgres import MigrationError, migrate

FIRST = "CREATE TABLE things (id bigint PRIMARY KEY, name text NOT NULL);"
SECOND = "ALTER TABLE things ADD COLUMN colour text NOT NULL DEFAULT '';"
# What takes from a version that still runs something that it uses. A constraint or an index is
# nothing that a statement names.
_TAKES = re.compile(
    r"DROP\s+(TABLE|COLUMN|SCHEMA|TYPE)|RENAME|ALTER\s+COLUMN\s+\w+\s+(SET\s+NOT\s+NULL|TYPE)"
    r"|ADD\s+COLUMN\s+\w+\s+\w+[^,;]*NOT\s+NULL(?![^,;]*(DEFAULT|GENERATED))",
    re.IGNORECASE,
)


@pytest_asyncio.fixture
async def connection(postgres_url: str) -> AsyncIterator[Any]:
    opened: Any = await cast("Any", asyncpg).connect(postgres_url)
    await opened.execute("DROP SCHEMA IF EXISTS things CASCADE")
    yield opened
    await opened.close()


def version(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name[1:]}.sql").write_text(text)
    return folder


async def test_many_at_once_apply_each_file_once(
    postgres_url: str, connection: Any, tmp_path: Path
) -> None:
    ours = version(tmp_path / "ours", _0001_first=FIRST, _0002_second=SECOND)
    done = await asyncio.gather(*(migrate(postgres_url, "things", ours) for _ in range(6)))
    assert sorted(done, key=len)[-1] == ["0001_first.sql", "0002_second.sql"]
    assert [names for names in done if names] == [["0001_first.sql", "0002_second.sql"]]
    assert await connection.fetchval("SELECT count(*) FROM things.migrations") == 2


async def test_a_changed_file_is_refused_and_nothing_is_applied(
    postgres_url: str, connection: Any, tmp_path: Path
) -> None:
    await migrate(postgres_url, "things", version(tmp_path / "a", _0001_first=FIRST))
    changed = version(tmp_path / "b", _0001_first=FIRST + " ", _0002_second=SECOND)
    with pytest.raises(MigrationError, match=r"things/0001_first\.sql .* restore it"):
        await migrate(postgres_url, "things", changed)
    assert await connection.fetchval("SELECT count(*) FROM things.migrations") == 1


async def test_a_file_that_fails_leaves_nothing_and_is_tried_again(
    postgres_url: str, connection: Any, tmp_path: Path
) -> None:
    broken = version(tmp_path / "a", _0001_first=FIRST, _0002_second=f"{SECOND} SELECT nonsense;")
    with pytest.raises(asyncpg.PostgresError):
        await migrate(postgres_url, "things", broken)
    assert await connection.fetchval("SELECT count(*) FROM things.migrations") == 1
    mended = version(tmp_path / "b", _0001_first=FIRST, _0002_second=SECOND)
    assert await migrate(postgres_url, "things", mended) == ["0002_second.sql"]


async def test_the_older_version_starts_and_works_on_the_newer_schema(
    postgres_url: str, connection: Any, tmp_path: Path
) -> None:
    old = version(tmp_path / "old", _0001_first=FIRST)
    new = version(tmp_path / "new", _0001_first=FIRST, _0002_second=SECOND)
    await migrate(postgres_url, "things", old)
    await migrate(postgres_url, "things", new)
    assert await migrate(postgres_url, "things", old) == []
    await connection.execute("INSERT INTO things.things (id, name) VALUES (1, 'of the old one')")
    assert await connection.fetchval("SELECT colour FROM things.things") == ""


async def test_a_schema_of_another_line_is_refused(
    postgres_url: str, connection: Any, tmp_path: Path
) -> None:
    theirs = version(tmp_path / "a", _0001_first=FIRST, _0002_other=SECOND)
    ours = version(tmp_path / "b", _0001_first=FIRST, _0003_third=SECOND)
    await migrate(postgres_url, "things", theirs)
    with pytest.raises(MigrationError, match=r"0002_other\.sql .* not among ours"):
        await migrate(postgres_url, "things", ours)


async def test_a_table_that_is_held_does_not_hold_up_everybody(
    postgres_url: str, connection: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ALTER TABLE waits for the longest transaction, and all who come later wait for it."""
    monkeypatch.setattr("services.common.postgres._LOCK_TIMEOUT_S", 1)
    await migrate(postgres_url, "things", version(tmp_path / "a", _0001_first=FIRST))
    new = version(tmp_path / "b", _0001_first=FIRST, _0002_second=SECOND)
    async with connection.transaction():
        await connection.fetchval("SELECT count(*) FROM things.things")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await migrate(postgres_url, "things", new)
    assert await migrate(postgres_url, "things", new) == ["0002_second.sql"]


@pytest.mark.parametrize("schema", sorted(schemas()))
def test_no_migration_takes_what_an_older_version_uses(schema: str) -> None:
    """Add, fill, and take away two versions later: then write here which, and why it is safe."""
    found = {
        path.name: match.group()
        for path in schemas()[schema].glob("*.sql")
        if (match := _TAKES.search(path.read_text()))
    }
    assert found == {}


async def test_no_statement_costs_another_one(postgres_url: str):
    pool = await postgres.connect(postgres_url, schema="public")
    heard: list[str] = []
    statement = "SELECT $1::bigint[], $2::boolean[], $3::bytea[], $4::smallint[], $5::date[]"

    def hear(record: Any) -> None:
        heard.append(record.query)

    try:
        async with pool.acquire() as connection:
            connection.add_query_logger(hear)
            await connection.fetch(statement, [1], [True], [b"a"], [2], [])
        async with pool.acquire() as connection:
            pass
    finally:
        await pool.close()
    assert heard == [statement]
