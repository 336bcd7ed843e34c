"""One contract for every enricher, on a real file, a real HTTP server and a real PostgreSQL."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from services.common.guard import Guard
from services.identity.enrich.csv_file import CsvFile
from services.identity.enrich.open import Opener
from services.identity.enrich.port import NOTHING, Enricher, EnricherError, Enrichment
from services.identity.enrich.postgres import Postgres
from services.identity.enrich.spec import CsvSpec, HttpSpec, PostgresSpec, Spec
from tests.integration.enricher_sources import TOKEN, Crm, write_csv, write_table

JANE = "jane@mail.example"
QUERY = "SELECT company, company_name, parent, size, owner FROM crm.people WHERE key = $1"
ROWS = {
    JANE: {
        "company": "https://shop.acme.example/",
        "company_name": "Acme Robotics",
        "parent": "globex.example",
        "size": "51-200",
        "owner": "dana",
    },
    "name-only@mail.example": {"company_name": "Initech"},
    "free@mail.example": {"company": "gmail.com", "company_name": "Freelancer"},
    "odd@mail.example": {"company": "no domain", "company_name": "x" * 201, "size": "\x07"},
    "o'brien@mail.example": {"company_name": "O'Brien & Sons"},
}


@dataclass
class Source:
    """An enricher, and what is behind it."""

    enricher: Enricher
    folder: Path
    crm: Crm


@pytest.fixture(params=["csv", "http", "postgresql"])
async def source(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str
) -> AsyncGenerator[Source, None]:
    folder = tmp_path / "t1"
    write_csv(folder, ROWS)
    (folder / "crm.token").write_text(f"{TOKEN}\n")
    (folder / "crm.url").write_text(f"{postgres_url}\n")
    async with AsyncExitStack() as stack:
        crm = await stack.enter_async_context(Crm.running(ROWS))
        if request.param == "postgresql":
            await write_table(postgres_url, ROWS)
        specs: dict[str, Spec] = {
            "csv": CsvSpec(key="email", file="crm.csv"),
            "http": HttpSpec(key="email", url=crm.url, token="crm.token", timeout_ms=5_000),
            "postgresql": PostgresSpec(
                key="email", source="crm.url", query=QUERY, timeout_ms=5_000
            ),
        }
        opener = Opener(str(tmp_path), Guard((crm.host,)))
        enricher = opener("t1", specs[request.param])
        stack.push_async_callback(enricher.close)
        yield Source(enricher, folder, crm)


async def test_what_is_known_is_told_in_our_words(source: Source) -> None:
    assert await source.enricher.look_up(JANE) == Enrichment(
        company="acme.example",
        company_name="Acme Robotics",
        parent="globex.example",
        size="51-200",
        owner="dana",
    )


async def test_what_is_unknown_is_no_failure(source: Source) -> None:
    assert await source.enricher.look_up("nobody@mail.example") == NOTHING


async def test_gaps_stay_gaps(source: Source) -> None:
    found = await source.enricher.look_up("name-only@mail.example")
    assert found == Enrichment(company_name="Initech")
    found = await source.enricher.look_up("free@mail.example")
    assert found == Enrichment(company_name="Freelancer")
    assert await source.enricher.look_up("odd@mail.example") == NOTHING


async def test_a_key_is_data_never_code(source: Source) -> None:
    found = await source.enricher.look_up("o'brien@mail.example")
    assert found == Enrichment(company_name="O'Brien & Sons")
    for key in ("' OR '1'='1", "../../who?key=jane@mail.example", "jane@mail.example&key=x", "%"):
        assert await source.enricher.look_up(key) == NOTHING


async def test_many_ask_at_a_time(source: Source) -> None:
    answers = await asyncio.gather(*(source.enricher.look_up(JANE) for _ in range(20)))
    assert {answer.company for answer in answers} == {"acme.example"}


async def test_closing_twice_is_fine(source: Source) -> None:
    await source.enricher.look_up(JANE)
    await source.enricher.close()
    await source.enricher.close()


async def test_a_source_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    opener = Opener(str(tmp_path), Guard(("127.0.0.1:9",)))
    specs: list[Spec] = [
        CsvSpec(key="email", file="crm.csv"),
        HttpSpec(key="email", url="http://127.0.0.1:9/{key}"),
        HttpSpec(key="email", url="http://127.0.0.1:9/{key}", token="crm.token"),
        PostgresSpec(key="email", source="crm.url", query=QUERY),
    ]
    for spec in specs:
        enricher = opener("t1", spec)
        with pytest.raises(EnricherError) as failure:
            await enricher.look_up(JANE)
        assert JANE not in str(failure.value)
        await enricher.close()


async def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    clock = [0.0]
    write_csv(tmp_path, ROWS)
    enricher = CsvFile(CsvSpec(key="email", file="crm.csv"), tmp_path, lambda: clock[0])
    assert (await enricher.look_up("new@mail.example")) == NOTHING
    write_csv(tmp_path, {"New@mail.example ": {"company_name": "New"}})
    os.utime(tmp_path / "crm.csv", ns=(1, 1))
    clock[0] = 10.0
    assert (await enricher.look_up("new@mail.example")).company_name == "New"
    assert await enricher.look_up(JANE) == NOTHING


async def test_who_runs_out_of_time_does_not_start_another_reading(tmp_path: Path) -> None:
    write_csv(tmp_path, ROWS)
    enricher = CsvFile(CsvSpec(key="email", file="crm.csv"), tmp_path)
    waiting = asyncio.create_task(enricher.look_up(JANE))
    await asyncio.sleep(0)
    waiting.cancel()
    assert (await enricher.look_up(JANE)).company == "acme.example"


@pytest.mark.parametrize("content", [b"", b"mail,name\na,b\n", b"\xff\xfe\n", b'key\n"open'])
async def test_a_file_of_another_kind_is_a_failure(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "crm.csv").write_bytes(content)
    enricher = CsvFile(CsvSpec(key="email", file="crm.csv"), tmp_path)
    with pytest.raises(EnricherError):
        await enricher.look_up(JANE)


async def test_columns_may_have_other_names(tmp_path: Path) -> None:
    (tmp_path / "crm.csv").write_text("Mail,Firma\njane@mail.example,Acme\n")
    columns = {"key": "Mail", "company_name": "Firma"}
    enricher = CsvFile(CsvSpec(key="email", file="crm.csv", columns=columns), tmp_path)
    assert await enricher.look_up(JANE) == Enrichment(company_name="Acme")


@pytest.mark.parametrize(
    "answer",
    [
        PlainTextResponse("no JSON"),
        JSONResponse(["no object"]),
        Response("[" * 30_000, media_type="application/json"),
        Response(status_code=500),
        RedirectResponse("http://169.254.169.254/latest"),
    ],
    ids=["text", "list", "nested", "500", "redirect"],
)
async def test_answers_of_another_kind_are_failures(tmp_path: Path, answer: Response) -> None:
    (tmp_path / "t1").mkdir()
    (tmp_path / "t1" / "crm.token").write_text(TOKEN)
    async with Crm.running(ROWS) as crm:
        crm.answer = answer
        opener = Opener(str(tmp_path), Guard((crm.host,)))
        enricher = opener("t1", HttpSpec(key="email", url=crm.url, token="crm.token"))
        with pytest.raises(EnricherError):
            await enricher.look_up(JANE)
        await enricher.close()


async def test_no_url_leads_into_the_private_network(tmp_path: Path) -> None:
    async with Crm.running(ROWS) as crm:
        enricher = Opener(str(tmp_path), Guard())("t1", HttpSpec(key="email", url=crm.url))
        with pytest.raises(EnricherError, match="RefusedUrl"):
            await enricher.look_up(JANE)
        await enricher.close()
    assert crm.asked == []


@pytest.mark.parametrize(
    "query",
    [
        "WITH x AS (DELETE FROM crm.people RETURNING 1) SELECT $1::text FROM x",
        "SELECT set_config('transaction_read_only', 'off', true), $1::text",
        "SELECT pg_sleep(30), $1::text",
        "SELECT nonsense FROM crm.people WHERE key = $1",
        "SELECT $1::int",
    ],
)
async def test_a_query_cannot_write_or_last(tmp_path: Path, postgres_url: str, query: str) -> None:
    await write_table(postgres_url, ROWS)
    (tmp_path / "crm.url").write_text(postgres_url)
    spec = PostgresSpec(key="email", source="crm.url", query=query, timeout_ms=500)
    enricher = Postgres(spec, tmp_path)
    with pytest.raises(EnricherError) as failure:
        await enricher.look_up(JANE)
    assert JANE not in str(failure.value)
    await enricher.close()
    reader = Postgres(PostgresSpec(key="email", source="crm.url", query=QUERY), tmp_path)
    assert (await reader.look_up(JANE)).company == "acme.example"
    await reader.close()
