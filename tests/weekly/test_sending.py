"""From the ledger to the mailbox: on Monday morning, once, and not to whoever has stopped it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from click.testing import CliRunner, Result
from sentientiq.intervention.v1 import letter_service_pb2, letter_service_pb2_grpc

from cli.main import main
from cli.up.ports import free_address
from services.accountability.lifecycle import FactKind
from services.accountability.weekly.claims import CLAIM_MS, Claims, Outcome
from services.accountability.weekly.letter import Cost
from services.accountability.weekly.week import Week, parse_week
from services.common.auth import make_token
from services.common.channels import connect
from services.intervention.store import messages
from tests.integration.identity_service import MESH
from tests.weekly.weekly_line import PUBLIC, TENANT, Line, NoCosts, running_line

WEEK = parse_week("2026-W33")
"""10 to 16 August 2026: in the golden data set six emotions were felt then."""
BERLIN = ZoneInfo("Europe/Berlin")
pytestmark = pytest.mark.asyncio(loop_scope="module")
DUE_MS = WEEK.due_ms(BERLIN)
HOUR_MS = 3_600_000
TUESDAY_MS = WEEK.bounds_ms(BERLIN)[0] + 30 * HOUR_MS


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started(
    postgres_url: str, log_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Line]:
    async with running_line(postgres_url, log_url, tmp_path_factory.mktemp("weekly")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def line(started: Line) -> Line:
    """With nobody on the team but Dana, and nothing asked yet."""
    tables = "recommendations, facts, transitions, weekly_letters"
    await started.pool.execute(f"TRUNCATE {tables} CASCADE")
    await started.intervention_pool.execute("TRUNCATE endpoints_off")
    started.box.letters.clear()
    for person in await people(started):
        await started.identity.tenants.DeletePerson(person)
    await started.person("dana", "success", "Europe/Berlin", "dana@acme.example")
    return started


async def people(line: Line) -> list[object]:
    """Requests that dismiss whoever the last test left."""
    from sentientiq.tenant.v1 import tenant_service_pb2 as tpb

    found = await line.identity.tenants.ListPeople(tpb.ListPeopleRequest(tenant_id=TENANT))
    return [
        tpb.DeletePersonRequest(tenant_id=TENANT, person_id=person.person_id)
        for person in found.people
    ]


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    text: str = part.get_content()
    return text


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    text: str = part.get_content()
    return text.replace("\r\n", "\n")


async def test_the_mail_tells_what_was_missed(line: Line) -> None:
    await line.asked("dana", TUESDAY_MS, FactKind.DELIVERED, FactKind.ACTED)
    missed = await line.asked("dana", TUESDAY_MS + HOUR_MS, FactKind.SEEN, company="x.example")
    await line.asked("dana", TUESDAY_MS + 2 * HOUR_MS, company="y.example")
    # Another's, and another week's.
    await line.asked("kim", TUESDAY_MS, FactKind.DELIVERED, company="z.example")
    await line.asked("dana", TUESDAY_MS - 40 * HOUR_MS, FactKind.DELIVERED, company="z.example")
    await line.weekly(DUE_MS).look()
    (mail,) = line.box.letters
    assert mail["to"] == "dana@acme.example"
    assert mail["subject"] == "What you missed, 10 to 16 August 2026"
    text = text_of(mail)
    assert "You missed 1 moment that mattered." in text
    assert re.search(r"^  3 times you were asked \[\d\]$", text, re.MULTILINE)
    assert re.search(r"^  1 acted on in time \[\d\]$", text, re.MULTILINE)
    assert "x.example, known value USD 100,000" in text
    assert "y.example" in text
    assert "never delivered; not counted: No message is known to have reached them." in text
    assert "z.example" not in text
    # g6 is felt at 00:30 on the 11th in Berlin; the five others on the 10th.
    assert re.search(r"^  Mon 10 +#+ 5 \[\d\]$", text, re.MULTILINE)
    assert re.search(r"^  Tue 11 +#+ 1 \[\d\]$", text, re.MULTILINE)
    assert "Cannot tell yet" in text
    now_ms = time.time_ns() // 1_000_000
    acts = re.findall(rf"{PUBLIC}/i/([\w-]+)", html_of(mail))
    assert [line.links.read(token, now_ms=now_ms).decision_id for token in acts] == [missed]


async def test_every_link_is_signed(line: Line) -> None:
    await line.asked("dana", TUESDAY_MS, FactKind.DELIVERED)
    await line.weekly(DUE_MS).look()
    (mail,) = line.box.letters
    links = set(re.findall(r'href="([^"]+)"', html_of(mail)))
    assert links
    for link in links:
        path, token = link.removeprefix(PUBLIC).rsplit("/", 1)
        if path == "/q":
            query = line.queries.read(token)
            assert query is not None
            assert query.startswith("sentientiq report ")
            assert line.queries.read(token[:-2] + "AA") is None
            assert line.unsubscribing.read(token) is None, "signed for another use"
        elif path == "/i":
            line.links.read(token, now_ms=time.time_ns() // 1_000_000)
        else:
            assert path == "/hooks/unsubscribe"
            named = line.unsubscribing.read(token)
            assert named is not None
            assert named[0] == TENANT
            assert mail["list-unsubscribe"] == f"<{link}>"


async def test_once_a_person_and_week_whoever_looks_and_however_often(line: Line) -> None:
    await line.person("kim", "ceo", "America/New_York", "kim@acme.example")
    await line.asked("dana", TUESDAY_MS, FactKind.DELIVERED)
    await line.weekly(DUE_MS - 1).look()
    assert line.box.letters == []
    await asyncio.gather(*(line.weekly(DUE_MS).look() for _ in range(4)))
    for hours in range(1, 30):
        await line.weekly(DUE_MS + hours * HOUR_MS).look()
    assert sorted(mail["to"] for mail in line.box.letters) == [
        "dana@acme.example",
        "kim@acme.example",
    ]
    await line.weekly(WEEK.next.due_ms(BERLIN)).look()
    assert len(line.box.letters) == 2, "a week in which nothing happened has no mail for dana"


async def test_each_gets_it_in_the_morning_of_where_they_are(line: Line) -> None:
    await line.person("rangi", "success", "Pacific/Auckland", "rangi@acme.example")
    await line.asked("dana", TUESDAY_MS, FactKind.DELIVERED)
    await line.asked("rangi", TUESDAY_MS, FactKind.DELIVERED)
    order: list[tuple[int, str]] = []
    for hour in range(-12, 3):
        await line.weekly(DUE_MS + hour * HOUR_MS).look()
        order += [(hour, mail["to"]) for mail in line.box.letters[len(order) :]]
    # Auckland is ten hours ahead of Berlin in August.
    assert order == [(-10, "rangi@acme.example"), (0, "dana@acme.example")]


async def test_whoever_pressed_unsubscribe_gets_no_more(line: Line) -> None:
    await line.asked("dana", TUESDAY_MS, FactKind.DELIVERED)
    await line.weekly(DUE_MS).look()
    token = str(line.box.letters[0]["list-unsubscribe"]).strip("<>").rsplit("/", 1)[1]
    named = line.unsubscribing.read(token)
    assert named is not None
    await messages.turn_off(line.intervention_pool, *named, reason="unsubscribed", now_ms=1)
    next_week = WEEK.next
    await line.asked("dana", next_week.bounds_ms(BERLIN)[0] + HOUR_MS, FactKind.DELIVERED)
    await line.weekly(next_week.due_ms(BERLIN)).look()
    assert len(line.box.letters) == 1
    assert await outcome(line, "dana", next_week) == "unsubscribed"


async def test_a_server_that_is_away_is_tried_again_and_one_that_refuses_is_not(line: Line) -> None:
    await line.asked("dana", TUESDAY_MS, FactKind.DELIVERED)
    line.box.data = ["451 later"]
    weekly = line.weekly(DUE_MS)
    await weekly.look()
    await weekly.look()
    assert line.box.letters == []
    assert weekly.counts.put_off == 1, "not before its pause is over"
    await line.weekly(DUE_MS + 61_000).look()
    assert len(line.box.letters) == 1
    await line.person("kim", "ceo", "Europe/Berlin", "kim@acme.example")
    line.box.rcpt = ["550 5.1.1 no such mailbox"]
    for minutes in (5, 60, 600):
        await line.weekly(DUE_MS + minutes * 60_000).look()
    assert len(line.box.letters) == 1
    assert await outcome(line, "kim", WEEK) == "refused"


async def test_a_killed_process_leaves_its_letter_to_the_next(line: Line) -> None:
    await line.asked("dana", TUESDAY_MS, FactKind.DELIVERED)
    await line.pool.execute(
        "INSERT INTO weekly_letters (tenant_id, person_id, week, attempts, claimed_until_ms)"
        " VALUES ($1, 'dana', $2, 1, $3)",
        TENANT,
        WEEK.name,
        DUE_MS + 600_000,
    )
    await line.weekly(DUE_MS + 599_999).look()
    assert line.box.letters == []
    await line.weekly(DUE_MS + 600_000).look()
    assert len(line.box.letters) == 1


class Slow(NoCosts):
    """Whoever is asked takes longer than a claim lasts, and meanwhile another process looks."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def of(self, tenant_id: str, since_ms: int, until_ms: int) -> Cost:
        """See Costs."""
        await self._line.weekly(DUE_MS + CLAIM_MS).look()
        return await super().of(tenant_id, since_ms, until_ms)


async def test_a_claim_that_ran_out_while_writing_sends_nothing(line: Line) -> None:
    await line.asked("dana", TUESDAY_MS, FactKind.DELIVERED)
    slow = line.weekly(DUE_MS, costs=Slow(line))
    await slow.look()
    assert len(line.box.letters) == 1, "the other has sent it"
    assert slow.counts.by_outcome["sent"] == slow.counts.put_off == 0
    assert await outcome(line, "dana", WEEK) == "sent"


async def test_a_claim_that_ran_out_puts_off_nobody_elses(line: Line) -> None:
    claims = Claims(line.pool)
    first = await claims.take(TENANT, "dana", WEEK, 0)
    second = await claims.take(TENANT, "dana", WEEK, CLAIM_MS)
    assert first is not None
    assert second is not None
    await claims.later(first, 0, "late")
    assert await claims.take(TENANT, "dana", WEEK, CLAIM_MS + 1) is None
    assert not await claims.renew(first, CLAIM_MS + 1)
    assert await claims.renew(second, CLAIM_MS + 1)
    await claims.end(second, Outcome.SENT, CLAIM_MS + 2)
    await claims.end(first, Outcome.EMPTY, CLAIM_MS + 3)
    assert await outcome(line, "dana", WEEK) == "sent"
    assert not await claims.renew(second, CLAIM_MS + 4)


async def test_the_executive_is_told_of_the_whole_team(line: Line) -> None:
    await line.person("kim", "ceo", "Europe/Berlin", "kim@acme.example")
    await line.asked("dana", TUESDAY_MS, FactKind.DELIVERED)
    await line.asked("robin", TUESDAY_MS, FactKind.DELIVERED, FactKind.ACTED)
    await line.weekly(DUE_MS).look()
    (mail,) = [one for one in line.box.letters if one["to"] == "kim@acme.example"]
    text = text_of(mail)
    assert mail["subject"] == "The week, 10 to 16 August 2026"
    assert "  2 times the team was asked" in text
    assert "  67 % of help shown was used (rage_help: 21 % to 94 %, 3 tried)" in text
    assert "  2 of 3 judged emotions were right" in text
    assert "Act now" not in text, "what was asked of another is theirs to act on"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"address": ""}, "address"),
        ({"decision_ids": ["not hex"]}, "decision_ids"),
        ({"decision_ids": ["a" * 32] * 101}, "at most 100"),
        ({"queries": ["x" * 1001]}, "queries"),
    ],
)
async def test_letters_that_cannot_be_prepared(
    line: Line, wrong: dict[str, Any], said: str
) -> None:
    fine: dict[str, Any] = {
        "tenant_id": TENANT, "person_id": "dana", "address": "dana@acme.example"
    }  # fmt: skip
    async with connect(line.intervention, make_token(MESH, subject="test")) as channel:
        stub = letter_service_pb2_grpc.LetterServiceStub(channel)
        request = letter_service_pb2.PrepareLetterRequest(**{**fine, **wrong})
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.PrepareLetter(request)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert said in (refused.value.details() or "")


async def test_a_source_that_is_away_is_waited_for_and_then_said_to_be_missing(
    line: Line,
) -> None:
    await line.asked("dana", TUESDAY_MS, FactKind.DELIVERED)
    async with connect(free_address(), make_token(MESH, subject="test")) as nowhere:
        for minutes in (0, 2):
            await line.weekly(DUE_MS + minutes * 60_000, pipeline=nowhere).look()
            assert line.box.letters == []
        await line.weekly(DUE_MS + HOUR_MS, pipeline=nowhere).look()
    (mail,) = line.box.letters
    assert "Missing here: emotions_daily: the pipeline did not answer" in text_of(mail)


async def test_command_writes_files_and_sends_none(line: Line, tmp_path: Path) -> None:
    await line.person("kim", "ceo", "Europe/Berlin")
    await line.asked("dana", TUESDAY_MS, FactKind.SEEN)
    out = tmp_path / "out"
    done = await command(line, "--out", str(out), "--week", "2026-W33")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (out / "2026-W33").iterdir()) == [
        f"{person}.{kind}" for person in ("dana", "kim") for kind in ("eml", "html", "txt")
    ]
    assert "The team missed 1 moment that mattered.  (has no address)" in done.output
    assert (out / "2026-W33/dana.html").read_text().startswith("<!doctype html>")
    assert line.box.letters == []
    assert await line.pool.fetchval("SELECT count(*) FROM weekly_letters") == 0
    for words, said in (
        (("--week", "2026-W60"), "2026-W60"),
        (("--person", "nobody"), "there are: dana, kim"),
    ):
        refused = await command(line, "--out", str(out), *words)
        assert refused.exit_code == 1
        assert said in refused.output


async def command(line: Line, *words: str) -> Result:
    env = {
        "SIQ_POSTGRES_URL": line.identity.settings.postgres_url,
        "SIQ_IDENTITY_ADDR": line.identity.settings.listen,
        "SIQ_INTERVENTION_ADDR": line.intervention,
        "SIQ_PIPELINE_ADDR": line.pipeline,
        "SIQ_MESH_SECRET": MESH,
    }
    arguments = ["report", "weekly", "--tenant", TENANT, *words]
    return await asyncio.to_thread(CliRunner().invoke, main, arguments, env=env)


async def outcome(line: Line, person: str, week: Week) -> str:
    found: str = await line.pool.fetchval(
        "SELECT outcome FROM weekly_letters WHERE tenant_id = $1 AND person_id = $2 AND week = $3",
        TENANT,
        person,
        week.name,
    )
    return found


async def test_the_week_is_the_one_of_the_golden_data_set() -> None:
    assert WEEK.monday == date(2026, 8, 10)
    assert datetime.fromtimestamp(DUE_MS / 1000, UTC) == datetime(2026, 8, 17, 6, tzinfo=UTC)
