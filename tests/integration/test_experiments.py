"""Experiments in a real PostgreSQL: exposures once and for all, observations once each, reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.intervention.v1 import intervention_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2 as tenant_pb2

from services.common import postgres
from services.common.consumer import Delivery, Poison
from services.common.log import Record
from services.intervention.experiments.adaptive import store_shares
from services.intervention.experiments.analysis import analyse
from services.intervention.experiments.assignment import (
    Choice,
    Exposure,
    Stood,
    Units,
    choose,
)
from services.intervention.experiments.draws import Draws
from services.intervention.experiments.exposure_log import Entry, Key, expose, record, standing
from services.intervention.experiments.in_force import ExperimentsInForce
from services.intervention.experiments.observations import (
    BEFORE_DAYS,
    Observation,
    observe,
    read_observed,
)
from services.intervention.experiments.observing import Observing
from services.intervention.experiments.shares import Shares
from services.intervention.service import MIGRATIONS, SCHEMA
from tests.unit.services.intervention.experiments.documents import body, document, experiment, trial

DAY_MS = 86_400_000
T0 = 1_790_000_000_000
HOLDOUTS: dict[str, Any] = {
    "global": {
        "share": 0.2,
        "metrics": [{"name": "bought", "role": "primary"}],
        "plan": {"mde": 0.1, "units": 600},
    }
}
ROWS = "SELECT experiment, unit, variant, propensity, shares, decision_id, exposed_at_ms"


@pytest.fixture
async def pool(postgres_url: str) -> AsyncIterator[Any]:
    await postgres.migrate(postgres_url, SCHEMA, MIGRATIONS)
    opened = await postgres.connect(postgres_url, schema=SCHEMA, max_size=8)
    yield opened
    await opened.close()


def exposure(unit: str, variant: str = "chat", name: str = "pay") -> Exposure:
    return Exposure(name, "tenant@1", "person", unit, variant, 0.25, (0.75, 0.25))


def stood(variant: str) -> Stood:
    return Stood(variant, 0.25, (0.75, 0.25))


async def test_the_first_exposure_counts(pool: Any):
    first = await record(pool, [Entry("first", exposure("u"), "d1", T0)])
    later = [exposure("u", "control"), exposure("v"), exposure("v", "control")]
    again = await record(pool, [Entry("first", one, "d2", T0 + 1) for one in later])
    other = await record(pool, [Entry("second", exposure("u", "control"), "d3", T0)])
    assert first == {Key("first", "pay", "u"): stood("chat")}
    assert again == {
        Key("first", "pay", "u"): stood("chat"), Key("first", "pay", "v"): stood("chat"),
    }  # fmt: skip
    assert other == {Key("second", "pay", "u"): stood("control")}
    assert await record(pool, []) == {}
    rows = await pool.fetch(
        f"{ROWS} FROM experiment_exposures WHERE tenant_id = 'first' ORDER BY unit"
    )
    assert [tuple(row) for row in rows] == [
        ("pay", "u", "chat", 0.25, [0.75, 0.25], "d1", T0),
        ("pay", "v", "chat", 0.25, [0.75, 0.25], "d2", T0 + 1),
    ]


async def test_all_who_race_are_told_one_arm(pool: Any):
    """Two replicas, one before and one after weights changed, meet the same unit at once."""
    arms = ["control", "chat"] * 20

    async def race(number: int, arm: str) -> dict[Key, Stood]:
        exposures = [exposure(f"u{unit}", arm) for unit in range(20)]
        entries = [Entry("race", one, f"d{number}", T0 + number) for one in exposures]
        async with pool.acquire() as connection, connection.transaction():
            return await record(connection, entries)

    told = await asyncio.gather(*(race(number, arm) for number, arm in enumerate(arms)))
    assert all(one == told[0] for one in told)
    assert await standing(pool, told[0]) == told[0]
    assert await pool.fetchval(
        "SELECT count(*) FROM experiment_exposures WHERE tenant_id = 'race'"
    ) == 20  # fmt: skip


Told = list[tuple[int, str]]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["control", "chat"])), max_size=12))
async def test_whatever_is_told_again_changes_nothing(pool: Any, told: Told):
    """A model: a dictionary that takes a key once."""
    tenant = f"again-{await pool.fetchval('SELECT gen_random_uuid()::text')}"
    model: dict[Key, str] = {}
    for at, (unit, arm) in enumerate(told):
        key = Key(tenant, "pay", f"u{unit}")
        found = await record(pool, [Entry(tenant, exposure(f"u{unit}", arm), f"d{at}", T0 + at)])
        model.setdefault(key, arm)
        assert found == {key: stood(model[key])}
    rows = await pool.fetch(f"{ROWS} FROM experiment_exposures WHERE tenant_id = $1", tenant)
    assert {Key(tenant, row["experiment"], row["unit"]): row["variant"] for row in rows} == model


async def test_a_choice_keeps_its_arm_when_weights_change(pool: Any):
    def weighted(control: float) -> Choice:
        arms = [{"name": "control", "weight": control, "act": "nothing"}, {"name": "chat"}]
        experiments = document(None, pay=experiment(variants=arms))
        return choose(experiments, Units(person="u-1"), "rage")

    before, after = weighted(0.1), weighted(1_000)
    assert (before.variant, after.variant) == ("pay:chat", "pay:control")
    kept = await expose(pool, "weights", before, decision_id="d1", at_ms=T0)
    assert (kept.variant, kept.act, kept.exposures) == ("pay:chat", "rule", before.exposures)
    stays = await expose(pool, "weights", after, decision_id="d2", at_ms=T0 + 1)
    assert (stays.variant, stays.act) == ("pay:chat", "rule")
    assert before.assignment
    assert stays.assignment
    assert stays.assignment.propensity == before.assignment.propensity
    nothing = choose(document(None, pay=experiment()), Units(person="u"), "another_rule")
    assert await expose(pool, "weights", nothing, decision_id="d3", at_ms=T0) == nothing


async def test_draws_go_by_the_exposure_log_while_it_can_be_asked(pool: Any, postgres_url: str):
    # An address where nobody listens: documents are handed over, not asked for.
    channel = grpc.aio.insecure_channel("127.0.0.1:1")
    in_force = ExperimentsInForce(channel)
    await in_force.apply(config("draws", 1, experiment()))
    units = Units(person="u-1", session="s-1")
    draws = Draws(in_force, Shares(pool), pool)
    first = (await draws.of("draws", units)).choices
    assert first["rage"].variant == "pay:chat"
    await record(pool, [Entry("draws", one, "d1", T0) for one in first["rage"].exposures])
    control = [{"name": "control", "weight": 1_000_000}, {"name": "chat"}]
    await in_force.apply(config("draws", 2, experiment(variants=control)))
    kept = (await draws.of("draws", units)).choices["rage"]
    assert kept.variant == "pay:chat", "it was exposed to it"
    assert (await draws.of("draws", Units(person="u-2"))).choices["rage"].variant == "pay:control"
    assert (await draws.of("draws", Units())).choices != {}, (
        "a rule with an experiment is told apart"
    )

    await in_force.apply(config("draws", 3, {}))
    assert in_force.invalid_documents == 1
    assert (await draws.of("draws", units)).choices["rage"].variant == "pay:chat"

    # Of a tenant that nobody could tell about, the decision says so.
    unheard = await draws.of("unheard", units)
    assert (unheard.known, unheard.choices, draws.unknown) == (False, {}, 1)

    closed = await postgres.connect(postgres_url, schema=SCHEMA, max_size=1)
    await closed.close()
    alone = Draws(in_force, Shares(pool), closed)
    assert (await alone.of("draws", units)).choices["rage"].variant == "pay:control"
    assert alone.unchecked == 1
    await channel.close()


def config(tenant_id: str, version: int, pay: dict[str, Any]) -> tenant_pb2.ConfigDocument:
    return tenant_pb2.ConfigDocument(
        tenant_id=tenant_id, kind="experiments", version=version, body=body(pay=pay)
    )


async def test_an_observation_counts_once_and_on_its_side_of_the_exposure(pool: Any):
    found = trial(metrics=[{"name": "spend", "kind": "mean", "role": "primary", "cuped": True}])
    await record(pool, [Entry("sides", exposure(unit), "d", T0) for unit in "uv"])

    def spent(number: int, unit: str, value: float, at_ms: int) -> Observation:
        return Observation(f"o{number}", "person", unit, "spend", value, at_ms)

    told = [
        spent(1, "u", 5.0, T0 - DAY_MS),
        spent(2, "u", 7.0, T0),
        spent(3, "u", 2.0, T0 + DAY_MS),
        spent(4, "u", 100.0, T0 - (BEFORE_DAYS + 1) * DAY_MS),
        spent(5, "nobody", 9.0, T0),
    ]
    await observe(pool, "sides", told)
    await observe(pool, "sides", told)
    await observe(pool, "elsewhere", told)
    seen = await read_observed(pool, "sides", found, T0 + 100 * DAY_MS)
    assert seen.values["spend"].tolist() == [9.0, 0.0]
    assert seen.before["spend"][0] == 5.0
    assert np.isnan(seen.before["spend"][1])
    # As of an earlier moment, with what is known from elsewhere, whose past is known.
    sums = {("u", "spend", True): 1.5, ("v", "spend", False): 4.0, ("nobody", "spend", True): 9.0}
    earlier = await read_observed(
        pool, "sides", found, T0 + DAY_MS - 1, whole={"spend"}, sums={**sums, ("u", "x", True): 1.0}
    )
    assert earlier.values["spend"].tolist() == [8.5, 0.0]
    assert earlier.before["spend"].tolist() == [5.0, 4.0]
    assert (await read_observed(pool, "sides", found, T0 - 1)).units == 0


async def test_from_the_decision_to_the_report(pool: Any):
    """600 people meet a rule; arms and holdouts are dealt, logged, observed and told apart."""
    experiments = document(HOLDOUTS, pay=experiment(plan={"mde": 0.1, "units": 600}))
    chance = np.random.default_rng(20261127)
    acts: dict[str, int] = {}
    for number in range(600):
        unit = f"u-{number}"
        choice = await expose(
            pool, "whole", choose(experiments, Units(person=unit), "rage"),
            decision_id=f"d{number}", at_ms=T0 + number,
        )  # fmt: skip
        acts[choice.reason] = acts.get(choice.reason, 0) + 1
        treated = choice.variant == "pay:chat"
        if chance.random() < (0.5 if treated else 0.2):
            bought = Observation(f"b{number}", "person", unit, "bought", 1.0, T0 + number + 1)
            await observe(pool, "whole", [bought])
    found = experiments.trial("pay")
    seen = await read_observed(pool, "whole", found, T0 + 100 * DAY_MS)
    report = analyse(found, seen, T0 + 10 * DAY_MS)
    assert sum(report.units) == acts["experiment"]
    assert acts["experiment"] + acts["holdout"] == 600
    comparison = report.comparisons[0]
    assert comparison.control == pytest.approx(0.2, abs=0.06)
    assert comparison.treated == pytest.approx(0.5, abs=0.06)
    assert comparison.good
    held = await pool.fetch(
        "SELECT variant, count(*) AS units FROM experiment_exposures WHERE tenant_id = 'whole'"
        " AND experiment = 'holdout:global' GROUP BY variant"
    )
    everybody = experiments.reported("holdout:global")
    seen = await read_observed(pool, "whole", everybody, T0 + 100 * DAY_MS)
    left_alone = analyse(everybody, seen, T0 + 10 * DAY_MS)
    assert left_alone.units == (acts["holdout"], acts["experiment"])
    assert left_alone.comparisons[0].control == pytest.approx(0.2, abs=0.08)
    assert left_alone.sample_ratio_p is not None
    assert left_alone.sample_ratio_p > 0.001
    assert {row["variant"]: row["units"] for row in held} == {
        "held": acts["holdout"],
        "treated": acts["experiment"],
    }


async def test_shares_are_kept_by_version_and_the_newest_is_in_force(pool: Any):
    adaptive = experiment(adaptive={"floor": 0.1})
    found = document(None, pay=adaptive)
    shares = Shares(pool)
    await shares.read()
    assert shares.of("shares", found) == {}
    for version, now in enumerate([(0.5, 0.5), (0.1, 0.9)], start=1):
        trial_now = found.trial("pay")
        stored = await store_shares(pool, "shares", trial_now, now, units=100, at_ms=T0)
        assert stored == version
    await shares.read()
    assert shares.of("shares", found) == {"pay": (0.1, 0.9)}
    assert shares.of("another", found) == {}
    others = document(None, pay={**adaptive, "variants": [{"name": "a"}, {"name": "b"}]})
    assert shares.of("shares", others) == {}, "they are of other variants"
    assert shares.of("shares", document(None, pay=experiment())) == {}, "it is adaptive no more"


def decided(number: int, tenant_id: str, user_id: str = "", company: str = "") -> pb.Decision:
    decision = pb.Decision(
        id=f"{tenant_id}-d{number}", tenant_id=tenant_id, session_id=f"s{number}",
        user_id=user_id, company=company,
    )  # fmt: skip
    decision.intervention.id = f"{tenant_id}-i{number}"
    return decision


async def stored(pool: Any, decision: pb.Decision) -> None:
    await pool.execute(
        "INSERT INTO decisions (id, tenant_id, session_id, emotion_id, rev, intervened, record,"
        " decided_at_ms) VALUES ($1, $2, $3, 'e', 1, true, $4, $5)",
        decision.id, decision.tenant_id, decision.session_id, decision.SerializeToString(), T0,
    )  # fmt: skip
    await pool.execute(
        "INSERT INTO interventions (id, tenant_id, session_id, decision_id, record, created_at_ms,"
        " expires_at_ms, changed_at_ms) VALUES ($1, $2, $3, $4, '', $5, $5, $5)",
        decision.intervention.id, decision.tenant_id, decision.session_id, decision.id, T0,
    )  # fmt: skip


def told(outcome: pb.Outcome) -> Delivery[pb.Outcome]:
    return Delivery(outcome, 0, 0, Record(b"", b""))


async def test_outcomes_become_observations_of_whom_they_are_about(pool: Any):
    known = decided(1, "outcomes", user_id="u", company="acme.example")
    known.assurance = identity_pb2.ASSURANCE_VERIFIED
    await stored(pool, known)
    # Whom somebody only claims to be did nothing by it.
    claimed = decided(2, "outcomes", user_id="u", company="acme.example")
    claimed.assurance = identity_pb2.ASSURANCE_CLAIMED
    await stored(pool, claimed)
    clicked = pb.Outcome(
        id="o1", tenant_id="outcomes", session_id="s1", intervention_id="outcomes-i1",
        kind=pb.OUTCOME_KIND_CLICKED, occurred_at_ms=T0 + 5,
    )  # fmt: skip
    acted = pb.Outcome(
        id="o2", tenant_id="outcomes", decision_id="outcomes-d2",
        kind=pb.OUTCOME_KIND_ACTED, occurred_at_ms=T0 + 6,
    )  # fmt: skip
    forged = pb.Outcome(
        id="o3", tenant_id="somebody_else", intervention_id="outcomes-i1",
        kind=pb.OUTCOME_KIND_CLICKED, occurred_at_ms=T0,
    )  # fmt: skip
    unknown = pb.Outcome(id="o4", tenant_id="outcomes", intervention_id="outcomes-i9")
    observing = Observing(pool)
    for _ in range(2):
        await observing.handle([told(one) for one in (clicked, acted, forged, unknown)])
    rows = await pool.fetch(
        "SELECT unit_kind, unit, name, value, observed_at_ms FROM experiment_observations"
        " WHERE tenant_id IN ('outcomes', 'somebody_else') ORDER BY name, unit_kind"
    )
    assert [tuple(row) for row in rows] == [
        ("session", "s2", "acted", 1.0, T0 + 6),
        ("company", "acme.example", "clicked", 1.0, T0 + 5),
        ("person", "u", "clicked", 1.0, T0 + 5),
        ("session", "s1", "clicked", 1.0, T0 + 5),
    ]


async def test_an_id_that_cannot_be_stored_is_poison(pool: Any):
    with pytest.raises(Poison, match="NUL"):
        await Observing(pool).handle([told(pb.Outcome(id="o", intervention_id="i\x00"))])
