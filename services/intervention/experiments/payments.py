"""What people paid, as observations: identity holds every transaction of a tenant.

`bought` is one for each purchase or period of a subscription, `refunded` one for each refund or
chargeback; `paid_usd` (any ISO 4217 currency) is the amount, what was taken back taken off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from sentientiq.identity.v1 import identity_service_pb2 as ipb
from sentientiq.identity.v1 import transaction_service_pb2 as tpb

from services.common.currencies import DIGITS
from services.intervention.experiments.checks import Trial
from services.intervention.experiments.observations import BEFORE_DAYS, Observation

BOUGHT: Final = "bought"
REFUNDED: Final = "refunded"
PAID: Final = "paid_"
_DAY_MS: Final = 86_400_000
_TAKEN_BACK: Final = (ipb.TRANSACTION_KIND_REFUND, ipb.TRANSACTION_KIND_CHARGEBACK)
_EXPOSED = """
SELECT unit, exposed_at_ms FROM experiment_exposures
WHERE tenant_id = $1 AND experiment = $2 AND unit_kind = 'person'
"""


def asked_by(trial: Trial) -> frozenset[str]:
    """Those of its observations that are payments. They have a person: no session, no company."""
    if trial.spec.unit != "person":
        return frozenset()
    return frozenset(filter(_is_payment, trial.observations))


def _is_payment(name: str) -> bool:
    currency = name.removeprefix(PAID)
    return name in (BOUGHT, REFUNDED) or (name != currency and currency.upper() in DIGITS)


async def exposed(connection: Any, tenant_id: str, trial: Trial) -> dict[str, int]:
    """The people of an experiment, and when each was exposed."""
    rows = await connection.fetch(_EXPOSED, tenant_id, trial.name)
    return {row["unit"]: row["exposed_at_ms"] for row in rows}


async def paid(
    stub: Any, tenant_id: str, people: dict[str, int], until_ms: int, seen: Callable[[int], None]
) -> list[Observation]:
    """What people paid since the weeks before the first of them was exposed.

    Args:
        stub: identity's TransactionService.
        tenant_id: whose people they are.
        people: whom to look for, with their first exposure, ms.
        until_ms: later payments are left out.
        seen: told how far it has come, ms, after each page.
    """
    found: list[Observation] = []
    if not people:
        return found
    since_ms = max(0, min(people.values()) - BEFORE_DAYS * _DAY_MS)
    request = tpb.ListTransactionsRequest(
        tenant_id=tenant_id, since_ms=since_ms, until_ms=max(until_ms, since_ms + 1)
    )
    while True:
        page = await stub.ListTransactions(request)
        for one in page.transactions:
            if one.user_id in people:
                found += observations(one)
        if page.transactions:
            seen(_at_ms(page.transactions[-1]))
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


def observations(one: ipb.Transaction) -> Iterator[Observation]:
    """What a transaction says of its user. Each is counted once, however often it is read."""
    taken_back = one.kind in _TAKEN_BACK
    amount = one.amount.minor / 10 ** DIGITS.get(one.amount.currency, 2)
    for name, value in (
        (REFUNDED if taken_back else BOUGHT, 1.0),
        (PAID + one.amount.currency.lower(), -amount if taken_back else amount),
    ):
        yield Observation(
            f"transaction:{one.transaction_id}", "person", one.user_id, name, value, _at_ms(one)
        )


def _at_ms(one: ipb.Transaction) -> int:
    return one.occurred_at.seconds * 1000 + one.occurred_at.nanos // 1_000_000
