"""What a verdict about costs becomes in a letter."""

from __future__ import annotations

from dataclasses import dataclass

from services.accountability.weekly.costs import LOOK_BACK_MS, MeasuredCosts
from services.accountability.weekly.week import parse_week, parse_zone


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
    assert asked == [("a b", UNTIL_MS - LOOK_BACK_MS, UNTIL_MS)]
    (figure,) = cost.figures
    assert figure.text == "USD 18,400"
    assert figure.note == (
        "95 % between USD 2,100 and USD 34,700; 400 left alone; by chance, from a holdout"
    )
    assert figure.query == (
        "sentientiq report cost --tenant 'a b'"
        " --since 2026-08-25T00:00:00 --until 2026-11-23T00:00:00"
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
