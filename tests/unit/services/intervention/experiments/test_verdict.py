"""The verdict: which word, on which figures, and that it comes from experiments as they are."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from services.intervention.experiments.analysis import Report, analyse
from services.intervention.experiments.checks import Trial
from services.intervention.experiments.observed import Observed, in_order
from services.intervention.experiments.sequence import looks
from services.intervention.experiments.verdict import Verdict, decide
from tests.unit.services.intervention.experiments.documents import trial

DAY_MS = 86_400_000
METRICS = [
    {"name": "bought", "role": "primary"},
    {"name": "dismissed", "better": "lower", "role": "guardrail"},
]
THREE = [{"name": "control"}, {"name": "chat"}, {"name": "offer"}]


def observe(
    found: Trial, units: int, rates: list[float], *, days: float = 10.0, lost: float = 0.0,
    dismissed: tuple[float, ...] = (0.05, 0.05, 0.05),
) -> Observed:  # fmt: skip
    """Units that come evenly; arm by arm their rate of buying and of dismissing."""
    chance = np.random.default_rng(20261127)
    arm = chance.integers(0, len(rates), units)
    at = np.sort(chance.integers(0, int(days * DAY_MS), units))
    values = {
        "bought": (chance.random(units) < np.array(rates)[arm]).astype(np.float64),
        "dismissed": (chance.random(units) < np.array(dismissed)[arm]).astype(np.float64),
    }
    seen = in_order(found, arm, at, values, {})
    return seen.where(~((arm == 1) & (chance.random(units) < lost)))


def judge(
    units: int, rates: list[float], *, days: float = 10.0, plan: dict[str, Any] | None = None,
    variants: list[dict[str, str]] | None = None, **how: Any,
) -> tuple[Verdict, Report]:  # fmt: skip
    found = trial(
        metrics=METRICS, plan={"mde": 0.02, "units": 20_000, **(plan or {})},
        **({} if variants is None else {"variants": variants}),
    )  # fmt: skip
    report = analyse(found, observe(found, units, rates, days=days, **how), int(days * DAY_MS))
    return decide(found, report), report


FIXED = {"inference": "fixed"}


@pytest.mark.parametrize(
    ("case", "text", "reason"),
    [
        ({"units": 12_000, "rates": [0.1, 0.14]}, "ship", "chat makes bought better"),
        ({"units": 9_000, "rates": [0.1, 0.11]}, r"keep running: about \d+ days", "takes"),
        (
            {"units": 12_000, "rates": [0.1, 0.14], "days": 3},
            "keep running: about 4 days",
            "weekdays and weekends differ",
        ),
        ({"units": 12_000, "rates": [0.14, 0.1]}, "stop: harm", "chat makes bought worse"),
        (
            {"units": 12_000, "rates": [0.1, 0.14], "dismissed": (0.05, 0.1)},
            "stop: harm",
            "chat makes dismissed worse",
        ),
        ({"units": 12_000, "rates": [0.1, 0.14], "lost": 0.1}, "broken: sample ratio", "p = "),
        ({"units": 0, "rates": [0.1, 0.1]}, "cannot tell: no unit has counted yet", ""),
        ({"units": 150, "rates": [0.1, 0.1]}, "keep running: too early.*", "20 that did bought"),
        ({"units": 150, "rates": [0.1, 0.1], "days": 50}, "cannot tell: bought needs 100.*", ""),
        ({"units": 60_000, "rates": [0.1, 0.1]}, "cannot tell: there is no effect of 0.02.*", ""),
        ({"units": 1_000, "rates": [0.1, 0.1]}, r"cannot tell: it would take about \d+ more.*", ""),
        ({"units": 9_000, "rates": [0.1, 0.11], "days": 43}, "cannot tell: after 43 of.*", ""),
        ({"units": 12_000, "rates": [0.1, 0.14], "plan": FIXED}, "keep running: about 7 days", ""),
        ({"units": 21_000, "rates": [0.1, 0.14], "plan": FIXED}, "ship", ""),
        ({"units": 21_000, "rates": [0.14, 0.1], "plan": FIXED}, "stop: harm", ""),
        (
            {"units": 21_000, "rates": [0.1, 0.1], "plan": FIXED},
            "cannot tell: the planned 20,000.*",
            "",
        ),
        (
            {"units": 30_000, "rates": [0.1, 0.1, 0.14], "variants": THREE},
            "ship: offer",
            "offer makes",
        ),
        (
            {"units": 30_000, "rates": [0.14, 0.14, 0.1], "variants": THREE},
            "stop: harm by offer",
            "offer makes bought worse",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_the_word_and_its_reason(case: dict[str, Any], text: str, reason: str):
    verdict, _ = judge(**case)
    assert re.fullmatch(text, verdict.text), verdict
    assert any(reason in one for one in verdict.reasons)


def test_the_days_it_says_are_the_days_it_takes():
    """Run on for as long as it says, at the same pace, and it has the units it asked for."""
    verdict, report = judge(9_000, [0.1, 0.11])
    assert verdict.days is not None
    assert report.needed_units is not None
    lacking = (report.needed_units - 9_000) / report.units_per_day
    assert verdict.days - 1 < lacking <= verdict.days + 0.1
    assert report.units_per_day == pytest.approx(900, rel=0.01)


def test_only_units_that_have_had_their_time_count():
    found = trial(metrics=METRICS, plan={"mde": 0.02, "settle_hours": 24})
    seen = observe(found, 10_000, [0.1, 0.1])
    report = analyse(found, seen, 10 * DAY_MS)
    assert report.waiting == int((seen.exposed_at_ms > 9 * DAY_MS).sum()) > 900
    assert sum(report.units) + report.waiting == 10_000


def test_more_arms_ask_for_more():
    """Three arms must not find an effect of nothing more often than two."""
    _, two = judge(20_000, [0.1, 0.1])
    _, three = judge(30_000, [0.1, 0.1, 0.1], variants=THREE)
    widths = [
        one.high - one.low
        for report in (two, three)
        for one in report.comparisons
        if one.metric == "bought" and one.variant == "chat" and one.high is not None
        if one.low is not None
    ]
    assert widths[1] > 1.05 * widths[0]


def test_looks_narrow_and_end_where_the_report_is():
    found = trial(metrics=METRICS, plan={"mde": 0.02, "units": 20_000})
    seen = observe(found, 12_000, [0.1, 0.14])
    over_time = looks(found, seen, 1, count=40)
    report = analyse(found, seen, 10 * DAY_MS)
    last = over_time[-1]
    assert (last.low, last.high) == report.comparisons[0].always
    assert last.units == 12_000
    widths = [look.high - look.low for look in over_time]
    assert widths[0] > 3 * widths[-1]
    assert over_time[0].units >= 200, "too few units say nothing"


def test_a_ratio_with_cap_and_cuped_is_told_by_what_it_is():
    ratio = {"name": "rate", "kind": "ratio", "of": "clicked", "per": "shown", "cuped": True}
    spend = {"name": "spend", "kind": "mean", "cap_quantile": 0.9}
    found = trial(metrics=[METRICS[0], ratio, spend])
    chance = np.random.default_rng(4)
    arm = chance.integers(0, 2, 6_000)
    often = chance.beta(2, 5, 6_000)
    shown = chance.poisson(3, 6_000) + 1
    rates = np.minimum(often * (1 + 0.5 * arm), 1)
    clicked = chance.binomial(shown, rates).astype(np.float64)
    before = {"clicked": np.where(chance.random(6_000) < 0.8, often * 10, np.nan)}
    values = {"bought": often, "clicked": clicked, "shown": shown.astype(np.float64)}
    values["spend"] = often * 100
    report = analyse(found, in_order(found, arm, arm * 0, values, before), DAY_MS)
    rate, money = report.comparisons[1:]
    mean = [clicked[arm == one].sum() / shown[arm == one].sum() for one in (0, 1)]
    assert (rate.control, rate.treated) == pytest.approx(tuple(mean))
    assert rate.low is not None
    assert rate.high is not None
    assert rate.low < 0.5 * 2 / 7 < rate.high
    assert rate.variance_left is not None
    assert rate.variance_left < 0.9
    assert money.cap == pytest.approx(100 * np.quantile(often, 0.9))
    assert money.q is not None
    assert money.p is not None
    assert money.q >= money.p
