"""Appeals: a person contests what is said of them, somebody else rules.

A person has one appeal a recommendation, the first; an appeal has one ruling, the first that comes
after it and is not the person's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from services.accountability.facts import FALSE_ALARM, GRANTED, NEVER_SAW, REFUSED, Fact, FactKind


class AppealState(IntEnum):
    """Numbers of `AppealState` in proto."""

    NONE = 0
    OPEN = 1
    GRANTED = 2
    REFUSED = 3


@dataclass(frozen=True, slots=True)
class Appeal:
    """What one person contests."""

    reason: str
    """`NEVER_SAW` or `FALSE_ALARM`."""
    at_ms: int
    ruling: Fact | None = None

    @property
    def granted(self) -> bool:
        """Whether it was upheld."""
        return self.state is AppealState.GRANTED

    @property
    def refused(self) -> bool:
        """Whether it was not."""
        return self.state is AppealState.REFUSED

    @property
    def state(self) -> AppealState:
        """How far it has come."""
        if self.ruling is None:
            return AppealState.OPEN
        return AppealState.GRANTED if self.ruling.detail == GRANTED else AppealState.REFUSED


def read_appeals(ordered: list[Fact]) -> dict[str, Appeal]:
    """The appeals that facts, in order, speak of, by person."""
    found: dict[str, Appeal] = {}
    for fact in ordered:
        person = fact.person_id
        if fact.kind is FactKind.APPEALED and fact.detail in (NEVER_SAW, FALSE_ALARM):
            found.setdefault(person, Appeal(fact.detail, fact.at_ms))
    for fact in ordered:
        if fact.kind is not FactKind.APPEAL_RULED or fact.detail not in (GRANTED, REFUSED):
            continue
        appeal = found.get(fact.person_id)
        if (
            appeal is not None
            and appeal.ruling is None
            and fact.at_ms >= appeal.at_ms
            and fact.by_person_id != fact.person_id
        ):
            found[fact.person_id] = Appeal(appeal.reason, appeal.at_ms, fact)
    return found
