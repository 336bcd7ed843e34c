"""Somebody who may write anything to the database, for a test of the audit."""

from __future__ import annotations

import hashlib
import random
from typing import Any

from services.common.audit.record import COLUMNS, Record, chained


class Forger:
    """Who can write anything to the database, but does not hold the key."""

    def __init__(self, connection: Any, tenant: str, rows: list[Record], luck: random.Random):
        self._connection = connection
        self._tenant = tenant
        self._rows = rows
        self._luck = luck

    async def edit(self) -> None:
        row = self._luck.choice(self._rows)
        column = self._luck.choice(Record._fields[2:])
        value: Any = getattr(row, column)
        if isinstance(value, bytes):
            value = bytes([value[0] ^ 1]) + value[1:]
        else:
            value = value + 1 if isinstance(value, int) else f"{value}x"
        changed = row._replace(**{column: value})
        if column != "hash" and self._luck.random() < 0.5:
            changed = changed._replace(hash=self._hashed(changed))
        await self._write([*(changed if one is row else one for one in self._rows)])

    async def drop(self) -> None:
        gone = self._luck.randrange(len(self._rows) - 1)
        rows = [one for place, one in enumerate(self._rows) if place != gone]
        await self._write(rows if self._luck.random() < 0.5 else self._numbered(rows))

    async def insert(self) -> None:
        place = self._luck.randrange(len(self._rows))
        made = self._rows[place]._replace(actor="forger")
        rows = [*self._rows[:place], made, *self._rows[place:]]
        await self._write(self._numbered(rows))

    async def reorder(self) -> None:
        rows = list(self._rows)
        one, other = self._luck.sample(range(len(rows)), 2)
        rows[one], rows[other] = rows[other], rows[one]
        await self._write(self._numbered(rows, relink=self._luck.random() < 0.5))

    async def truncate(self) -> None:
        await self._write(self._rows[: self._luck.randrange(len(self._rows))])

    async def fork(self) -> None:
        """Another history from some record on, in itself consistent but for the key."""
        place = self._luck.randrange(len(self._rows))
        told = [row._replace(detail='{"n":-1}') for row in self._rows[place:]]
        await self._write([*self._rows[:place], *self._numbered(told, place, relink=True)])

    def _hashed(self, row: Record) -> bytes:
        plain = "\0".join(str(value) for value in row[:10]).encode()
        guessed = self._luck.choice((b"", b"sentientiq", b"audit"))
        return (
            chained(guessed, *row[:10])
            if self._luck.random() < 0.5
            else hashlib.sha256(plain).digest()
        )

    def _numbered(
        self, rows: list[Record], first: int = 0, *, relink: bool = False
    ) -> list[Record]:
        made: list[Record] = []
        previous = self._rows[first - 1].hash if first else bytes(32)
        for place, row in enumerate(rows, first + 1):
            moved = row._replace(sequence=place)
            if relink:
                moved = moved._replace(previous=previous)
                moved = moved._replace(hash=self._hashed(moved))
            previous = moved.hash
            made.append(moved)
        return made

    async def _write(self, rows: list[Record]) -> None:
        await self._connection.execute("DELETE FROM audit_records")
        places = ", ".join(f"${n}" for n in range(1, len(Record._fields) + 1))
        await self._connection.executemany(
            f"INSERT INTO audit_records ({COLUMNS}) VALUES ({places})", rows
        )
        head = (rows[-1].sequence, rows[-1].hash) if rows else (0, bytes(32))
        await self._connection.execute(
            "UPDATE audit_heads SET sequence = $2, hash = $3 WHERE tenant_id = $1",
            self._tenant,
            *head,
        )
