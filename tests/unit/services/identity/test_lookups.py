"""Look-ups beside identify: never in its way, bounded, and asked again after a failure."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from services.common.errors import Unavailable
from services.identity.enrich.lookups import Lookups, Subject
from services.identity.enrich.port import NOTHING, EnricherError, Enrichment, key_of
from services.identity.enrich.spec import CsvSpec, Spec

ACME = Enrichment(company_name="Acme")
JANE = Subject("t1", "s1", "Jane@acme.example", "acme.example")


class Told:
    """An enricher that says what the test wants."""

    def __init__(self) -> None:
        self.answer: Enrichment | Exception = ACME
        self.asked: list[str] = []
        self.closed = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def look_up(self, key: str) -> Enrichment:
        self.asked.append(key)
        await self.gate.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def close(self) -> None:
        self.closed += 1


class Line:
    """Running look-ups over one enricher, and what they wrote."""

    def __init__(self) -> None:
        self.told = Told()
        self.now = 0.0
        self.saved: list[tuple[Subject, Enrichment]] = []
        self.away = False
        self.lookups = Lookups(lambda _tenant, _spec: self.told, self._save, lambda: self.now)

    async def _save(self, subject: Subject, found: Enrichment) -> None:
        if self.away:
            raise Unavailable("PostgreSQL does not answer, try again")
        self.saved.append((subject, found))

    async def done(self, subject: Subject = JANE) -> None:
        """Ask, and wait until the look-up has ended."""
        assert self.lookups.ask(subject)
        async with asyncio.timeout(10):
            while subject.place in self.lookups._underway:  # pyright: ignore[reportPrivateUsage]
                await asyncio.sleep(0)


@asynccontextmanager
async def _running(*specs: Spec) -> AsyncGenerator[Line, None]:
    line = Line()
    await line.lookups.use("t1", specs or (CsvSpec(key="email", file="crm.csv"),))
    task = asyncio.create_task(line.lookups.run())
    try:
        yield line
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_an_answer_is_written_and_kept() -> None:
    async with _running() as line:
        await line.done()
        await line.done()
        assert line.saved == [(JANE, ACME), (JANE, ACME)]
        assert line.told.asked == ["jane@acme.example"]
        line.now = 301.0
        await line.done()
        assert len(line.told.asked) == 2
    assert line.told.closed == 1


async def test_asking_never_waits_and_one_look_up_serves_a_session() -> None:
    async with _running() as line:
        line.told.gate.clear()
        assert line.lookups.ask(JANE)
        assert line.lookups.ask(JANE)
        assert line.saved == []
        line.told.gate.set()
        await line.done()
        assert line.saved == [(JANE, ACME)]
        assert line.told.asked == ["jane@acme.example"]


async def test_what_does_not_fit_is_dropped_and_counted() -> None:
    line = Line()
    await line.lookups.use("t1", (CsvSpec(key="email", file="crm.csv"),))
    asked = [line.lookups.ask(Subject("t1", f"s{n}", "a@b.example", "")) for n in range(5_001)]
    assert asked == [True] * 5_000 + [False]
    assert line.lookups.dropped == 1


async def test_nobody_is_looked_up_without_a_source_or_without_a_key() -> None:
    async with _running() as line:
        assert not line.lookups.ask(Subject("t2", "s1", "jane@acme.example", "acme.example"))
        assert not line.lookups.ask(Subject("t1", "s1", "", ""))


async def test_nothing_known_is_written_too() -> None:
    async with _running() as line:
        line.told.answer = NOTHING
        await line.done()
        assert line.saved == [(JANE, NOTHING)]
        assert line.lookups.unknown == 1


async def test_after_a_failure_it_is_asked_again_and_not_at_once() -> None:
    async with _running() as line:
        line.told.answer = EnricherError("away")
        await line.done()
        assert (line.saved, line.lookups.failed) == ([], 1)
        assert not line.lookups.ask(JANE)
        line.now, line.told.answer = 11.0, ACME
        await line.done()
        assert line.saved == [(JANE, ACME)]


async def test_a_mistake_of_a_source_ends_nothing() -> None:
    async with _running() as line:
        line.told.answer = RuntimeError("a defect of the plug-in")
        await line.done()
        assert (line.saved, line.lookups.failed) == ([], 1)
        line.now, line.told.answer = 11.0, ACME
        await line.done()
        assert line.saved == [(JANE, ACME)]


async def test_a_source_that_hangs_is_given_up() -> None:
    async with _running(CsvSpec(key="email", file="crm.csv", timeout_ms=50)) as line:
        line.told.gate.clear()
        await line.done()
        assert line.lookups.failed == 1


async def test_postgresql_away_leaves_it_to_the_next_resolve() -> None:
    async with _running() as line:
        line.away = True
        await line.done()
        line.away = False
        await line.done()
        assert line.saved == [(JANE, ACME)]


async def test_other_sources_forget_what_those_before_said() -> None:
    async with _running() as line:
        await line.done()
        await line.lookups.use("t1", (CsvSpec(key="domain", file="crm.csv"),))
        await line.done()
        assert line.told.asked == ["jane@acme.example", "acme.example"]
        assert line.told.closed == 1


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("email", "jane@acme.example"),
        ("email_sha256", hashlib.sha256(b"jane@acme.example").hexdigest()),
        ("domain", "acme.example"),
    ],
)
def test_keys(kind: str, key: str) -> None:
    assert key_of(kind, JANE.email, JANE.company) == key  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
