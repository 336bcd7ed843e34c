"""What tenants know, held by real things: a file, an HTTP server, a PostgreSQL database."""

from __future__ import annotations

import csv
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.common.http import HttpServer

Rows = Mapping[str, Mapping[str, str]]
TOKEN = "t0k3n-of-the-crm"
_driver: Any = asyncpg  # without stubs
_COLUMNS = ("key", "company", "company_name", "parent", "size", "owner")


def write_csv(folder: Path, rows: Rows, name: str = "crm.csv") -> None:
    """Write the rows as a spreadsheet exports them, with a mark at the beginning."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", encoding="utf-8-sig", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(_COLUMNS)
        for key, row in rows.items():
            writer.writerow([key, *(row.get(name, "") for name in _COLUMNS[1:])])


class Crm:
    """An HTTP service that says what it knows, to whoever has the token."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.asked: list[str] = []
        self.answer: Response | None = None
        """What it says instead, to everything."""
        self._server = HttpServer(Starlette(routes=[Route("/who", self._who)]), "127.0.0.1:0")
        self.host = f"127.0.0.1:{self._server.port}"
        self.url = f"http://{self.host}/who?key={{key}}"

    async def _who(self, request: Request) -> Response:
        key = request.query_params["key"]
        self.asked.append(key)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Response(status_code=401)
        if self.answer is not None:
            return self.answer
        return JSONResponse(self.rows[key]) if key in self.rows else Response(status_code=404)

    @classmethod
    @asynccontextmanager
    async def running(cls, rows: Rows) -> AsyncGenerator[Crm, None]:
        """Serve until left."""
        crm = cls(rows)
        await crm._server.start()
        try:
            yield crm
        finally:
            await crm._server.stop()


async def write_table(url: str, rows: Rows) -> None:
    """Make the tenant's table, in a schema that is emptied after each test module."""
    connection = await _driver.connect(url)
    try:
        await connection.execute("CREATE SCHEMA IF NOT EXISTS crm; DROP TABLE IF EXISTS crm.people")
        columns = ", ".join(f"{name} text" for name in _COLUMNS)
        await connection.execute(f"CREATE TABLE crm.people ({columns})")
        for key, row in rows.items():
            values = [key, *(row.get(name) for name in _COLUMNS[1:])]
            await connection.execute(
                "INSERT INTO crm.people VALUES ($1, $2, $3, $4, $5, $6)", *values
            )
    finally:
        await connection.close()
