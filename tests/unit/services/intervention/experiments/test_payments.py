"""What people paid, as observations of an experiment."""

from __future__ import annotations

from typing import Any

import pytest
from sentientiq.identity.v1 import identity_service_pb2 as ipb
from sentientiq.identity.v1 import transaction_service_pb2 as tpb

from services.common.errors import ResourceExhausted
from services.intervention.experiments.observations import BEFORE_DAYS
from services.intervention.experiments.payments import Payments, asked_by, read_payments
from tests.unit.services.intervention.experiments.documents import trial

DAY_MS = 86_400_000
NOW_MS = 1_795_000_000_000


def transaction(
    number: int,
    user: str,
    minor: int,
    currency: str = "USD",
    kind: str = "PURCHASE",
    of: ipb.Transaction | None = None,
) -> ipb.Transaction:
    one = ipb.Transaction(
        transaction_id=f"t{number}",
        user_id=user,
        amount=ipb.Money(currency=currency, minor=minor),
        kind=ipb.TransactionKind.Value(f"TRANSACTION_KIND_{kind}"),
        refers_to="" if of is None else of.transaction_id,
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


def summed(people: dict[str, int], *transactions: ipb.Transaction) -> dict[Any, float]:
    payments = Payments(people)
    for one in transactions:
        payments.add(one)
    return payments.sums


@pytest.mark.parametrize(
    ("one", "amount"),
    [
        (transaction(1, "ada", 12_990), ("paid_usd", 129.9)),
        (transaction(1, "ada", 900, "JPY"), ("paid_jpy", 900.0)),
        (transaction(1, "ada", 1_500, "EUR", "SUBSCRIPTION"), ("paid_eur", 15.0)),
    ],
    ids=["purchase", "no-cents", "period"],
)
def test_a_payment_is_counted_and_its_amount_summed(
    one: ipb.Transaction, amount: tuple[str, float]
) -> None:
    sums = summed({"ada": NOW_MS}, one)
    assert sums == {("ada", "bought", True): 1.0, ("ada", amount[0], True): amount[1]}


def test_each_side_of_the_exposure_has_its_own_and_the_past_is_four_weeks() -> None:
    sums = summed(
        {"ada": NOW_MS},
        transaction(-BEFORE_DAYS * DAY_MS - 1, "ada", 9_900),
        transaction(-BEFORE_DAYS * DAY_MS, "ada", 100),
        transaction(-1, "ada", 200),
        transaction(0, "ada", 400),
        transaction(1, "somebody", 9_900),
    )
    assert sums == {
        ("ada", "bought", False): 2.0,
        ("ada", "paid_usd", False): 3.0,
        ("ada", "bought", True): 1.0,
        ("ada", "paid_usd", True): 4.0,
    }


def test_what_is_taken_back_counts_where_its_payment_does_and_for_no_more() -> None:
    before, after = transaction(-9, "ada", 5_000), transaction(1, "ada", 1_000)
    refunds = [
        transaction(2, "ada", 5_000, kind="REFUND", of=before),  # paid before, given back after
        transaction(3, "ada", 600, kind="REFUND", of=after),
        transaction(4, "ada", 1_000, kind="CHARGEBACK", of=after),  # of the 400 that are left
        transaction(5, "ada", 1_000, kind="CHARGEBACK", of=after),  # of nothing
        transaction(6, "ada", 1_000, kind="REFUND", of=transaction(77, "ada", 1_000)),  # of what?
    ]
    sums = summed({"ada": NOW_MS}, before, after, *refunds)
    assert sums[("ada", "paid_usd", False)] == 50.0
    assert sums[("ada", "paid_usd", True)] == 0.0
    assert sums[("ada", "refunded", True)] == 2.0
    assert ("ada", "refunded", False) not in sums
    other = transaction(3, "ada", 600, "EUR", kind="REFUND", of=after)
    assert summed({"ada": NOW_MS}, after, other)[("ada", "paid_usd", True)] == 10.0


async def test_all_pages_are_read_and_others_left_out() -> None:
    pages = Pages(
        [transaction(1, "ada", 100), transaction(2, "else", 100)], [transaction(3, "bob", 200)]
    )
    seen: list[int] = []
    people = {"ada": NOW_MS - DAY_MS, "bob": NOW_MS}
    found = await read_payments(pages, "acme", people, NOW_MS + 9, seen.append)
    assert found.sums == {
        ("ada", "bought", True): 1.0,
        ("ada", "paid_usd", True): 1.0,
        ("bob", "bought", True): 1.0,
        ("bob", "paid_usd", True): 2.0,
    }
    assert seen == [NOW_MS + 2, NOW_MS + 3]
    first = pages.asked[0]
    assert (first.tenant_id, first.until_ms) == ("acme", NOW_MS + 10)
    assert first.since_ms == NOW_MS - DAY_MS - BEFORE_DAYS * DAY_MS


async def test_nobody_is_asked_for_nobody() -> None:
    pages = Pages([])
    assert not (await read_payments(pages, "acme", {}, NOW_MS, lambda _: None)).sums
    assert not pages.asked


async def test_more_than_can_be_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.intervention.experiments.payments._MOST", 2)
    pages = Pages([transaction(1, "ada", 100)], [transaction(number, "x", 1) for number in (2, 3)])
    with pytest.raises(ResourceExhausted, match="--document and --units"):
        await read_payments(pages, "acme", {"ada": NOW_MS}, NOW_MS, lambda _: None)
