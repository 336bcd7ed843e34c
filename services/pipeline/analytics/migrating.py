"""Migrations of analytics: numbered files, applied once, in order, forward only.

ClickHouse has no transactions: a migration is recorded after its last statement, and one that was
cut short is applied again from its first. So every statement must change nothing the second time.
Two that migrate at once do the same twice. A version that finds migrations it does not know lets
them be: they only add.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from services.pipeline.analytics.errors import AnalyticsUnfit
from services.pipeline.analytics.statements import MIGRATIONS, statements
from services.pipeline.arrow import pa

if TYPE_CHECKING:
    from services.pipeline.analytics.port import Analytics

APPLIED = "SELECT name, sha256 FROM sentientiq.migrations FINAL"
RECORD = "INSERT INTO sentientiq.migrations (name, sha256) SELECT {name:String}, {sha256:String}"


def digest(sql: str) -> str:
    """What a file is held to once it is applied: its statements, but not its comments."""
    return sha256(";\n".join(statements(sql)).encode()).hexdigest()


async def apply(analytics: Analytics, folder: Path = MIGRATIONS) -> list[str]:
    """Apply what is missing; returns the names.

    Raises:
        AnalyticsUnfit: an applied file has changed.
        AnalyticsError: the engine is away, or refuses a statement.
    """
    first, files = _read(folder)
    for statement in statements(first):
        await analytics.execute(statement)
    stream = pa.ipc.open_stream(await analytics.query(APPLIED, {}))
    known: dict[str, str] = {row["name"]: row["sha256"] for row in stream.read_all().to_pylist()}
    done: list[str] = []
    for name, sql in files.items():
        if name in known:
            _check(name, known[name], digest(sql))
            continue
        for statement in statements(sql):
            await analytics.execute(statement)
        await analytics.execute(RECORD, {"name": name, "sha256": digest(sql)})
        done.append(name)
    return done


def _read(folder: Path) -> tuple[str, dict[str, str]]:
    """What comes before all migrations, and they in order."""
    files = {path.stem: path.read_text() for path in sorted(folder.glob("[0-9]*.sql"))}
    return (folder / "migrations.sql").read_text(), files


def _check(name: str, applied: str, ours: str) -> None:
    if applied != ours:
        raise AnalyticsUnfit(
            f"migration {name} of analytics has changed since it was applied: put the file back, "
            "and write what is new into another one"
        )
