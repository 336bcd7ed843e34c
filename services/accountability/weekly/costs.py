"""A verdict on what ignoring cost, as the letter says it: money only with method and interval."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Final, Protocol

from sentientiq.accountability.v1 import cost_service_pb2 as pb

from services.accountability.costing.servicer import CostServicer
from services.accountability.costing.sources import DidNotAnswer
from services.accountability.weekly.amounts import amount_text
from services.accountability.weekly.letter import Cost, Figure
from services.accountability.weekly.sources import Away
from services.common.errors import ServiceError

_DAY_MS: Final = 86_400_000
LOOK_BACK_MS: Final = 12 * 7 * _DAY_MS
"""A week is too short for anybody to have left, and events are kept for 90 days."""
_MONDAY_MS: Final = 4 * _DAY_MS
"""The first one of the epoch."""
_FAILED_S: Final = 50.0
"""So long nobody is asked who could not tell: not for each of a team's letters, one after another,
but when they are tried again."""
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
    """Asks for a verdict of the days before a week's end, once for all of a tenant's letters."""

    def __init__(
        self,
        ask: Callable[[str, int, int], Awaitable[Verdict]],
        monotonic_s: Callable[[], float] = monotonic,
    ) -> None:
        """`ask` takes tenant, since and until in milliseconds; it may raise Away."""
        self._ask = ask
        self._monotonic_s = monotonic_s
        self._known: dict[str, tuple[int, Cost]] = {}
        self._failed: dict[str, tuple[float, str]] = {}

    async def of(self, tenant_id: str, since_ms: int, until_ms: int) -> Cost:
        """See Costs."""
        del since_ms
        until_ms = common_end_ms(until_ms)
        known = self._known.get(tenant_id)
        if known is not None and known[0] == until_ms:
            return known[1]
        failed_until_s, why = self._failed.get(tenant_id, (0.0, ""))
        if why and self._monotonic_s() < failed_until_s:
            raise Away(why)
        since_ms = until_ms - LOOK_BACK_MS
        try:
            verdict = await self._ask(tenant_id, since_ms, until_ms)
        except Away as error:
            self._failed[tenant_id] = (self._monotonic_s() + _FAILED_S, str(error))
            raise
        self._failed.pop(tenant_id, None)
        found = told(verdict, _command(tenant_id, since_ms, until_ms))
        self._known[tenant_id] = (until_ms, found)
        return found


def common_end_ms(until_ms: int) -> int:
    """Where the figure ends for a whole team, whatever zones its people's weeks end in.

    The Sunday's beginning in UTC before it: by then it is past for the first who gets a letter.
    """
    week_ms = 7 * _DAY_MS
    weeks = (until_ms - _MONDAY_MS + week_ms // 2) // week_ms
    return weeks * week_ms + _MONDAY_MS - _DAY_MS


def measured_by(costs: CostServicer) -> MeasuredCosts:
    """Costs as the service of this process, or of this command, works them out."""

    async def ask(tenant_id: str, since_ms: int, until_ms: int) -> Verdict:
        question = pb.CostQuestion(tenant_id=tenant_id, since_ms=since_ms, until_ms=until_ms)
        try:
            found = await costs.GetIgnoredCost(pb.GetIgnoredCostRequest(question=question), None)
        except DidNotAnswer as error:
            raise Away(f"what ignoring cost: {error.who} did not answer") from error
        except ServiceError as error:
            raise Away(f"what ignoring cost: {error}") from error
        return found.cost

    return MeasuredCosts(ask)


def told(verdict: Verdict, query: str) -> Cost:
    """The part of the letter."""
    figures = tuple(
        _figure(money, verdict.level, query) for money in verdict.money if money.method in _METHODS
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


def _figure(money: CostMoney, level: float, query: str) -> Figure:
    """Lost, or gained: who reads of a loss below nothing takes it for one."""
    total = money.total
    text, low, high = total.minor, total.low_minor, total.high_minor
    meaning = "lost in 12 weeks with those who were left alone"
    if total.minor < 0:
        text, low, high = -total.minor, -total.high_minor, -total.low_minor
        meaning = "gained in 12 weeks by leaving some alone: help would have cost it"
    return Figure(
        amount_text(money.currency, text),
        meaning,
        query,
        f"{100 * level:.0f} % between {amount_text(money.currency, low)} and"
        f" {amount_text(money.currency, high)}; {money.ignored_units:,} left alone;"
        f" {_METHODS[money.method]}",
    )


def _command(tenant_id: str, since_ms: int, until_ms: int) -> str:
    since, until = (
        datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        for at in (since_ms, until_ms)
    )
    tenant = shlex.quote(tenant_id)
    return f"sentientiq report cost --tenant {tenant} --since {since} --until {until}"
