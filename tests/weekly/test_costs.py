"""What a verdict about costs becomes in a letter."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from sentientiq.accountability.v1 import cost_service_pb2 as pb

from services.accountability.costing.facts import Facts, Question
from services.accountability.costing.servicer import CostServicer
from services.accountability.costing.sources import Sources as CostSources
from services.accountability.weekly.costs import (
    LOOK_BACK_MS,
    MeasuredCosts,
    common_end_ms,
    measured_by,
)
from services.accountability.weekly.sources import Away
from services.accountability.weekly.week import parse_week, parse_zone
from services.common.channels import connect
from services.common.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Amount:
    minor: int
    low_minor: int
    high_minor: int


@dataclass(slots=True)
class Money:
    currency: str
    method: int
    ignored_units: int
    total: Amount


@dataclass(slots=True)
class Found:
    method: int
    summary: str
    level: float
    money: list[Money]
    warnings: list[str]


DAY_MS = 86_400_000
UNTIL_MS = parse_week("2026-W47").bounds_ms(parse_zone("UTC"))[1]


async def test_money_has_its_method_its_interval_and_its_command():
    asked: list[tuple[str, int, int]] = []

    async def ask(tenant: str, since_ms: int, until_ms: int) -> Found:
        asked.append((tenant, since_ms, until_ms))
        return Found(
            1, "Of 400 held out 12 more left.", 0.95,
            [
                Money("USD", 1, 400, Amount(1_840_000, 210_000, 3_470_000)),
                Money("JPY", 3, 4, Amount(0, 0, 0)),
            ],
            ["People talk."],
        )  # fmt: skip

    cost = await MeasuredCosts(ask).of("a b", UNTIL_MS - 1, UNTIL_MS)
    end_ms = UNTIL_MS - DAY_MS
    assert asked == [("a b", end_ms - LOOK_BACK_MS, end_ms)]
    (figure,) = cost.figures
    assert figure.text == "USD 18,400"
    assert figure.note == (
        "95 % between USD 2,100 and USD 34,700; 400 left alone; by chance, from a holdout"
    )
    assert figure.query == (
        "sentientiq report cost --tenant 'a b'"
        " --since 2026-08-30T00:00:00 --until 2026-11-22T00:00:00"
    )
    assert (cost.text, cost.summary) == ("", "Of 400 held out 12 more left.")
    assert cost.warnings == ("People talk.",)


async def test_where_nobody_can_tell_no_money_is_named():
    async def ask(tenant: str, since_ms: int, until_ms: int) -> Found:
        del tenant, since_ms, until_ms
        return Found(3, "Too few: 12 of 100.", 0.95, [Money("USD", 3, 2, Amount(5, 1, 9))], ["x"])

    cost = await MeasuredCosts(ask).of("acme", 0, UNTIL_MS)
    assert (cost.figures, cost.text, cost.warnings) == ((), "Cannot tell yet.", ())
    assert cost.summary == "Too few: 12 of 100."


async def test_a_tenant_is_asked_about_once_a_week_whatever_zones_its_people_live_in():
    asked: list[tuple[str, int]] = []

    async def ask(tenant: str, since_ms: int, until_ms: int) -> Found:
        del since_ms
        asked.append((tenant, until_ms))
        return Found(3, "", 0.95, [], [])

    costs = MeasuredCosts(ask)
    week = parse_week("2026-W47")
    ends = [
        parse_zone(zone)
        for zone in ("Pacific/Kiritimati", "Pacific/Auckland", "UTC", "Pacific/Pago_Pago")
    ]
    for zone in ends:
        await costs.of("acme", *week.bounds_ms(zone))
        assert common_end_ms(week.bounds_ms(zone)[1]) < week.due_ms(zone), "it is past"
    await costs.of("other", *week.bounds_ms(ends[0]))
    await costs.of("acme", *week.next.bounds_ms(ends[0]))
    sunday_ms = UNTIL_MS - DAY_MS
    assert asked == [("acme", sunday_ms), ("other", sunday_ms), ("acme", sunday_ms + 7 * DAY_MS)]


async def test_who_could_not_tell_is_left_in_peace_for_a_while():
    asked: list[str] = []
    now_s = [0.0]

    async def ask(tenant: str, since_ms: int, until_ms: int) -> Found:
        asked.append(tenant)
        raise Away("what ignoring cost: the pipeline did not answer")

    costs = MeasuredCosts(ask, lambda: now_s[0])
    for at_s, times in ((0.0, 1), (49.0, 1), (50.0, 2)):
        now_s[0] = at_s
        with pytest.raises(Away, match="the pipeline did not answer"):
            await costs.of("acme", 0, UNTIL_MS)
        assert len(asked) == times


async def test_what_was_gained_is_not_called_lost():
    async def ask(tenant: str, since_ms: int, until_ms: int) -> Found:
        money = Money("USD", 1, 400, Amount(-1_840_000, -3_470_000, 210_000))
        return Found(1, "", 0.95, [money], [])

    (figure,) = (await MeasuredCosts(ask).of("acme", 0, UNTIL_MS)).figures
    assert (figure.text, "lost" in figure.meaning) == ("USD 18,400", False)
    assert figure.meaning.startswith("gained in 12 weeks")
    assert figure.note.startswith("95 % between USD -2,100 and USD 34,700;")


async def test_a_gap_names_who_did_not_answer_and_no_address():
    nowhere = connect("127.0.0.1:9", "token")
    costs = measured_by(CostServicer(CostSources(nowhere, nowhere), lambda: UNTIL_MS))
    async with nowhere:
        with pytest.raises(Away) as away:
            await costs.of("acme", 0, UNTIL_MS)
    assert str(away.value) == "what ignoring cost: identity did not answer"


async def test_one_question_reads_at_a_time():
    reading, most = 0, 0

    class Slow(CostSources):
        async def facts(self, question: Question, now_ms: int) -> Facts:
            nonlocal reading, most
            reading += 1
            most = max(most, reading)
            await asyncio.sleep(0.01)
            reading -= 1
            raise Unavailable("no facts")

    async with connect("127.0.0.1:9", "token") as nowhere:
        costs = CostServicer(Slow(nowhere, nowhere), lambda: UNTIL_MS)
        request = pb.GetIgnoredCostRequest(question=pb.CostQuestion(tenant_id="acme"))
        asked = (costs.GetIgnoredCost(request, None) for _ in range(3))
        found = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in found] == [Unavailable] * 3
    assert most == 1
