"""What a recommendation's owner is held to, from the tenant's rules and who the owner is."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from services.accountability.document import DocumentError, Rules, zone_of
from services.accountability.facts import OwnerTerms
from services.accountability.hours import after_working

_DAY_MS = 24 * 3_600_000
# Nobody is looked for working time for longer: whoever has none in it has none.
_LOOK_AHEAD_MS = 60 * _DAY_MS
# More would only make the record long: half a year of days.
_MOST_SPANS = 180


@dataclass(frozen=True, slots=True)
class Person:
    """Of the team, what matters for terms."""

    person_id: str
    team: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """Of a recommendation, what matters for terms."""

    decided_at_ms: int
    due_at_ms: int
    """The alert's own."""
    emotion: str
    value: tuple[str, int] | None


def first_terms(rules: Rules, person: Person, asked: Asked) -> OwnerTerms:
    """Terms of whom the decision asked: they also say when it falls due."""
    hours = rules.hours_of(person.person_id, person.team)
    zone = _zone(rules, person)
    from_ms = asked.decided_at_ms
    in_hours = next(hours.spans(zone, from_ms, from_ms + 1), None) is not None
    deadline = rules.deadline_for(asked.emotion, asked.value, in_hours=in_hours)
    due_at_ms = asked.due_at_ms
    if deadline is not None:
        length_ms = deadline.minutes * 60_000
        due = from_ms + length_ms
        if deadline.clock == "working":
            ahead = hours.spans(zone, from_ms, from_ms + _LOOK_AHEAD_MS)
            due = after_working(ahead, length_ms) or from_ms + _LOOK_AHEAD_MS
        # What the alert has promised is the least that somebody gets.
        due_at_ms = max(due_at_ms, due)
    return _terms(rules, person, asked.decided_at_ms, due_at_ms, first=True)


def later_terms(rules: Rules, person: Person, decided_at_ms: int, due_at_ms: int) -> OwnerTerms:
    """Terms of whom it went to afterwards: a deadline does not move with it."""
    return _terms(rules, person, decided_at_ms, due_at_ms, first=False)


def _terms(
    rules: Rules, person: Person, from_ms: int, due_at_ms: int, *, first: bool
) -> OwnerTerms:
    hours = rules.hours_of(person.person_id, person.team)
    working = list(hours.spans(_zone(rules, person), from_ms, due_at_ms))
    return OwnerTerms(
        due_at_ms if first else 0,
        due_at_ms + rules.document.late_days * _DAY_MS if first else 0,
        person.team,
        tuple(working[:_MOST_SPANS]),
        rules.document.fair_minutes * 60_000,
        rules.source,
    )


def _zone(rules: Rules, person: Person) -> ZoneInfo:
    try:
        return zone_of("zone", person.zone or rules.document.zone)
    except DocumentError:
        # Identity checks zones; one that this machine's database lacks is no reason to stop.
        return zone_of("zone", rules.document.zone)
