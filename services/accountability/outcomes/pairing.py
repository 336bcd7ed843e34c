"""One purchase that the page and the server told of, each under an id of its own, or under none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

SAME_PURCHASE_MS: Final = 10 * 60_000
"""How far apart they may tell of it."""


@dataclass(frozen=True, slots=True, order=True)
class Told:
    """That a user paid."""

    at_ms: int
    id: str
    user: str
    currency: str
    minor: int


def pair(events: Iterable[Told], payments: Iterable[Told]) -> dict[str, str]:
    """Payments by the events that are the same purchase: same user, currency and amount, in time.

    One is paired with one at most, the earliest with the earliest: so two purchases of one amount
    stay two, and no pair is missed for another.
    """
    sides: defaultdict[tuple[str, str, int], tuple[list[Told], list[Told]]]
    sides = defaultdict(lambda: ([], []))
    for side, told in enumerate((events, payments)):
        for one in told:
            if one.user and one.currency:
                sides[one.user, one.currency, one.minor][side].append(one)
    found: dict[str, str] = {}
    for ours, theirs in sides.values():
        waiting = iter(sorted(theirs))
        payment = next(waiting, None)
        for event in sorted(ours):
            while payment is not None and payment.at_ms < event.at_ms - SAME_PURCHASE_MS:
                payment = next(waiting, None)
            if payment is not None and payment.at_ms <= event.at_ms + SAME_PURCHASE_MS:
                found[event.id] = payment.id
                payment = next(waiting, None)
    return found
