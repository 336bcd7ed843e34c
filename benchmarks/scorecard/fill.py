"""A ledger with many recommendations, recorded and folded by the service's own code."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from services.accountability.facts import Fact, FactKind, OwnerTerms, Terms
from services.accountability.ledger import Ledger
from services.accountability.records import Felt, HeardFact, Key, Recommendation
from services.accountability.store import MIGRATIONS, SCHEMA, Store
from services.accountability.sums import DAY_MS
from services.common import postgres

PEOPLE = tuple(f"person-{number}" for number in range(12))
TEAMS = ("ceo", "sales", "success", "support")
_CURRENCIES = ("USD", "EUR", "JPY")
_BATCH = 2_000
_MINUTE_MS = 60_000
Lived = tuple[Recommendation, list[HeardFact]]


async def fill(
    postgres_url: str, *, tenant: str, count: int, days: int, end_ms: int, seed: int = 1
) -> int:
    """Add recommendations over so many days before `end_ms`. Returns how many.

    A third of them are answered in time, a third late, and the rest end otherwise; every fifth
    changes hands, and people say of every fourth whether its emotion was right.
    """
    await postgres.migrate(postgres_url, SCHEMA, MIGRATIONS)
    pool: Any = await postgres.connect(postgres_url, schema=SCHEMA, max_size=2)
    try:
        store = Store(pool)
        ledger = Ledger(store, lambda: end_ms)
        chance = random.Random(seed)
        batch: list[Lived] = []
        for number in range(count):
            # Days one after the other: what is folded together falls on few of them.
            at_ms = end_ms - days * DAY_MS + number * days * DAY_MS // count
            batch.append(_lived(tenant, number, at_ms, chance))
            if len(batch) == _BATCH or number == count - 1:
                await store.record_facts([fact for _, facts in batch for fact in facts])
                await store.record_recommendations([asked for asked, _ in batch])
                await ledger.fold(asked.key for asked, _ in batch)
                batch = []
        await pool.execute("ANALYZE")
    finally:
        await pool.close()
    return count


def _lived(tenant: str, number: int, decided_ms: int, chance: random.Random) -> Lived:
    key = Key(tenant, f"d{number:08}")
    owner = chance.choice(PEOPLE)
    due_ms = decided_ms + 30 * _MINUTE_MS
    value = (chance.choice(_CURRENCIES), chance.randrange(1, 10**7))
    asked = Recommendation(
        key,
        f"s{number}",
        "globex.example",
        value if chance.random() < 0.9 else None,
        Terms(decided_ms, due_ms, owner),
        Felt("rage", f"e{number}", chance.randrange(50, 100), 1.0, "simulated-v1"),
    )
    facts = [HeardFact(key, fact) for fact in _facts(key, owner, decided_ms, due_ms, chance)]
    return asked, facts


def _facts(
    key: Key, owner: str, decided_ms: int, due_ms: int, chance: random.Random
) -> Iterator[Fact]:
    def fact(kind: FactKind, at_ms: int, **more: Any) -> Fact:
        return Fact(f"{key.decision_id}-{kind.name}-{at_ms}", kind, at_ms, **more)

    def termed(person: str) -> Fact:
        terms = OwnerTerms(
            due_ms,
            due_ms + 7 * DAY_MS,
            TEAMS[PEOPLE.index(person) % len(TEAMS)],
            ((decided_ms, due_ms),),
            5 * _MINUTE_MS,
            "builtin",
        )
        return Fact(
            f"{key.decision_id}-TERMS_SET-{person}",
            FactKind.TERMS_SET,
            decided_ms,
            person_id=person,
            terms=terms,
        )

    yield termed(owner)
    yield fact(FactKind.DELIVERED, decided_ms + 2_000, person_id=owner)
    if chance.random() < 0.7:
        yield fact(FactKind.SEEN, decided_ms + 20_000, person_id=owner)
    if chance.random() < 0.2:
        to = chance.choice(PEOPLE)
        yield fact(FactKind.HANDED_OVER, decided_ms + 60_000, person_id=to, by_person_id=owner)
        if to != owner:
            # Or the service would have them to work out while it is measured.
            yield termed(to)
    if chance.random() < 0.66:
        acted_ms = decided_ms + round(chance.lognormvariate(14.4, 1.0))
        yield fact(FactKind.ACTED, acted_ms, person_id=owner)
    if chance.random() < 0.25:
        said = "right" if chance.random() < 0.8 else "wrong"
        yield fact(FactKind.FEEDBACK, due_ms, person_id=owner, detail=said)
