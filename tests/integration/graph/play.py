"""Random lives of a few people with a few browsers, and the real graph that is told of them."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from services.identity.company.rules import NO_RULES
from services.identity.graph import profile_store
from services.identity.graph.attach import Attach
from services.identity.graph.profile_store import Cut
from services.identity.graph.rules import EMAIL, ID, VISITOR, GraphRules
from services.identity.graph.told import Identifier
from services.identity.identity_store import IdentityStore
from services.identity.model import Assurance, Envelope, Facts
from services.identity.privacy.vault import Vault
from services.identity.record import Stated, record
from tests.integration.graph.model import CLAIMED, VERIFIED, Statement, World

KINDS = {"email": EMAIL, "crm": f"{ID}:crm", "visitor": VISITOR}


def rules_of(world: World) -> GraphRules:
    """The rules of a world, for the real graph."""
    most = {VISITOR: world.most, EMAIL: world.most, ID: world.most}
    return GraphRules(window_ms=world.window, ids=("crm",), most=most)


class OneRule:
    """In place of the tenants' documents."""

    def __init__(self, rules: GraphRules) -> None:
        self.rules = rules

    def of(self, _tenant: str) -> GraphRules:
        return self.rules


class Graph:
    """The real thing, of one tenant."""

    def __init__(
        self, identities: IdentityStore, vault: Vault, tenant: str, rules: GraphRules
    ) -> None:
        self.identities = identities
        self.tenant = tenant
        self.rules = rules
        self._vault = vault
        self.attach = Attach(vault, OneRule(rules))  # type: ignore[arg-type] # pyright: ignore

    async def tell(self, said: Statement) -> None:
        """Record a statement as the service does."""
        facts = Facts(
            said.user or None, said.email or None, ids=(("crm", said.crm),) if said.crm else None
        )
        envelope = Envelope(
            self.tenant,
            said.session,
            said.stream,
            said.seq,
            said.at,
            b"sealed" if said.assurance else b"",
            b"",
            said.visitor,
            said.since,
        )
        stated = Stated(envelope, Assurance(said.assurance), facts)
        await record(self.identities, self.attach, stated, NO_RULES)

    async def cut(self, kind: str, value: str, user: str, *, restore: bool = False) -> bool:
        """Take apart, or take that back."""
        hashed = value
        if kind != "visitor":
            async with self.identities.database.connection() as connection:
                index = await self._vault.index(connection, self.tenant)
            hashed = index.identifier(KINDS[kind], value)
        cut = Cut(user, Identifier(KINDS[kind], hashed), "by the test", "test", restore)
        async with self.identities.database.transaction() as connection:
            changed, _ = await profile_store.split(
                connection, self.tenant, cut, self.rules, self.attach
            )
        return changed

    async def all(self) -> dict[str, str]:
        """Whose all sessions are."""
        async with self.identities.database.connection() as connection:
            rows: list[Any] = await connection.fetch(
                "SELECT session_id, coalesce(nullif(user_id, ''), joined_user) FROM sessions"
                " WHERE tenant_id = $1",
                self.tenant,
            )
        return {row[0]: row[1] for row in rows}

    async def links(self) -> list[tuple[Any, ...]]:
        """All links, for comparison."""
        async with self.identities.database.connection() as connection:
            rows: list[Any] = await connection.fetch(
                "SELECT session_id, kind, value, person, assurance, at_ms FROM links"
                " WHERE tenant_id = $1 ORDER BY 1, 2, 3, 4",
                self.tenant,
            )
        return [tuple(row) for row in rows]


def life(rng: random.Random) -> list[Statement]:
    """What a few people said in a few browsers over some months, in the order it happened."""
    users = ["ann", "bob", "cy"][: rng.randint(1, 3)]
    emails = {user: f"{user}@mail.example" for user in users} | {"": "family@mail.example"}
    browsers = [f"b{n}-{secrets.token_hex(2)}" for n in range(rng.randint(1, 3))]
    said: list[Statement] = []
    for visit in range(rng.randint(2, 7)):
        browser = rng.choice(browsers)
        first = not any(s.visitor == browser or s.session == browser for s in said)
        session = browser if first else f"s{visit}"
        at = 1000 + rng.randint(0, 90)
        if not first:
            said.append(Statement(session, "browser", 0, at, 0, visitor=browser, since=1000))
        for tab in range(rng.randint(0, 2)):
            for seq in range(1, rng.randint(2, 4)):
                said.append(
                    Statement(
                        session,
                        f"p{tab}",
                        seq,
                        at + rng.randint(0, 3),
                        rng.choice((VERIFIED, CLAIMED, CLAIMED)),
                    )
                )
                user = rng.choice([*users, ""])
                told = {
                    "user": user,
                    "email": rng.choice(["", emails[user], emails[rng.choice(list(emails))]]),
                    "crm": rng.choice(["", "", f"c{rng.randint(1, 3)}"]),
                }
                if said[-1].assurance == VERIFIED:
                    told["user"] = told["user"] or users[0]
                said[-1] = replace(
                    said[-1], user=told["user"], email=told["email"], crm=told["crm"]
                )
    return [s for s in said if not s.assurance or s.user or s.email or s.crm]


def arrivals(rng: random.Random, said: Iterable[Statement]) -> list[Statement]:
    """The same as it arrives: late, reordered, some of it more than once."""
    arriving = list(said)
    arriving += rng.choices(arriving, k=rng.randint(0, 3)) if arriving else []
    if rng.random() < 0.8:
        rng.shuffle(arriving)
    return arriving
