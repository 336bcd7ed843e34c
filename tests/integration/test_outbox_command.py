"""`sentientiq outbox` over real PostgreSQL: what failed and why, and once more."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.outbox import command
from services.common import postgres
from services.intervention.channels.verdict import Ending, Verdict
from services.intervention.sending.secrets import Sealer
from services.intervention.service import MIGRATIONS, SCHEMA
from services.intervention.store import messages
from tests.integration.dispatching import MESH, Bench
from tests.integration.intervention_line import until


class Dead:
    """A tenant with a dead letter, one that may have arrived, and one to an address that is off."""

    def __init__(self) -> None:
        self.tenant = ""
        self.ids: dict[str, str] = {}


def asked(url: str, *words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(command, words, env={"SIQ_POSTGRES_URL": url})


@pytest.fixture
def dead(postgres_url: str) -> Dead:
    made = Dead()

    async def fail(pool: Any) -> None:
        bench = Bench(pool, ())
        made.tenant = bench.tenant
        ends = {
            "webhook": Verdict(Ending.DROP, "http_400"),
            "slack": Verdict(Ending.DROP, "unknown"),
            "sms": Verdict(Ending.ENDPOINT_OFF, "21610"),
        }
        for channel, verdict in ends.items():
            bench.posts[channel].answer = lambda _message, verdict=verdict: verdict
            (made.ids[channel],) = await bench.put(channel)
        bench.start()

        async def three_failed() -> bool:
            return (await bench.states()).get("failed", 0) == 3

        await until(three_failed)
        await bench.close()

    async def run() -> None:
        await postgres.migrate(postgres_url, SCHEMA, MIGRATIONS)
        pool = await postgres.connect(postgres_url, schema=SCHEMA, max_size=2)
        await fail(pool)
        await pool.close()

    asyncio.run(run())
    return made


def test_dead_letters_are_listed_with_their_reasons(dead: Dead, postgres_url: str) -> None:
    shown = asked(postgres_url, "dead", dead.tenant).output
    lines = {line.split()[0]: line for line in shown.splitlines() if line[:4] != "2026"}
    assert "http_400" in lines[dead.ids["webhook"]]
    assert lines[dead.ids["sms"]].endswith("21610  (gone)")
    rows = [
        json.loads(line)
        for line in asked(postgres_url, "dead", dead.tenant, "--json").output.splitlines()
        if line.startswith("{")
    ]
    assert {row["id"]: row["kept"] for row in rows} == {
        dead.ids["webhook"]: True,
        dead.ids["slack"]: True,
        dead.ids["sms"]: False,
    }


def test_a_dead_letter_is_put_back(dead: Dead, postgres_url: str) -> None:
    done = asked(postgres_url, "replay", dead.tenant, dead.ids["webhook"], dead.ids["slack"])
    assert done.exit_code == 0, done.output
    assert "2 messages go out once more" in done.output
    rows = {
        row["id"]: row
        for line in asked(postgres_url, "list", dead.tenant, "--json").output.splitlines()
        if line.startswith("{")
        for row in [json.loads(line)]
    }
    assert (rows[dead.ids["webhook"]]["state"], rows[dead.ids["webhook"]]["replays"]) == (
        "pending",
        1,
    )
    assert rows[dead.ids["slack"]]["state"] == "unknown", "it may have been read: not sent blindly"


def test_what_may_have_arrived_is_repeated_where_that_is_meant(
    dead: Dead, postgres_url: str
) -> None:
    assert (
        asked(postgres_url, "replay", dead.tenant, dead.ids["slack"], "--even-if-sent").exit_code
        == 0
    )
    shown = asked(postgres_url, "list", dead.tenant).output
    (line,) = [line for line in shown.splitlines() if line.startswith(dead.ids["slack"])]
    assert "pending" in line


def test_what_cannot_be_sent_again_is_named(dead: Dead, postgres_url: str) -> None:
    for tenant, id_ in ((dead.tenant, dead.ids["sms"]), ("another", dead.ids["webhook"])):
        done = asked(postgres_url, "replay", tenant, id_)
        assert done.exit_code != 0
        assert id_ in done.output
        assert f"sentientiq outbox dead {tenant}" in done.output


def test_an_address_that_is_off_is_listed_and_turned_on(
    dead: Dead, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIQ_MESH_SECRET", MESH)
    named = Sealer(MESH).endpoint_hash("sms", "+15550001111")

    async def turn_off() -> None:
        pool = await postgres.connect(postgres_url, schema=SCHEMA, max_size=1)
        reason = "unsubscribed"
        await messages.turn_off(pool, dead.tenant, named, reason=reason, now_ms=1_700_000_000_000)
        await pool.close()

    asyncio.run(turn_off())
    lines = asked(postgres_url, "off", dead.tenant).output.splitlines()
    assert f"unknown  {named}  2023-11-14T22:13:20+00:00  unsubscribed" in lines
    (told,) = [line for line in lines if line.endswith("21610")]
    assert told.startswith("sms  ")
    done = asked(postgres_url, "on", dead.tenant, "sms", "+15550001111")
    assert done.exit_code == 0, done.output
    assert named not in asked(postgres_url, "off", dead.tenant).output
    again = asked(postgres_url, "on", dead.tenant, "sms", "+15550001111")
    assert again.exit_code != 0
    assert f"sentientiq outbox off {dead.tenant}" in again.output
