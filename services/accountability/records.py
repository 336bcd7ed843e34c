"""What the tables hold, as the code sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from services.accountability.facts import Fact, Terms
from services.accountability.lifecycle import Step
from services.accountability.owners import Ownership


class Key(NamedTuple):
    """Names a recommendation."""

    tenant_id: str
    decision_id: str


@dataclass(frozen=True, slots=True)
class Felt:
    """The emotion behind a recommendation, as far as feedback needs it."""

    emotion: str = ""
    id: str = ""
    confidence: int = 0
    log_odds: float = 0.0
    calibration: str = ""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What the decision said. `value` is (currency, minor units), None if unknown."""

    key: Key
    session_id: str
    company: str
    value: tuple[str, int] | None
    terms: Terms
    felt: Felt = Felt()
    thread_id: str = ""
    """The decision whose message this one joined; empty: it has its own."""


@dataclass(frozen=True, slots=True)
class HeardFact:
    """An outcome about a recommendation."""

    key: Key
    fact: Fact
    channel: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """A recommendation and what follows from its facts."""

    recommendation: Recommendation
    steps: tuple[Step, ...]
    """The oldest first."""
    owners: tuple[Ownership, ...]
    owner_id: str
    due_at_ms: int
    late_until_ms: int
    terms_source: str
    decline_reason: str
    right: bool | None


class Life(NamedTuple):
    """What a fold gives, to be stored."""

    steps: tuple[Step, ...]
    owners: tuple[Ownership, ...]
    due_at_ms: int
    late_until_ms: int
    decline_reason: str
    right: bool | None
