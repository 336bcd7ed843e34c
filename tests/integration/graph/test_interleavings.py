"""The resolution graph in PostgreSQL against its plain model, over random lives."""

from __future__ import annotations

import datetime
import random
import secrets
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest

from services.common import postgres
from services.identity.database import Database
from services.identity.identity_store import IdentityStore
from services.identity.pii import Pii
from services.identity.privacy.auditing import open_audit
from services.identity.privacy.keks import open_keks
from services.identity.privacy.vault import Vault
from services.identity.server import MIGRATIONS, SCHEMA
from services.identity.value.basis_store import BasisStore
from tests.integration.graph.model import VERIFIED, World
from tests.integration.graph.play import Graph, arrivals, life, rules_of

SECRET = b"k" * 32


@pytest.fixture
async def identities(postgres_url: str, tmp_path: Path) -> AsyncGenerator[IdentityStore, None]:
    await postgres.migrate(postgres_url, SCHEMA, MIGRATIONS)
    pool = await postgres.connect(postgres_url, schema=SCHEMA)
    database, vault = Database(pool), Vault(open_keks(SECRET, "", ""), Pii(SECRET))
    yield IdentityStore(database, vault, BasisStore(), open_audit(database, SECRET, "").writer)
    await pool.close()


async def new_graph(identities: IdentityStore, world: World) -> Graph:
    tenant = f"t{secrets.token_hex(6)}"
    async with identities.database.connection() as connection:
        await connection.execute("INSERT INTO tenants VALUES ($1, '', ''::bytea, false)", tenant)
    return Graph(identities, identities.vault, tenant, rules_of(world))


async def live(identities: IdentityStore, seed: int) -> None:
    """One life: whatever the order of arrival, the graph says what the model says."""
    rng = random.Random(seed)
    world = World((), most=rng.choice((1, 2, 5)), window=rng.choice((10, 30, 100)))
    graph = await new_graph(identities, world)
    said = life(rng)
    known: list[object] = []
    for statement in arrivals(rng, said):
        await graph.tell(statement)
        if statement not in known:
            known.append(statement)
            world = replace(world, statements=(*world.statements, statement))
        if rng.random() < 0.3:
            assert await graph.all() == world.all(), f"seed {seed}, under way"
    assert await graph.all() == world.all(), f"seed {seed}"
    for statement in said:
        if statement.assurance == VERIFIED:
            verified = {s.user for s in said if s.session == statement.session and s.assurance == 3}
            assert (await graph.all())[statement.session] in verified, f"seed {seed}"
    await part(graph, world, rng, seed)


async def part(graph: Graph, world: World, rng: random.Random, seed: int) -> None:
    """Cuts take effect as if what they cut had never been; taken back, all is as before."""
    before, links = await graph.all(), await graph.links()
    users = sorted({s.user for s in world.statements if s.user})
    identifiers = sorted(
        {("email", s.email) for s in world.statements if s.email}
        | {("crm", s.crm) for s in world.statements if s.crm}
        | {("visitor", world.browser(s)) for s in world.sessions()}
    )
    if not users:
        return
    cuts = {(*rng.choice(identifiers), rng.choice(users)) for _ in range(rng.randint(1, 3))}
    for kind, value, user in cuts:
        assert await graph.cut(kind, value, user)
        assert not await graph.cut(kind, value, user)
    world = replace(world, cuts=frozenset(cuts))
    assert await graph.all() == world.all(), f"seed {seed}, cut {cuts}"
    for kind, value, user in cuts:
        assert await graph.cut(kind, value, user, restore=True)
    assert await graph.all() == before, f"seed {seed}, restored"
    assert await graph.links() == links, f"seed {seed}, restored"


async def test_any_interleaving_gives_what_the_model_gives(identities: IdentityStore) -> None:
    begin = datetime.date.today().toordinal() * 100_000
    for seed in range(begin, begin + 150):
        await live(identities, seed)


async def test_lives_that_were_told_wrongly_once(identities: IdentityStore) -> None:
    # Somebody crowded out of one kind of identifier was then seen in fewer browsers.
    await live(identities, 73994703136)


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_ten_thousand_interleavings(identities: IdentityStore) -> None:
    begin = datetime.date.today().toordinal() * 100_000 + 1_000
    for seed in range(begin, begin + 10_000):
        await live(identities, seed)
