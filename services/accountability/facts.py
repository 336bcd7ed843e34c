"""What is known about a recommendation: what its decision fixed, and what was heard since."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class FactKind(IntEnum):
    """Numbers of `OutcomeKind` in proto, those that say something about a recommendation."""

    DELIVERED = 5
    SEEN = 6
    ACTED = 7
    DECLINED = 8
    HANDED_OVER = 10
    APPEALED = 12
    APPEAL_RULED = 13
    FEEDBACK = 14
    VOIDED = 15
    TERMS_SET = 16
    ESCALATED = 20


NEVER_SAW, FALSE_ALARM = "never_saw", "false_alarm"
"""What an appeal says; a decline and a withdrawal may say the second too."""
GRANTED, REFUSED = "granted", "refused"
"""What a ruling says."""
RIGHT, WRONG = "right", "wrong"
"""What feedback says."""

Span = tuple[int, int]
"""From a moment to before another, Unix epoch in milliseconds."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the decision fixed. Times in Unix epoch milliseconds."""

    decided_at_ms: int
    due_at_ms: int
    person_id: str = ""
    """Who should act."""


@dataclass(frozen=True, slots=True)
class OwnerTerms:
    """What one owner is held to: `RecommendationTerms` in proto."""

    due_at_ms: int = 0
    late_until_ms: int = 0
    team: str = ""
    working: tuple[Span, ...] = ()
    fair_ms: int = 0
    source: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """One outcome; `at_ms` is when it occurred, not when it was heard of."""

    id: str
    kind: FactKind
    at_ms: int
    person_id: str = ""
    by_person_id: str = ""
    detail: str = ""
    terms: OwnerTerms | None = None


def in_order(facts: dict[str, Fact]) -> list[Fact]:
    """Facts as they occurred.

    Of one millisecond, in the order of their kinds: delivered comes before seen before acted
    before declined, and an answer before any change of hands.
    """
    return sorted(facts.values(), key=lambda fact: (fact.at_ms, fact.kind, fact.id))
