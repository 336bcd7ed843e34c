"""What a session's own identifies say, as far as the graph is concerned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from services.identity.fold import Entry, standings
from services.identity.graph.blocked import is_blocked
from services.identity.graph.rules import EMAIL, ID, GraphRules
from services.identity.model import Assurance, Facts


@dataclass(frozen=True, slots=True)
class Identifier:
    """Something by which a person is known: its kind ("email", "id:…") and a keyed hash."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Told:
    """All of it. The order in which identifies arrived makes no difference to it."""

    user_id: str = ""
    """Whose the session says it is now; empty: it names no user."""
    assurance: Assurance = Assurance.ANONYMOUS
    identifiers: tuple[Identifier, ...] = ()
    """What it says of itself now, the weightiest first."""
    users: Mapping[str, Assurance] = field(default_factory=dict[str, Assurance])
    """Everybody it ever was, by the best proof of them."""
    pairs: Mapping[tuple[Identifier, str], Assurance] = field(
        default_factory=dict[tuple[Identifier, str], Assurance]
    )
    """Which identifier was ever stated of which user, by the best proof."""
    began_ms: int = 0
    """When the first of it was stated; 0: never."""


def told(entries: Iterable[Entry], rules: GraphRules, hashed: Callable[[str, str], str]) -> Told:
    """Read all of a session's identifies; `hashed` makes a keyed hash of a kind and a value."""
    users: dict[str, Assurance] = {}
    pairs: dict[tuple[Identifier, str], Assurance] = {}
    user_id, last, began_ms, assurance = "", Facts(), 0, Assurance.ANONYMOUS
    for entry, facts in standings(entries):
        began_ms = min(began_ms or entry.occurred_at_ms, entry.occurred_at_ms)
        if entry.assurance >= assurance:
            assurance, last = entry.assurance, facts
            user_id = facts.user_id or ""
        if facts.user_id:
            users[facts.user_id] = max(entry.assurance, users.get(facts.user_id, entry.assurance))
            for identifier in _identifiers(facts, rules, hashed):
                pair = (identifier, facts.user_id)
                pairs[pair] = max(entry.assurance, pairs.get(pair, entry.assurance))
    return Told(user_id, assurance, _identifiers(last, rules, hashed), users, pairs, began_ms)


def _identifiers(
    facts: Facts, rules: GraphRules, hashed: Callable[[str, str], str]
) -> tuple[Identifier, ...]:
    stated = dict(facts.ids or ())
    named = [(f"{ID}:{name}", stated.get(name, "")) for name in rules.ids]
    named.append((EMAIL, (facts.email or "").lower()))
    return tuple(
        Identifier(kind, hashed(kind, value))
        for kind, value in named
        if value and not is_blocked(value, rules.blocked)
    )
