"""From what was told to outcomes: each once, whoever tells it, however often, in whatever order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Final, cast

import msgspec

from services.accountability.outcomes.document import Kind, folded
from services.accountability.outcomes.pairing import Told, pair
from services.common.currencies import DIGITS

_ID_FIELDS: Final = (
    *("order_id", "orderId", "transaction_id", "transactionId"),
    *("ticket_id", "ticketId", "task_id", "taskId"),
)
"""Of what happens once. A subscription is renewed again and again: its id is none of them."""
_AMOUNT_FIELDS: Final = ("revenue", "total", "amount", "value")
_MOST_MINOR: Final = 10**15


@dataclass(frozen=True, slots=True)
class Tracked:
    """A track event as analytics has it."""

    key: str
    """Its place in the log."""
    name: str
    props: str
    """JSON, or empty."""
    session_id: str
    user_id: str
    """Whose visit it was; empty: not known."""
    at_ms: int


@dataclass(frozen=True, slots=True)
class Paid:
    """A transaction as identity has it."""

    transaction_id: str
    user_id: str
    kind: str
    currency: str
    minor: int
    at_ms: int
    refers_to: str = ""
    """Of what takes back: the payment."""


@dataclass(frozen=True, slots=True)
class Happened:
    """An outcome."""

    id: str
    at_ms: int
    keys: tuple[str, ...]
    """Whose it is: "session:…", "user:…"."""
    currency: str = ""
    minor: int = 0


def keys_of(session_id: str, user_id: str) -> tuple[str, ...]:
    """By what an outcome and an act are known to be of one person."""
    found = (f"session:{session_id}" * bool(session_id), f"user:{user_id}" * bool(user_id))
    return tuple(key for key in found if key)


def outcomes_of(
    kind: Kind, tracked: Iterable[Tracked], paid: Iterable[Paid]
) -> dict[str, Happened]:
    """All outcomes of a kind, by id.

    An event and a transaction of one id (`order_id`, say) are one outcome, and so are those that
    `pair` finds. The transaction goes before, since it is the tenant's server that told it; of
    equals the earliest counts. What was wholly taken back is none.
    """
    names, words = {folded(name) for name in kind.track}, set(kind.transactions)
    told: list[tuple[tuple[int, int, str], Happened]] = []
    users: dict[str, str] = {}
    payments = {one.transaction_id: one for one in paid}
    net = _net(payments)
    for one in payments.values():
        if one.kind in words:
            happened = Happened(
                one.transaction_id, one.at_ms, keys_of("", one.user_id),
                one.currency, net[one.transaction_id],
            )  # fmt: skip
            told.append(((0, one.at_ms, one.transaction_id), happened))
    for event in tracked:
        if folded(event.name) in names:
            happened = _of_event(event)
            told.append(((1, event.at_ms, event.key), happened))
            users[happened.id] = max(users.get(happened.id, ""), event.user_id)
    found: dict[str, Happened] = {}
    for _, happened in sorted(told, key=lambda item: item[0]):
        first = found.setdefault(happened.id, happened)
        # The event knows the visit, and the transaction the user.
        keys = tuple(sorted({*first.keys, *happened.keys}))
        found[happened.id] = replace(first, keys=keys)
    alone = [
        Told(one.at_ms, id_, users[id_], one.currency, one.minor)
        for id_, one in found.items()
        if id_ not in payments
    ]
    unnamed = [
        Told(one.at_ms, id_, one.user_id, one.currency, one.minor)
        for id_, one in payments.items()
        if one.kind in words and id_ not in users
    ]
    for event_id, payment_id in pair(alone, unnamed).items():
        told_too, first = found.pop(event_id), found[payment_id]
        found[payment_id] = replace(first, keys=tuple(sorted({*first.keys, *told_too.keys})))
    gone = {id_ for id_, left in net.items() if left <= 0 and payments[id_].kind in words}
    return {id_: one for id_, one in sorted(found.items()) if id_ not in gone}


def _net(payments: Mapping[str, Paid]) -> dict[str, int]:
    """What is left of each payment."""
    net = {id_: one.minor for id_, one in payments.items() if not one.refers_to}
    for one in payments.values():
        payment = payments.get(one.refers_to)
        if payment is not None and payment.transaction_id in net:
            same = payment.currency == one.currency
            net[payment.transaction_id] -= one.minor if same else 0
    return {id_: max(left, 0) for id_, left in net.items()}


def _of_event(event: Tracked) -> Happened:
    props = _props(event.props)
    named = next((str(props[field]) for field in _ID_FIELDS if props.get(field)), "")
    currency, minor = _money(props)
    return Happened(
        named or event.key, event.at_ms, keys_of(event.session_id, event.user_id), currency, minor
    )


def _props(text: str) -> Mapping[str, object]:
    try:
        found: object = msgspec.json.decode(text) if text else {}
    except msgspec.DecodeError:
        return {}
    return cast("Mapping[str, object]", found) if isinstance(found, dict) else {}


def _money(props: Mapping[str, object]) -> tuple[str, int]:
    """What was paid; nothing where no currency of ISO 4217 is told: none is guessed."""
    currency = props.get("currency")
    stated = next((props[field] for field in _AMOUNT_FIELDS if props.get(field) is not None), None)
    if not isinstance(currency, str) or isinstance(stated, bool) or stated is None:
        return "", 0
    digits = DIGITS.get(currency.upper())
    try:
        amount = Decimal(str(stated))
    except InvalidOperation:
        return "", 0
    if digits is None or not amount.is_finite() or not 0 < amount.scaleb(digits) < _MOST_MINOR:
        return "", 0
    return currency.upper(), round(amount.scaleb(digits))
