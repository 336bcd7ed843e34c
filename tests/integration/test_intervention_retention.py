"""What intervention deletes once it has had its time, and what it must not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2

from services.common import postgres
from services.intervention.experiments.assignment import Exposure
from services.intervention.experiments.exposure_log import Entry, record
from services.intervention.forgetting import Forgetting
from services.intervention.policy.ledger import Ledger
from services.intervention.retention import Retention
from services.intervention.sending.secrets import Sealer
from services.intervention.service import SCHEMA
from services.intervention.settings import Settings
from services.intervention.store import acts
from tests.integration.deciding import case, records, writers
from tests.integration.dispatching import Bench, fresh_pool
from tests.integration.intervention_line import until
from tests.unit.services.intervention.policy.cases import ALERT, HELP, policy, rule

DAY_MS = 86_400_000
NOW_MS = 1_800_000_000_000
CAP = {"name": "daily", "per": "visitor", "most": 5, "within_s": 86_400}


@pytest.fixture
async def pool(postgres_url: str) -> AsyncGenerator[Any, None]:
    made, schema = await fresh_pool(postgres_url)
    yield made
    await made.execute(f"DROP SCHEMA {schema} CASCADE")
    await made.close()


def settings(**days: int) -> Settings:
    required = {name: "x" for name in ("mesh_secret", "postgres_url", "state_url", "log_url")}
    return Settings(**required, **days)  # type: ignore[arg-type]


async def fill(pool: Any) -> None:
    """A decision with all that hangs on it, guards, exposures and observations: old and new."""
    bench = Bench(pool, ())
    for age_days in (100, 1):
        at_ms = NOW_MS - age_days * DAY_MS
        (id_,) = await bench.put("sms")
        decision = (await bench.row(id_))["decision_id"]
        await pool.execute("UPDATE decisions SET decided_at_ms = $2 WHERE id = $1", decision, at_ms)
        await pool.execute(
            "INSERT INTO interventions (id, tenant_id, session_id, decision_id, record,"
            " created_at_ms, expires_at_ms, changed_at_ms) VALUES ($1, $2, 's1', $1, '', $3, $3,"
            " $3)",
            decision, bench.tenant, at_ms,
        )  # fmt: skip
        await acts.add_visit(pool, decision, "p1", at_ms)
        act = acts.Act(
            decision[:9], decision, "send_offer", 0, "p1", at_ms, intervention_id=decision
        )
        await acts.add_act(pool, act)
        await acts.add_nonce(pool, decision.encode(), decision, "p1", at_ms)
        await acts.add_nonce(pool, decision[:9].encode(), decision, "p1", NOW_MS + 1)
        for subject in (f"visitor/u{age_days}", "tenant"):
            await pool.execute(
                "INSERT INTO guards (tenant_id, subject, state, touched_at_ms)"
                " VALUES ($1, $2, $3, $4)",
                f"t{age_days}", subject, msgspec.json.encode(Ledger()), at_ms,
            )  # fmt: skip
        await pool.execute(
            "INSERT INTO experiment_exposures (tenant_id, experiment, unit_kind, unit, variant,"
            " propensity, shares, version, decision_id, exposed_at_ms)"
            " VALUES ('t', 'pay', 'person', $1, 'a', 0.5, '{0.5,0.5}', 'v', 'd', $2)",
            f"u{age_days}", at_ms,
        )  # fmt: skip
        await pool.execute(
            "INSERT INTO experiment_observations (tenant_id, unit_kind, unit, name, id, value,"
            " observed_at_ms) VALUES ('t', 'person', $1, 'bought', 'o', 1, $2)",
            f"u{age_days}", at_ms,
        )  # fmt: skip


async def counts(pool: Any) -> dict[str, int]:
    tables = ("decisions", "interventions", "messages", "visits", "steps", "nonces", "guards",
              "experiment_exposures", "experiment_observations")  # fmt: skip
    return {table: await pool.fetchval(f"SELECT count(*) FROM {table}") for table in tables}


async def test_only_what_has_had_its_time_goes(pool: Any) -> None:
    await fill(pool)
    kept = Retention(pool, settings(), lambda: NOW_MS)
    await kept.sweep()
    before = await counts(pool)
    assert before == {
        "decisions": 2, "interventions": 2, "messages": 2, "visits": 2, "steps": 2,
        "nonces": 2, "guards": 4, "experiment_exposures": 2, "experiment_observations": 2,
    }  # fmt: skip
    assert kept.deleted["nonces"] == 2, "expired permissions go, whatever is set"
    swept = Retention(
        pool,
        settings(
            retention_decisions_days=30, retention_guards_days=30, retention_experiments_days=30
        ),
        lambda: NOW_MS,
    )
    await swept.sweep()
    assert await counts(pool) == {
        "decisions": 1, "interventions": 1, "messages": 1, "visits": 1, "steps": 1,
        "nonces": 1, "guards": 3, "experiment_exposures": 1, "experiment_observations": 1,
    }  # fmt: skip
    assert swept.deleted == {
        "decisions": 1, "guards": 1, "nonces": 0, "experiment_exposures": 1,
        "experiment_observations": 1,
    }  # fmt: skip
    left = await pool.fetch("SELECT subject FROM guards ORDER BY subject")
    assert [row[0] for row in left] == ["tenant", "tenant", "visitor/u1"], "budgets stay"


async def test_an_erased_person_is_forgotten_and_nobody_else(postgres_url: str) -> None:
    tenant = uuid4().hex
    proven: dict[str, Any] = {"assurance": identity_pb2.ASSURANCE_VERIFIED}
    chosen = policy(rule("r", HELP, ALERT), guards={"caps": [CAP]})
    felt: list[tuple[str, str, dict[str, Any]]] = [
        ("s1", "", {}),  # before the visitor was known
        ("s1", "dana", proven),
        ("s2", "dana", {}),  # somebody says so
        ("s2", "", {}),
        ("s3", "dan", proven),
    ]
    async with writers(postgres_url, 1) as (writer,):
        for session, user, more in felt:
            await writer.submit(case(chosen, tenant=tenant, session=session, user=user, **more))
    pool = await postgres.connect(postgres_url, schema=SCHEMA, max_size=2)
    sealer = Sealer("a secret of at least thirty-two characters")
    one = Exposure("pay", "v", "person", "dana", "a", 0.5, (0.5, 0.5))
    await record(pool, [Entry(tenant, one, "d", NOW_MS)])
    forgetting = Forgetting(pool, sealer)
    for again in (False, True):
        gone = await forgetting.forget(tenant, "dana", [])
        assert gone["decisions"] == (0 if again else 3)
        assert gone["hashed"] == (0 if again else 1)
    left = await records(postgres_url, tenant)
    assert sorted((each.session_id, each.user_id) for each in left) == [("s2", ""), ("s3", "dan")]
    subjects = await pool.fetch(
        "SELECT subject FROM guards WHERE tenant_id = $1 ORDER BY subject", tenant
    )
    assert [row[0] for row in subjects] == ["session/s2", "session/s3", "visitor/dan"]
    messages = await pool.fetchval("SELECT count(*) FROM messages WHERE tenant_id = $1", tenant)
    assert messages == 2
    hashed = sealer.forgotten(tenant, "dana")
    assert "dana" not in hashed
    exposed = await pool.fetch("SELECT unit FROM experiment_exposures WHERE tenant_id = $1", tenant)
    assert [row[0] for row in exposed] == [hashed]
    # Back again, erased again: the first exposure stands, and no row names them.
    await record(pool, [Entry(tenant, one, "d2", NOW_MS)])
    assert (await forgetting.forget(tenant, "dana", []))["hashed"] == 1
    assert await pool.fetchval(
        "SELECT count(*) FROM experiment_exposures WHERE tenant_id = $1", tenant
    ) == 1  # fmt: skip
    await pool.close()


async def test_what_is_decided_while_a_person_is_erased_remembers_nothing_of_them(
    postgres_url: str,
) -> None:
    tenant, chosen = uuid4().hex, policy(rule("r", HELP, ALERT), guards={"caps": [CAP]})
    dana: dict[str, Any] = {
        "tenant": tenant, "user": "dana", "assurance": identity_pb2.ASSURANCE_VERIFIED
    }  # fmt: skip
    pool = await postgres.connect(postgres_url, schema=SCHEMA, max_size=3)

    async def remembered() -> int:
        return int(await pool.fetchval("SELECT count(*) FROM guards WHERE tenant_id = $1", tenant))

    async with writers(postgres_url, 1) as (writer,), pool.acquire() as held:
        settled = await writer.submit(case(chosen, session="s1", **dana))
        assert await remembered() == 2
        # Whoever reads the decision to delete it waits here.
        holding = held.transaction()
        await holding.start()
        await held.execute("SELECT FROM decisions WHERE id = $1 FOR UPDATE", settled.decision.id)
        forgetting = Forgetting(pool, Sealer("a secret of at least thirty-two characters"))
        erasing = asyncio.create_task(forgetting.forget(tenant, "dana", ["s1"]))

        async def first() -> bool:
            return await remembered() == 0

        await until(first)
        between = await writer.submit(case(chosen, session="s9", **dana))
        assert not between.decision.recommendation.thread_id, "it would join what goes"
        assert await remembered() == 2
        await holding.rollback()
        await erasing
    left = await pool.fetch("SELECT subject FROM guards WHERE tenant_id = $1", tenant)
    await pool.close()
    assert "visitor/dana" not in {row["subject"] for row in left}
    assert not await records(postgres_url, tenant), "what was decided meanwhile went too"
