"""Keys of tenants and subjects on real PostgreSQL: made once, never remembered wrongly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from services.common.errors import NotFound
from services.common.postgres import connect, migrate
from services.identity.database import Database
from services.identity.pii import Pii
from services.identity.privacy import vault as vaults
from services.identity.privacy.aead import PiiError
from services.identity.privacy.keks import FileKeks
from services.identity.privacy.subjects import DataSubject
from services.identity.privacy.vault import Vault
from services.identity.server import MIGRATIONS, SCHEMA

SECRET = b"s" * 32
JANE, JOE = DataSubject("user", "jane"), DataSubject("user", "joe")
AT = ("t1", "s1", "email")


def vault() -> Vault:
    """That of a replica that has just started."""
    return Vault(FileKeks(SECRET), Pii(SECRET))


@pytest.fixture
async def database(postgres_url: str) -> AsyncGenerator[Database, None]:
    await migrate(postgres_url, SCHEMA, MIGRATIONS)
    pool: Any = await connect(postgres_url, schema=SCHEMA)
    await pool.execute("TRUNCATE tenants CASCADE")
    for tenant in ("t1", "t2"):
        await pool.execute("INSERT INTO tenants VALUES ($1, '', '', false)", tenant)
    yield Database(pool)
    await pool.close()


async def sealed(database: Database, by: Vault, text: str, subject: DataSubject = JANE) -> bytes:
    async with database.transaction() as connection:
        return (await by.sealer(connection, "t1", subject)).seal(text, *AT)


async def opened(database: Database, by: Vault, stored: bytes, *at: str) -> str:
    place = at or AT
    async with database.connection() as connection:
        return (await by.opened(connection, place[0], [stored])).text(stored, *place)


async def test_another_replica_opens_what_was_sealed(database: Database) -> None:
    stored = await sealed(database, vault(), "jane@mail.example")
    assert b"jane" not in stored
    assert await opened(database, vault(), stored) == "jane@mail.example"
    assert await opened(database, vault(), b"") == ""


async def test_a_value_moved_elsewhere_does_not_open(database: Database) -> None:
    stored = await sealed(database, vault(), "jane@mail.example")
    with pytest.raises(PiiError, match="name"):
        await opened(database, vault(), stored, "t1", "s1", "name")
    with pytest.raises(PiiError, match="email"):
        await opened(database, vault(), stored, "t1", "s2", "email")
    with pytest.raises(PiiError, match="subject_keys"):
        await opened(database, vault(), stored, "t2", "s1", "email")
    with pytest.raises(PiiError, match="email"):
        await opened(database, vault(), stored[:-1] + bytes([stored[-1] ^ 1]))


async def test_all_who_are_first_at_once_have_one_key(database: Database) -> None:
    replicas = [vault() for _ in range(8)]
    values = await asyncio.gather(*(sealed(database, by, "x") for by in replicas))
    one = vault()
    assert [await opened(database, one, value) for value in values] == ["x"] * 8


async def test_keys_of_what_was_rolled_back_are_not_remembered(database: Database) -> None:
    by = vault()

    async def rolled_back() -> None:
        async with database.transaction() as connection:
            await by.sealer(connection, "t1", JANE)
            await by.sealer(connection, "t1", JOE)
            raise RuntimeError("rolled back")

    with pytest.raises(RuntimeError):
        await rolled_back()
    # Another makes the keys that then are there.
    other = vault()
    stored = await sealed(database, other, "x")
    assert await opened(database, by, stored) == "x"
    assert await opened(database, other, await sealed(database, by, "y", JOE)) == "y"
    async with database.connection() as connection:
        assert await by.index(connection, "t1") == await other.index(connection, "t1")


async def test_blind_index_is_the_tenants_own(database: Database) -> None:
    async with database.connection() as connection:
        mine, foreign = [await vault().index(connection, tenant) for tenant in ("t1", "t2")]
        assert mine.blind("Jane@mail.example") == mine.blind("jane@mail.example")
        assert mine.blind("jane@mail.example") != foreign.blind("jane@mail.example")
        assert mine.pseudonym(JANE) != foreign.pseudonym(JANE)
        assert mine.pseudonym(JANE) != mine.pseudonym(DataSubject("session", "jane"))
        assert mine.blind("") is None
        with pytest.raises(NotFound):
            async with database.connection() as fresh:
                await vault().index(fresh, "nobody")


async def test_few_keys_are_kept_in_memory(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vaults, "_MOST_SUBJECTS", 3)
    by = vault()
    subjects = [DataSubject("user", f"u{number}") for number in range(10)]
    values = [await sealed(database, by, one.name, one) for one in subjects]
    for _ in range(2):
        # One call needs more than are kept: it has them all the same.
        async with database.connection() as connection:
            held = await by.opened(connection, "t1", values)
        assert [held.text(value, *AT) for value in values] == [one.name for one in subjects]
    assert len(by._subjects) == 3  # pyright: ignore[reportPrivateUsage]
