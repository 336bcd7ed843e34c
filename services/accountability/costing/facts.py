"""What was asked, and the records that answer it, as this service holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.accountability.outcomes.document import Kind
from services.accountability.outcomes.facts import Paid, Tracked

DAY_MS = 86_400_000
HISTORY_DAYS = 84
"""How far back is looked: four weeks to adjust by, and eight weeks before these as a placebo."""
EVENTS_KEPT_DAYS = 90
"""Analytics keeps decisions for 400, from the day of storing both."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whose cost, of what, when."""

    tenant_id: str
    emotion: str
    """Empty: of all."""
    outcome: str
    since_ms: int
    until_ms: int
    holdout: str
    """Empty: the one that held most."""


@dataclass(frozen=True, slots=True)
class Met:
    """A holdout or an experiment that a decision came to."""

    name: str
    unit_kind: str
    arm: str
    chance: float
    """Of that arm."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision as analytics has it, with what was known before and whether help came."""

    id: str
    session_id: str
    user_id: str
    company: str
    emotion: str
    offered: bool
    """Help was to be given."""
    met: tuple[Met, ...]
    at_ms: int
    due_at_ms: int
    acted_at_ms: int
    """0: nobody acted."""
    shown_at_ms: int
    """0: the page showed nothing."""
    currency: str
    minor: int | None
    """Value at stake; None: not known."""
    before: Mapping[str, float]
    words: Mapping[str, str]
    stored_at_ms: int = 0
    """When analytics took it; 0: not told."""

    def unit(self, kind: str) -> str:
        """Who it is, of a kind; empty: not known."""
        of = {"person": self.user_id, "company": self.company, "session": self.session_id}
        return of.get(kind, "")


@dataclass(frozen=True, slots=True)
class Facts:
    """All records that a question needs."""

    question: Question
    kind: Kind
    payments: Kind
    """What counts as having paid, for the history."""
    decided: Sequence[Decided]
    """In order of time and id."""
    tracked: Sequence[Tracked]
    paid: Sequence[Paid]
    now_ms: int

    @property
    def window_ms(self) -> int:
        """How long after a decision an outcome may come."""
        return round(self.kind.window_days * DAY_MS)

    def forgotten(self, one: Decided) -> bool:
        """Whether events that followed a decision are deleted, which would have told of outcomes.

        A day early: they may have been stored before the decision was.
        """
        kept_ms = (EVENTS_KEPT_DAYS - 1) * DAY_MS
        return bool(self.kind.track and 0 < one.stored_at_ms <= self.now_ms - kept_ms)
