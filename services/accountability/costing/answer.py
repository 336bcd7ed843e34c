"""Judge the facts of a question; protobuf of the verdict and of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
from sentientiq.accountability.v1 import cost_service_pb2 as pb
from sentientiq.identity.v1.identity_service_pb2 import Money

from services.accountability.cost.estimate import Estimate
from services.accountability.cost.judge import Judgement, judge
from services.accountability.cost.verdict import Arm, Method, MoneyVerdict
from services.accountability.costing.facts import EVENTS_KEPT_DAYS, Facts
from services.accountability.costing.rows import FORGOTTEN, Row, Rows, dealt_rows, offered_rows
from services.accountability.costing.samples import counted, sample_of
from services.accountability.costing.sources import (
    OUTCOMES,
    UNITS,
    outcomes_parameters,
    units_parameters,
)
from services.accountability.costing.words import summary

_METHODS: Final = {
    Method.RANDOMISED: pb.COST_METHOD_RANDOMISED,
    Method.DOUBLY_ROBUST: pb.COST_METHOD_DOUBLY_ROBUST,
    Method.CANNOT_TELL: pb.COST_METHOD_CANNOT_TELL,
}
_NO_COMPARISON: Final = "there is no figure: no holdout, and nobody who can stand for them"


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict, and the rows that it is made of."""

    facts: Facts
    judgement: Judgement
    rows: Rows


def answer(facts: Facts) -> Answer:
    """Judge; takes up to seconds of a processor.

    Raises:
        NotFound: nobody met the holdout that was asked for.
    """
    dealt, offered = dealt_rows(facts), offered_rows(facts)
    found = judge(sample_of(dealt, facts.kind), sample_of(offered, facts.kind))
    return Answer(facts, found, dealt if found.sample == "dealt" else offered)


def cost_of(found: Answer) -> pb.IgnoredCost:
    """The verdict as it is told."""
    facts, verdict = found.facts, found.judgement.verdict
    kind, question = facts.kind, facts.question
    warnings = list(verdict.warnings)
    if verdict.effect is not None:
        warnings += _assumptions(facts, found.rows)
    warnings += _forgotten(facts, found.rows)
    cost = pb.IgnoredCost(
        method=_METHODS[verdict.method], summary=summary(verdict, question.outcome, kind),
        outcome=question.outcome, basis=kind.basis, unit=found.rows.unit_kind,
        level=verdict.level, helped=_arm(verdict.helped), ignored=_arm(verdict.ignored),
        money=[_money(one) for one in verdict.money],
        warnings=warnings, missing=verdict.missing,
        checks=[
            pb.CostCheck(
                name=one.name, value=one.value, limit=one.limit, passed=one.passed, text=one.text
            )
            for one in verdict.checks
        ],
        e_value=verdict.e_value, holdout=found.rows.holdout, window_days=kind.window_days,
        reports=[
            pb.CostReport(report=UNITS, parameters=units_parameters(question)),
            pb.CostReport(
                report=OUTCOMES, parameters=outcomes_parameters(question, kind, facts.payments)
            ),
        ],
    )  # fmt: skip
    if verdict.effect is not None:
        cost.effect.CopyFrom(_estimate(verdict.effect))
    return cost


def rows_of(found: Answer) -> list[pb.CostRow]:
    """Every unit, those left out too, in order of their decisions."""
    verdict = found.judgement.verdict
    place = {row.unit: index for index, row in enumerate(counted(found.rows))}
    told: list[pb.CostRow] = []
    for row in sorted(found.rows.rows, key=lambda one: (one.first.at_ms, one.first.id)):
        index, left_out, chance = place.get(row.unit), row.left_out, _own_chance(row)
        if index is not None:
            if verdict.chance is not None:
                chance = float(verdict.chance[index])
            if verdict.counted is None:
                left_out = _NO_COMPARISON
            elif not verdict.counted[index]:
                left_out = "nobody who was helped resembles them"
        told.append(_row(row, left_out, chance))
    return told


def _row(row: Row, left_out: str, chance: float) -> pb.CostRow:
    first = row.first
    told = pb.CostRow(
        unit=row.unit, decision_id=first.id, session_id=first.session_id,
        decided_at_ms=first.at_ms, emotion=first.emotion, ignored=not row.helped,
        propensity=chance, happened=bool(row.credited),
        outcome_ids=[one.id for one in row.credited],
        paid=[
            Money(currency=one.currency, minor=one.minor) for one in row.credited if one.currency
        ],
        before=row.before, left_out=left_out,
    )  # fmt: skip
    if first.minor is not None:
        told.value.CopyFrom(Money(currency=first.currency, minor=first.minor))
    return told


def _own_chance(row: Row) -> float:
    if not np.isfinite(row.share):
        return 0.0
    return row.share if row.helped else 1 - row.share


def _assumptions(facts: Facts, rows: Rows) -> list[str]:
    found: list[str] = []
    if facts.kind.basis == "at_stake":
        found.append(
            "value at stake is what the customer was worth when it was decided, what they had paid"
            " before included: it is an upper bound of what is lost with them"
        )
    if facts.kind.basis == "at_stake" and any(row.first.minor is None for row in counted(rows)):
        unknown = sum(row.first.minor is None for row in counted(rows))
        found.append(f"of {unknown:,} no value is known: they are in the effect, not in the money")
    unpriced = sum(not one.currency for row in counted(rows) for one in row.credited)
    if facts.kind.basis == "paid" and unpriced:
        found.append(f"{unpriced:,} outcomes told no amount with a currency: they count as nothing")
    waiting = sum("still open" in row.left_out for row in rows.rows)
    if waiting:
        found.append(f"{waiting:,} more are not counted yet: their window is still open")
    return found


def _forgotten(facts: Facts, rows: Rows) -> list[str]:
    """Said with a figure and without one: the period was asked for, and this part has no answer."""
    gone = [row.first for row in rows.rows if row.left_out == FORGOTTEN]
    if not gone:
        return []
    since, until = (_day(at_ms(one.at_ms for one in gone)) for at_ms in (min, max))
    return [
        f"{len(gone):,} can no longer be judged, decided {since} to {until}: events are deleted"
        f" after {EVENTS_KEPT_DAYS} days. An outcome that transactions alone tell of, with no names"
        " in `track`, has no such end"
    ]


def _day(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"


def _money(one: MoneyVerdict) -> pb.CostMoney:
    told = pb.CostMoney(
        currency=one.currency, method=_METHODS[one.method], helped_units=one.helped_units,
        ignored_units=one.ignored_units, missing=one.missing, warnings=one.warnings,
    )  # fmt: skip
    if one.each is not None:
        told.each.CopyFrom(_amounts(one.each.value, one.each.low, one.each.high))
        told.total.CopyFrom(_amounts(*one.total))
    return told


def _amounts(value: float, low: float, high: float) -> pb.MoneyEstimate:
    return pb.MoneyEstimate(minor=round(value), low_minor=round(low), high_minor=round(high))


def _estimate(of: Estimate) -> pb.Estimate:
    return pb.Estimate(value=of.value, low=of.low, high=of.high)


def _arm(arm: Arm) -> pb.CostArm:
    return pb.CostArm(units=arm.units, happened=arm.happened)
