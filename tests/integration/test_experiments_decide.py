"""Experiments on the way of a decision: arms, holdouts, the exposure log, replay."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common import postgres
from services.common.log.port import session_append
from services.intervention.deciding.record import replayed
from services.intervention.policy import builtin_policy
from services.intervention.service import SCHEMA
from tests.integration.intervention_line import Directory, Line, Ports, process, until

EXPERIMENTS = {
    "holdouts": {"global": {"share": 0.2, "unit": "session"}},
    "experiments": {
        "try_help": {
            "state": "running",
            "unit": "session",
            "rule": "rage_help",
            "variants": [{"name": "control", "act": "nothing"}, {"name": "short", "act": "help@1"}],
            "metrics": [{"name": "clicked", "role": "primary"}],
            "plan": {"mde": 0.05},
        }
    },
}


@pytest.fixture(scope="module")
def ports(
    postgres_url: str, state_url: str, log_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ports]:
    made = Ports()
    folder: Path = tmp_path_factory.mktemp("line")
    environment = made.environment(postgres_url, state_url, log_url)
    sandbox = {"SIQ_HTTP_LISTEN": f"127.0.0.1:{made.sandbox}"}
    with (
        process("services.sandbox", sandbox, folder / "sandbox.log"),
        process("services.intervention", environment, folder / "intervention.log"),
    ):
        yield made


@pytest.fixture
async def line(ports: Ports, log_url: str) -> AsyncGenerator[Line, None]:
    directory = Directory()
    server = await directory.serve(ports.directory)
    made = Line(ports, directory, log_url)
    await directory.watched.wait()
    yield made
    await made.close()
    await server.stop(None)


@pytest.fixture
async def pool(postgres_url: str, ports: Ports) -> AsyncIterator[Any]:
    opened = await postgres.connect(postgres_url, schema=SCHEMA, max_size=2)
    yield opened
    await opened.close()


async def exposures(pool: Any, tenant: str) -> dict[tuple[str, str], tuple[str, float, str]]:
    rows = await pool.fetch(
        "SELECT experiment, unit, variant, propensity, decision_id FROM experiment_exposures"
        " WHERE tenant_id = $1",
        tenant,
    )
    return {
        (row["experiment"], row["unit"]): (row["variant"], row["propensity"], row["decision_id"])
        for row in rows
    }


async def test_arms_are_given_recorded_and_replayed(line: Line, pool: Any) -> None:
    line.person()
    line.directory.put(line.tenant, "experiments", json.dumps(EXPERIMENTS))
    seen: dict[str, pb.Decision] = {}
    for number in range(40):
        session = f"s{number}"
        seen[session] = await line.decide(line.emotion(session), line.identity(session))
    logged = await exposures(pool, line.tenant)
    arms: set[str] = set()
    for session, decision in seen.items():
        held, share, at = logged[("holdout:global", session)]
        assert at == decision.id
        if held == "held":
            assert (decision.action, decision.reason) == (pb.DECISION_ACTION_NOTHING, "holdout")
            assert (share, decision.propensity) == (0.2, 0.2)
            assert ("try_help", session) not in logged
            arms.add("held")
        else:
            arm, propensity, _ = logged[("try_help", session)]
            assert (propensity, decision.propensity) == (0.5, 0.5)
            arms.add(arm)
            if arm == "control":
                assert (decision.reason, decision.detail) == ("experiment", "try_help:control")
                assert not decision.HasField("intervention")
                assert not decision.HasField("recommendation")
            else:
                assert decision.intervention.template == "help@1"
                assert decision.intervention.variant == "try_help:short"
        again = replayed(decision, builtin_policy())
        assert again.SerializeToString(deterministic=True) == decision.SerializeToString(
            deterministic=True
        )
    assert arms == {"held", "control", "short"}


async def test_what_a_rule_would_not_do_exposes_nobody(line: Line, pool: Any) -> None:
    line.person()
    line.directory.put(line.tenant, "experiments", json.dumps(EXPERIMENTS))
    emotion = line.emotion("s1")
    emotion.confidence = 20
    decision = await line.decide(emotion, line.identity("s1"))
    assert decision.action == pb.DECISION_ACTION_NOTHING
    assert await exposures(pool, line.tenant) == {}


async def test_a_claimed_name_has_nobodys_arm(line: Line, pool: Any) -> None:
    line.person()
    by_person = {"try_help": {**EXPERIMENTS["experiments"]["try_help"], "unit": "person"}}
    line.directory.put(line.tenant, "experiments", json.dumps({"experiments": by_person}))
    claimed = line.identity("s1")
    claimed.assurance = identity_pb2.ASSURANCE_CLAIMED
    decision = await line.decide(line.emotion("s1"), claimed)
    assert decision.HasField("intervention")
    assert decision.intervention.variant == ""
    assert await exposures(pool, line.tenant) == {}
    proven = line.identity("s2")
    proven.assurance = identity_pb2.ASSURANCE_VERIFIED
    await line.decide(line.emotion("s2"), proven)
    assert list(await exposures(pool, line.tenant)) == [("try_help", proven.user_id)]


async def test_an_arm_that_does_not_fit_leaves_the_team_its_alert(line: Line, pool: Any) -> None:
    line.person()
    try_help = {
        **EXPERIMENTS["experiments"]["try_help"],
        "variants": [{"name": "a", "act": "offer@1"}, {"name": "b", "act": "offer@1"}],
    }
    line.directory.put(
        line.tenant, "experiments", json.dumps({"experiments": {"try_help": try_help}})
    )
    decision = await line.decide(line.emotion("s1"), line.identity("s1"))
    assert (decision.reason, decision.detail[:9]) == ("unfit_arm", "try_help:")
    assert not decision.HasField("intervention")
    assert decision.recommendation.person_id
    assert replayed(decision, builtin_policy()) == decision
    await line.one_message()


async def test_outcomes_of_the_page_are_observed(line: Line, pool: Any) -> None:
    line.person()
    everybody = {
        "experiments": {
            "try_help": {**EXPERIMENTS["experiments"]["try_help"], "variants": [
                {"name": "a"}, {"name": "b"},
            ]},
        }
    }  # fmt: skip
    line.directory.put(line.tenant, "experiments", json.dumps(everybody))
    decision = await line.decide(line.emotion("s1"), line.identity("s1"))
    assert decision.intervention.variant.startswith("try_help:")
    clicked = pb.Outcome(
        id=f"{line.tenant}-o1", tenant_id=line.tenant, session_id="s1",
        intervention_id=decision.intervention.id, kind=pb.OUTCOME_KIND_CLICKED,
        occurred_at_ms=decision.decided_at_ms + 1,
    )  # fmt: skip
    await line.log.append(
        [session_append("outcome.v1", line.tenant, "s1", clicked.SerializeToString(), {})]
    )

    async def observed() -> bool:
        found = await pool.fetchval(
            "SELECT count(*) FROM experiment_observations WHERE tenant_id = $1"
            " AND name = 'clicked' AND unit_kind = 'session' AND unit = 's1'",
            line.tenant,
        )
        return found == 1

    await until(observed)
