"""What people paid, as observations: identity holds every transaction of a tenant.

`bought` counts purchases and periods of a subscription, `refunded` refunds and chargebacks of
those; `paid_usd` (any ISO 4217 currency) is the amount, what was taken back taken off. They are
read anew for each report and kept nowhere: what identity has erased, no report knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sentientiq.identity.v1 import identity_service_pb2 as ipb
from sentientiq.identity.v1 import transaction_service_pb2 as tpb

from services.common.currencies import DIGITS
from services.common.errors import ResourceExhausted
from services.intervention.experiments.checks import Trial
from services.intervention.experiments.observations import BEFORE_MS

BOUGHT: Final = "bought"
REFUNDED: Final = "refunded"
PAID: Final = "paid_"
_TAKEN_BACK: Final = (ipb.TRANSACTION_KIND_REFUND, ipb.TRANSACTION_KIND_CHARGEBACK)
_MOST: Final = 2_000_000
"""Transactions read for one report."""
_EXPOSED = """
SELECT unit, exposed_at_ms FROM experiment_exposures
WHERE tenant_id = $1 AND experiment = $2 AND unit_kind = 'person' AND exposed_at_ms <= $3
"""


def asked_by(trial: Trial) -> frozenset[str]:
    """Those of its observations that are payments. They have a person: no session, no company."""
    if trial.spec.unit != "person":
        return frozenset()
    return frozenset(filter(_is_payment, trial.observations))


def _is_payment(name: str) -> bool:
    currency = name.removeprefix(PAID)
    return name in (BOUGHT, REFUNDED) or (name != currency and currency.upper() in DIGITS)


async def exposed(connection: Any, tenant_id: str, trial: Trial, now_ms: int) -> dict[str, int]:
    """The people of an experiment, and when each was exposed, until now."""
    rows = await connection.fetch(_EXPOSED, tenant_id, trial.name, now_ms)
    return {row["unit"]: row["exposed_at_ms"] for row in rows}


@dataclass(slots=True)
class _Payment:
    """What may still be taken back of it."""

    after: bool
    currency: str
    minor: int


@dataclass(slots=True)
class Payments:
    """What people did after their exposure and in the weeks before it, added up."""

    people: Mapping[str, int]
    """With their first exposure, ms."""
    sums: dict[tuple[str, str, bool], float] = field(
        default_factory=dict[tuple[str, str, bool], float]
    )
    """By person, observation, and whether it was after the exposure."""
    _open: dict[str, _Payment] = field(default_factory=dict[str, _Payment])

    def add(self, one: ipb.Transaction) -> None:
        """Count a transaction; they come in order of time.

        What was taken back counts where its payment does, and never for more than that was: who
        paid before the exposure and got it back after it did neither because of it.
        """
        exposed_ms = self.people.get(one.user_id)
        if exposed_ms is None or _at_ms(one) < exposed_ms - BEFORE_MS:
            return
        after = _at_ms(one) >= exposed_ms
        if one.kind not in _TAKEN_BACK:
            made = _Payment(after, one.amount.currency, one.amount.minor)
            self._open[one.transaction_id] = made
            self._count(one.user_id, after, BOUGHT, one.amount.currency, one.amount.minor)
            return
        paid = self._open.get(one.refers_to)
        if paid is None or (paid.after, paid.currency) != (after, one.amount.currency):
            return
        back = min(paid.minor, one.amount.minor)
        if back > 0:
            paid.minor -= back
            self._count(one.user_id, after, REFUNDED, paid.currency, -back)

    def _count(self, user: str, after: bool, name: str, currency: str, minor: int) -> None:
        amount = minor / 10 ** DIGITS.get(currency, 2)
        for what, value in ((name, 1.0), (PAID + currency.lower(), amount)):
            key = (user, what, after)
            self.sums[key] = self.sums.get(key, 0.0) + value


async def read_payments(
    stub: Any,
    tenant_id: str,
    people: Mapping[str, int],
    now_ms: int,
    seen: Callable[[int], None],
) -> Payments:
    """What people paid from the weeks before their exposure until now.

    Args:
        stub: identity's TransactionService.
        tenant_id: whose people they are.
        people: whom to look for, with their first exposure, ms.
        now_ms: later payments are left out.
        seen: told how far it has come, ms, after each page.

    Raises:
        ResourceExhausted: the tenant has more transactions in that time than are read.
    """
    found = Payments(people)
    if not people:
        return found
    since_ms = max(0, min(people.values()) - BEFORE_MS)
    request = tpb.ListTransactionsRequest(
        tenant_id=tenant_id, since_ms=since_ms, until_ms=now_ms + 1
    )
    read = 0
    while True:
        page = await stub.ListTransactions(request)
        read += len(page.transactions)
        if read > _MOST:
            raise ResourceExhausted(
                f"more than {_MOST:,} transactions since the first exposure: give a warehouse's"
                " figures with --document and --units"
            )
        for one in page.transactions:
            found.add(one)
        if page.transactions:
            seen(_at_ms(page.transactions[-1]))
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


def _at_ms(one: ipb.Transaction) -> int:
    return one.occurred_at.seconds * 1000 + one.occurred_at.nanos // 1_000_000
