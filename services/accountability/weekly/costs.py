"""A verdict on what ignoring cost, as the letter says it: money only with method and interval."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

from sentientiq.accountability.v1 import cost_service_pb2 as pb

from services.accountability.costing.servicer import CostServicer
from services.accountability.weekly.amounts import amount_text
from services.accountability.weekly.letter import Cost, Figure
from services.accountability.weekly.sources import Away
from services.common.errors import ServiceError

LOOK_BACK_MS: Final = 90 * 86_400_000
"""A week is too short for anybody to have left: the figure is of the last 90 days."""
_METHODS: Final = {1: "by chance, from a holdout", 2: "adjusted for what is known of them"}
"""By the numbers of CostMethod; any other: nobody can tell."""


class MoneyEstimate(Protocol):
    """An amount with its interval, in minor units."""

    @property
    def minor(self) -> int:
        """The best single figure."""
        ...

    @property
    def low_minor(self) -> int:
        """Lower end."""
        ...

    @property
    def high_minor(self) -> int:
        """Upper end."""
        ...


class CostMoney(Protocol):
    """The cost in one currency."""

    @property
    def currency(self) -> str:
        """ISO 4217."""
        ...

    @property
    def method(self) -> int:
        """How it is known."""
        ...

    @property
    def ignored_units(self) -> int:
        """How many were left alone."""
        ...

    @property
    def total(self) -> MoneyEstimate:
        """For all of them."""
        ...


class Verdict(Protocol):
    """What was found: IgnoredCost of accountability is one."""

    @property
    def method(self) -> int:
        """How it is known."""
        ...

    @property
    def summary(self) -> str:
        """All of it in a sentence or two."""
        ...

    @property
    def level(self) -> float:
        """Confidence of intervals."""
        ...

    @property
    def money(self) -> Sequence[CostMoney]:
        """By currency."""
        ...

    @property
    def warnings(self) -> Sequence[str]:
        """What to keep in mind."""
        ...


class MeasuredCosts:
    """Asks for a verdict of the days before a week's end."""

    def __init__(self, ask: Callable[[str, int, int], Awaitable[Verdict]]) -> None:
        """`ask` takes tenant, since and until in milliseconds; it may raise Away."""
        self._ask = ask

    async def of(self, tenant_id: str, since_ms: int, until_ms: int) -> Cost:
        """See Costs."""
        del since_ms
        since_ms = until_ms - LOOK_BACK_MS
        verdict = await self._ask(tenant_id, since_ms, until_ms)
        return told(verdict, _command(tenant_id, since_ms, until_ms))


def measured_by(costs: CostServicer) -> MeasuredCosts:
    """Costs as the service of this process, or of this command, works them out."""

    async def ask(tenant_id: str, since_ms: int, until_ms: int) -> Verdict:
        question = pb.CostQuestion(tenant_id=tenant_id, since_ms=since_ms, until_ms=until_ms)
        try:
            found = await costs.GetIgnoredCost(pb.GetIgnoredCostRequest(question=question), None)
        except ServiceError as error:
            raise Away(f"what ignoring cost: {error}") from error
        return found.cost

    return MeasuredCosts(ask)


def told(verdict: Verdict, query: str) -> Cost:
    """The part of the letter."""
    figures = tuple(
        Figure(
            amount_text(money.currency, money.total.minor),
            "lost in 90 days with those who were left alone",
            query,
            f"{100 * verdict.level:.0f} % between"
            f" {amount_text(money.currency, money.total.low_minor)} and"
            f" {amount_text(money.currency, money.total.high_minor)};"
            f" {money.ignored_units:,} left alone; {_METHODS[money.method]}",
        )
        for money in verdict.money
        if money.method in _METHODS
    )
    method = _METHODS.get(verdict.method, "none")
    return Cost(
        "" if figures else "Cannot tell yet.",
        method,
        figures,
        tuple(verdict.warnings) if figures else (),
        query,
        verdict.summary,
    )


def _command(tenant_id: str, since_ms: int, until_ms: int) -> str:
    since, until = (
        datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        for at in (since_ms, until_ms)
    )
    tenant = shlex.quote(tenant_id)
    return f"sentientiq report cost --tenant {tenant} --since {since} --until {until}"
