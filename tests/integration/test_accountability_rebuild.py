"""The ledger made again from the log, a whole one and one that was trimmed; and the commands."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import pytest
from click.testing import CliRunner, Result
from sentientiq.accountability.v1 import accountability_service_pb2 as apb

from cli.main import main
from services.accountability import sums
from services.accountability.scorecard import AT_RANKS, Scope, read_cards
from services.accountability.store import MIGRATIONS
from services.common import postgres
from services.common.log import DECISION, OUTCOME
from tests.engines.running import MESH_SECRET
from tests.integration.accountability_line import Line, State, now_ms

_driver: Any = asyncpg  # without stubs
TABLES = {
    "recommendations": "tenant_id, decision_id",
    "facts": "tenant_id, id",
    "transitions": "tenant_id, decision_id, position",
    "owners": "tenant_id, decision_id, position",
    "sums": "tenant_id, scope, day, what, key",
}


@pytest.fixture
async def line(postgres_url: str, log_url: str) -> AsyncGenerator[Line]:
    running = Line(postgres_url, log_url)
    await running.start()
    yield running
    await running.close()


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncGenerator[Any]:
    connection = await _driver.connect(url, server_settings={"search_path": "accountability"})
    try:
        yield connection
    finally:
        await connection.close()


async def tables(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Everything the ledger holds, but for when it was heard."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    async with connected(url) as connection:
        for table, key in TABLES.items():
            rows = await connection.fetch(f"SELECT * FROM {table} ORDER BY {key}")
            found[table] = [
                tuple(value for name, value in row.items() if name != "heard_at") for row in rows
            ]
    found["sums"] = [row for row in found["sums"] if row[-1]]
    return found


async def until(fact: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(30):
        while not await fact():
            await asyncio.sleep(0.05)


async def lives(line: Line, tenant: str, count: int) -> None:
    """So many recommendations, some of each kind of life, all settled."""
    chance = random.Random(11)
    names = [f"d{number}" for number in range(count)]
    for name in names:
        at_ms = await line.decide(tenant, name, due_in_ms=300, person=chance.choice(["ceo", "ann"]))
        said = chance.choice([[], ["DELIVERED"], ["DELIVERED", "SEEN"], ["SEEN", "ACTED"]])
        await line.tell(tenant, name, said, at_ms=at_ms + 5)
    await line.tell(tenant, names[0], ["ACTED"], at_ms=now_ms() + 1_000)

    async def settled() -> bool:
        request = apb.ListRecommendationsRequest(tenant_id=tenant, page_size=1000)
        records = (await line.stub.ListRecommendations(request)).recommendations
        return len(records) == count and all(
            record.terms and record.state > State.Value("RECOMMENDATION_STATE_SEEN")
            for record in records
        )

    await until(settled)
    for name in names[1:4]:
        await line.stub.GiveFeedback(
            apb.GiveFeedbackRequest(
                tenant_id=tenant, decision_id=name, person_id="ceo", right=name != "d2"
            )
        )


def run(line: Line, *words: str) -> Result:
    env = {
        "SIQ_POSTGRES_URL": line.env["SIQ_POSTGRES_URL"],
        "SIQ_LOG_URL": line.env["SIQ_LOG_URL"],
        "SIQ_ACCOUNTABILITY_ADDR": line.address,
        "SIQ_MESH_SECRET": MESH_SECRET,
    }
    return CliRunner().invoke(main, ["recommendations", *words], env=env)


async def asked(line: Line, *words: str) -> Result:
    """A command has a loop of its own."""
    return await asyncio.to_thread(run, line, *words)


async def test_a_whole_log_gives_the_same_ledger_again(line: Line, postgres_url: str) -> None:
    await lives(line, "again", 30)
    before = await tables(postgres_url)
    done = await asked(line, "rebuild", "--drop", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.output.splitlines()[-1])
    assert (told["decisions"], told["recommendations"], told["unreadable"]) == (30, 30, 0)

    async def the_same() -> bool:
        # A clock may have to find again what fell due.
        return await tables(postgres_url) == before

    await until(the_same)


async def test_a_rebuild_mends_what_follows_and_keeps_what_was_trimmed(
    line: Line, postgres_url: str
) -> None:
    await lives(line, "trimmed", 30)
    before = await tables(postgres_url)
    for topic in (DECISION, OUTCOME):
        await line.log.trim(topic, await line.log.ends(topic))
    refused = await asked(line, "rebuild", "--drop")
    assert refused.exit_code == 1
    assert "begins at" in refused.output
    assert "leave out --drop" in refused.output
    assert await tables(postgres_url) == before
    async with connected(postgres_url) as connection:
        await connection.execute("DELETE FROM transitions")
        await connection.execute("DELETE FROM owners WHERE position = 0")
        await connection.execute("UPDATE recommendations SET state = 4, was_right = true")
        await connection.execute("UPDATE sums SET n = n + 1")
        assert await sums.differences(connection)
    done = await asked(line, "rebuild")
    assert done.exit_code == 0, done.output

    async def the_same() -> bool:
        return await tables(postgres_url) == before

    await until(the_same)
    async with connected(postgres_url) as connection:
        assert await sums.differences(connection) == []


async def test_sums_say_what_the_rows_say_whole_days_and_parts(
    line: Line, postgres_url: str
) -> None:
    day_ms = 24 * 3_600_000
    today = now_ms() // day_ms * day_ms
    moments = [today - 3 * day_ms, today - day_ms - 1, today - day_ms + 5, today - day_ms]
    for number, at_ms in enumerate(moments):
        await line.decide("days", f"d{number}", at_ms=at_ms, due_in_ms=500)
        await line.tell("days", f"d{number}", ["SEEN", "ACTED"], at_ms=at_ms + 100 * (number + 1))
        await line.reaches("days", f"d{number}", State.Value("RECOMMENDATION_STATE_ACTED"))
    for since, until_ms, total, median in (
        (0, 0, 4, 251),
        (today - 3 * day_ms, today - day_ms, 2, 151),
        (today - 3 * day_ms + 1, today - day_ms + 1, 2, 301),
        (today - day_ms + 1, today - day_ms + 6, 1, 301),
        (today - day_ms, today, 2, 351),
        (today, 0, 0, 0),
    ):
        request = apb.GetScorecardRequest(tenant_id="days", since_ms=since, until_ms=until_ms)
        card = await line.stub.GetScorecard(request)
        assert (card.total, card.median_time_to_act_ms) == (total, median), (since, until_ms)
        assert card.figures.in_time == total
    request = apb.GetScorecardRequest(
        tenant_id="days", since_ms=today - day_ms, until_ms=today, person_id="ceo"
    )
    card = await line.stub.GetScorecard(request)
    assert (card.figures.total, card.before.total) == (2, 1)
    assert [(one.currency, one.protected_minor) for one in card.figures.money] == [
        ("USD", 20_000_000)
    ]
    async with connected(postgres_url) as connection:
        assert await sums.differences(connection) == []


async def test_a_card_takes_few_statements_and_its_median_an_index(postgres_url: str) -> None:
    """However many periods and parts of days: each statement is a way to PostgreSQL and back."""
    await postgres.migrate(postgres_url, "accountability", MIGRATIONS)
    half = sums.DAY_MS // 2
    periods = [(5 * half, 9 * half - 5), (1 * half + 3, 5 * half), (0, 1 << 62)]
    async with connected(postgres_url) as connection:
        spy = Spy(connection)
        await read_cards(spy, Scope("nobody"), periods)
        assert len(spy.asked) == 2, "nobody acted, so there is no median to look for"
        await connection.execute("SET enable_seqscan = off")
        sql = AT_RANKS.replace("asked.bucket", "3")
        rows = await connection.fetch(
            "EXPLAIN " + sql, "t", "", "ann", [0], [0], [9], [3], [1], [2]
        )
    plan = "\n".join(row[0] for row in rows)
    assert "Index Only Scan using recommendations_times" in plan


class Spy:
    """A pool of one connection that keeps what it was asked."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.asked: list[str] = []

    @contextlib.asynccontextmanager
    async def acquire(self) -> AsyncGenerator[Spy]:
        yield self

    def transaction(self, **how: Any) -> Any:
        return self._connection.transaction(**how)

    async def fetch(self, sql: str, *given: Any) -> Any:
        self.asked.append(sql)
        return await self._connection.fetch(sql, *given)


async def test_the_money_of_a_thread_counts_once(line: Line, postgres_url: str) -> None:
    """One customer in trouble three times in ten minutes is asked about in one message."""
    for name, thread in (("d1", ""), ("d2", "d1"), ("d3", "d1"), ("alone", "")):
        at_ms = await line.decide("thread", name, thread=thread)
        await line.tell("thread", name, ["SEEN"], at_ms=at_ms + 1)
        await line.reaches("thread", name, State.Value("RECOMMENDATION_STATE_SEEN"))

    async def at_risk() -> tuple[int, int, int]:
        card = await line.stub.GetScorecard(apb.GetScorecardRequest(tenant_id="thread"))
        (money,) = card.figures.money
        return card.total, money.at_risk_minor, card.figures.without_value

    assert await at_risk() == (4, 20_000_000, 0)
    async with connected(postgres_url) as connection:
        # As a version left it that did not keep threads.
        async with connection.transaction():
            await connection.execute("UPDATE recommendations SET thread_id = ''")
            await sums.rebuild(connection)
        assert await at_risk() == (4, 40_000_000, 0)
        done = await asked(line, "rebuild")
        assert done.exit_code == 0, done.output
        assert await at_risk() == (4, 20_000_000, 0)
        assert await sums.differences(connection) == []


async def test_what_older_rules_folded_is_folded_anew_at_the_start(
    line: Line, postgres_url: str
) -> None:
    at_ms = await line.decide("older", "d1")
    await line.tell("older", "d1", ["SEEN"], at_ms=at_ms + 1)
    await line.reaches("older", "d1", State.Value("RECOMMENDATION_STATE_SEEN"))
    line.running.stop()
    async with connected(postgres_url) as connection:
        # As a version without owners and sums left it.
        await connection.execute("DELETE FROM owners")
        await connection.execute("DELETE FROM sums")
        await connection.execute("UPDATE recommendations SET fold_version = -1, terms_source = ''")
    await line.start()

    async def counted() -> bool:
        card = await line.stub.GetScorecard(apb.GetScorecardRequest(tenant_id="older"))
        return bool(card.total == 1 and card.figures.verdicts)

    await until(counted)
    async with connected(postgres_url) as connection:
        assert await sums.differences(connection) == []


async def test_the_first_migration_leads_to_the_second(tmp_path: Path, postgres_url: str) -> None:
    """A recommendation of the version before is there at once, with its owner."""
    folder = Path(sums.__file__).with_name("migrations")
    first = tmp_path / "migrations"
    first.mkdir()
    name = "0001_recommendations.sql"
    (first / name).write_text((folder / name).read_text())
    await postgres.migrate(postgres_url, "upgraded", first)
    async with connected(postgres_url) as connection:
        await connection.execute("SET search_path TO upgraded")
        await connection.execute(
            "INSERT INTO recommendations VALUES"
            " ('t', 'd1', 's1', 'ceo', '', NULL, NULL, 1000, 5000, 1, 5000, NULL)"
        )
        await postgres.migrate(postgres_url, "upgraded", folder)
        row = await connection.fetchrow("SELECT * FROM recommendations")
    assert (row["owner_id"], row["falls_due_at_ms"], row["fold_version"]) == ("ceo", 5000, -1)


async def test_commands_list_show_and_act(line: Line) -> None:
    await line.decide("shown", "d1")
    await line.reaches("shown", "d1", State.Value("RECOMMENDATION_STATE_OPEN"))
    listed = await asked(line, "list", "shown")
    assert [line.split()[:3] for line in listed.output.splitlines()] == [
        ["decision", "state", "owner"],
        ["d1", "open", "ceo"],
    ]
    assert "100,000.00 USD" in listed.output
    handed = await asked(line, "hand-over", "shown", "d1", "ann", "--note", "yours")
    assert "handed_on, no blame" in handed.output, handed.output
    closed = await asked(line, "close", "shown", "d1", "--key", "k1", "--json")
    assert json.loads(closed.output)["state"] == "RECOMMENDATION_STATE_ACTED"
    shown = await asked(line, "show", "shown", "d1")
    for word in ("d1: acted, ann's", "rage 80 %", "what happened:", "whose it was:", "met"):
        assert word in shown.output, shown.output
    rows = (await asked(line, "list", "shown", "--state", "acted", "--json")).output.splitlines()
    assert [json.loads(row)["decision_id"] for row in rows] == ["d1"]
    nothing = await asked(line, "list", "shown", "--state", "open", "--json")
    assert nothing.output == ""
    missing = await asked(line, "show", "shown", "d9")
    assert missing.exit_code == 1
    assert "accountability refused: no decision 'd9'" in missing.output


async def test_commands_appeal_and_rule(line: Line) -> None:
    at_ms = await line.decide("ruled", "d1", due_in_ms=200)
    await line.tell("ruled", "d1", ["SEEN"], at_ms=at_ms + 1)
    await line.reaches("ruled", "d1", State.Value("RECOMMENDATION_STATE_IGNORED"))
    appealed = await asked(line, "appeal", "ruled", "d1", "ceo", "false_alarm")
    assert "appeal (false_alarm): open" in appealed.output, appealed.output
    waiting = await asked(line, "list", "ruled", "--appealed", "--json")
    assert json.loads(waiting.output)["decision_id"] == "d1"
    ruled = await asked(line, "rule", "ruled", "d1", "ceo", "granted", "--by", "boss")
    assert "d1: void" in ruled.output
    assert "the emotion was wrong, people say" in ruled.output
    own = await asked(line, "rule", "ruled", "d1", "ceo", "granted", "--by", "ceo")
    assert "nobody rules on their own appeal" in own.output


async def test_feedback_reaches_calibrate(line: Line, tmp_path: Path) -> None:
    count = 40
    for number in range(count):
        await line.decide("labels", f"d{number}")
    for number in range(count):
        await line.reaches("labels", f"d{number}", State.Value("RECOMMENDATION_STATE_OPEN"))
        answer = "right" if number % 4 else "wrong"
        request = apb.GiveFeedbackRequest(
            tenant_id="labels",
            decision_id=f"d{number}",
            person_id="ceo",
            right=answer == "right",
        )
        await line.stub.GiveFeedback(request)
    folder = tmp_path / "labels"
    written = await asked(line, "labels", "labels", str(folder))
    assert f"{count} labels" in written.output, written.output
    fitted = await asyncio.to_thread(
        CliRunner().invoke, main, ["calibrate", str(folder)], catch_exceptions=False
    )
    assert f"rage: {count} labels" in fitted.output
    assert (folder / "models" / "rage.json").exists()
