"""What people paid, as observations of an experiment."""

from __future__ import annotations

from typing import Any

import pytest
from sentientiq.identity.v1 import identity_service_pb2 as ipb
from sentientiq.identity.v1 import transaction_service_pb2 as tpb

from services.intervention.experiments.observations import BEFORE_DAYS, Observation
from services.intervention.experiments.payments import asked_by, observations, paid
from tests.unit.services.intervention.experiments.documents import trial

DAY_MS = 86_400_000
NOW_MS = 1_795_000_000_000


def transaction(
    number: int, user: str, minor: int, currency: str = "USD", kind: str = "PURCHASE"
) -> ipb.Transaction:
    one = ipb.Transaction(
        transaction_id=f"t{number}",
        user_id=user,
        amount=ipb.Money(currency=currency, minor=minor),
        kind=ipb.TransactionKind.Value(f"TRANSACTION_KIND_{kind}"),
    )
    one.occurred_at.FromMilliseconds(NOW_MS + number)
    return one


class Pages:
    """TransactionService with two pages; it notes what it was asked."""

    def __init__(self, *pages: list[ipb.Transaction]) -> None:
        self.pages = pages
        self.asked: list[tpb.ListTransactionsRequest] = []

    async def ListTransactions(self, request: Any) -> tpb.ListTransactionsResponse:
        self.asked.append(tpb.ListTransactionsRequest.FromString(request.SerializeToString()))
        number = int(request.page_token or 0)
        following = str(number + 1) if number + 1 < len(self.pages) else ""
        return tpb.ListTransactionsResponse(
            transactions=self.pages[number], next_page_token=following
        )


@pytest.mark.parametrize(
    ("unit", "names", "asked"),
    [
        ("person", ["bought", "clicked"], {"bought"}),
        ("person", ["paid_usd", "refunded"], {"paid_usd", "refunded"}),
        ("person", ["paid", "paid_", "paid_attention", "usd"], set[str]()),
        ("session", ["bought", "paid_usd"], set[str]()),
        ("company", ["bought"], set[str]()),
    ],
)
def test_payments_are_asked_for_by_their_names_and_of_people(
    unit: str, names: list[str], asked: set[str]
) -> None:
    metrics = [{"name": name, "role": "secondary"} for name in names]
    metrics[0]["role"] = "primary"
    assert asked_by(trial(unit=unit, metrics=metrics)) == asked


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (transaction(1, "u", 12_990), [("bought", 1.0), ("paid_usd", 129.9)]),
        (transaction(1, "u", 900, "JPY"), [("bought", 1.0), ("paid_jpy", 900.0)]),
        (
            transaction(1, "u", 1_500, "EUR", "SUBSCRIPTION"),
            [("bought", 1.0), ("paid_eur", 15.0)],
        ),
        (transaction(1, "u", 500, kind="REFUND"), [("refunded", 1.0), ("paid_usd", -5.0)]),
        (transaction(1, "u", 500, kind="CHARGEBACK"), [("refunded", 1.0), ("paid_usd", -5.0)]),
    ],
    ids=["purchase", "no-cents", "period", "refund", "chargeback"],
)
def test_a_transaction_is_counted_and_its_amount_summed(
    one: ipb.Transaction, said: list[tuple[str, float]]
) -> None:
    assert list(observations(one)) == [
        Observation("transaction:t1", "person", "u", name, value, NOW_MS + 1)
        for name, value in said
    ]


async def test_all_pages_are_read_and_others_left_out() -> None:
    pages = Pages(
        [transaction(1, "ada", 100), transaction(2, "else", 100)], [transaction(3, "bob", 200)]
    )
    seen: list[int] = []
    people = {"ada": NOW_MS - DAY_MS, "bob": NOW_MS}
    found = await paid(pages, "acme", people, NOW_MS + 9, seen.append)
    assert [(one.unit, one.name, one.value) for one in found] == [
        ("ada", "bought", 1.0),
        ("ada", "paid_usd", 1.0),
        ("bob", "bought", 1.0),
        ("bob", "paid_usd", 2.0),
    ]
    assert seen == [NOW_MS + 2, NOW_MS + 3]
    first = pages.asked[0]
    assert (first.tenant_id, first.until_ms) == ("acme", NOW_MS + 9)
    assert first.since_ms == NOW_MS - DAY_MS - BEFORE_DAYS * DAY_MS


async def test_nobody_is_asked_for_nobody() -> None:
    pages = Pages([])
    assert await paid(pages, "acme", {}, NOW_MS, lambda _: None) == []
    assert not pages.asked
