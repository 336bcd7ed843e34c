"""The identity of a session as a function of all its identifies, whatever order they came in.

Within a stream `seq` orders; between streams, the time the page stated. The highest assurance wins
whole: once a token has verified a session, what its pages merely claim counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace

from services.identity.company.classify import Kind
from services.identity.company.judge import company_of
from services.identity.company.rules import NO_RULES, Rules
from services.identity.model import Assurance, Facts, Identity, Tier
from services.identity.money import Money
from services.identity.tier import tier_of


@dataclass(frozen=True, slots=True)
class Entry:
    """One identify of the session, judged."""

    stream_id: str
    seq: int
    occurred_at_ms: int
    assurance: Assurance
    facts: Facts


def _in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Sort by time, where a stream's clock never runs backwards against its own seq."""
    clocks: dict[str, int] = {}
    timed: list[tuple[int, str, int, Entry]] = []
    for entry in sorted(entries, key=lambda entry: (entry.stream_id, entry.seq)):
        clock = max(entry.occurred_at_ms, clocks.get(entry.stream_id, 0))
        clocks[entry.stream_id] = clock
        timed.append((clock, entry.stream_id, entry.seq, entry))
    timed.sort(key=lambda item: item[:3])
    return [replace(entry, occurred_at_ms=clock) for clock, _, _, entry in timed]


def _overlay(older: Facts, newer: Facts) -> Facts:
    """What is newly stated replaces; another user_id is another person and inherits nothing."""
    if newer.user_id and older.user_id and newer.user_id != older.user_id:
        return newer
    stated = {
        field.name: value
        for field in fields(Facts)
        if (value := getattr(newer, field.name)) is not None
    }
    return replace(older, **stated)


def standings(entries: Iterable[Entry]) -> Iterator[tuple[Entry, Facts]]:
    """Yield each identify that tells anything, with what holds after it.

    First all of the lowest assurance in their order, then those of the next: each assurance stands
    on its own, and the last of all is who the session is.
    """
    telling = [entry for entry in entries if entry.facts != Facts()]
    for assurance in sorted({entry.assurance for entry in telling}):
        facts = Facts()
        for entry in _in_order(entry for entry in telling if entry.assurance == assurance):
            facts = _overlay(facts, entry.facts)
            yield entry, facts


def fold(entries: Iterable[Entry], rules: Rules = NO_RULES) -> Identity:
    """Return who the session is, under the rules that the tenant has for companies."""
    stood = list(standings(entries))
    if not stood:
        return Identity()
    entry, facts = stood[-1]
    assurance, established_at_ms = entry.assurance, entry.occurred_at_ms
    low, source = _value_basis(facts.ltv, assurance)
    judged = company_of(facts.company, facts.email, facts.company_name, rules)
    return Identity(
        assurance=assurance,
        user_id=facts.user_id or "",
        email=facts.email or "",
        name=facts.name or "",
        company=judged.company,
        company_name=facts.company_name or "",
        company_kind="" if judged.kind is Kind.NONE else judged.kind,
        company_parent=judged.parent,
        ltv=facts.ltv,
        ltv_low=low,
        ltv_high=facts.ltv,
        ltv_source=source,
        tier=tier_of(facts.ltv, facts.tier),
        established_at_ms=established_at_ms,
        plan=facts.plan or "",
        stated_tier=facts.tier or Tier.UNKNOWN,
    )


def _value_basis(ltv: Money | None, assurance: Assurance) -> tuple[Money | None, str]:
    """The lower end of the value's interval, and its source. A claim may be anything down to 0."""
    if ltv is None:
        return None, ""
    if assurance is Assurance.VERIFIED:
        return ltv, "token"
    return Money(ltv.currency, 0), "traits"
