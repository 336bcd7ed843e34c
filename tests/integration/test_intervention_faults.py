"""The line when something breaks: a kill in the middle of a send, the log or identity away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import grpc
import pytest
from sentientiq.intervention.v1 import intervention_pb2 as pb

from cli.engines import LogValkey
from cli.engines.folders import SocketFolder
from services.common.log.port import session_append
from tests.integration.intervention_line import (
    Directory,
    Line,
    Ports,
    process,
    until,
)

_driver: Any = asyncpg  # without stubs


class Mesh:
    """The processes of one test; intervention can be killed and started again."""

    def __init__(self, line: Line, environment: dict[str, str], folder: Path, url: str) -> None:
        self.line = line
        self.postgres_url = url
        self._environment = environment
        self._folder = folder
        self._stack = ExitStack()
        self.child: Any = None

    def start(self) -> None:
        """Start intervention."""
        self.child = self._stack.enter_context(
            process("services.intervention", self._environment, self._folder / "intervention.log")
        )

    def kill(self) -> None:
        """Kill it with SIGKILL; the next start does not mind."""
        self.child.kill()
        self.child.wait()
        self._stack.pop_all()

    def stop(self) -> None:
        """Stop what runs; it must end with 0."""
        self._stack.close()

    async def sql(self, statement: str) -> str:
        """Run one statement in the service's schema."""
        connection = await _driver.connect(
            self.postgres_url, server_settings={"search_path": "intervention"}
        )
        try:
            return str(await connection.execute(statement))
        finally:
            await connection.close()


@pytest.fixture
def own_log(tmp_path: Path) -> Any:
    """A log of this test's own, to stop and start."""
    folder = tmp_path / "log"
    folder.mkdir()
    sockets = SocketFolder.of(folder)
    engine = LogValkey(folder, sockets.create())
    engine.start()
    yield engine
    engine.stop()
    sockets.remove()


@pytest.fixture
async def mesh(
    postgres_url: str, state_url: str, own_log: LogValkey, tmp_path: Path
) -> AsyncGenerator[Mesh, None]:
    ports = Ports()
    environment = ports.environment(postgres_url, state_url, own_log.url)
    directory = Directory()
    server = await directory.serve(ports.directory)
    sandbox = {"SIQ_HTTP_LISTEN": f"127.0.0.1:{ports.sandbox}"}
    try:
        with process("services.sandbox", sandbox, tmp_path / "sandbox.log"):
            line = Line(ports, directory, own_log.url)
            made = Mesh(line, environment, tmp_path, postgres_url)
            made.start()
            await directory.watched.wait()
            yield made
            await line.close()
            made.stop()
    finally:
        await server.stop(None)


async def test_kill_in_the_middle_of_a_send_sends_once(mesh: Mesh) -> None:
    line = mesh.line
    line.person()
    fault = {"provider": "twilio", "delay_ms": 60_000, "silent": True}
    await line.sandbox.post("/api/faults", json=fault)
    await line.decide(line.emotion("s1"), line.identity("s1"))
    await line.one_message()
    mesh.kill()
    # What a minute would do: the dead process's claim ends.
    await mesh.sql("UPDATE messages SET next_attempt_at_ms = 0 WHERE state = 'sending'")
    mesh.start()
    (sent,) = await until(lambda: line.outcomes(pb.OUTCOME_KIND_SENT))
    assert sent.channel == "sms"
    assert len(await line.received()) == 1


async def test_kill_before_the_send_still_sends(mesh: Mesh) -> None:
    line = mesh.line
    line.person()
    refused = {"provider": "twilio", "status": 503, "times": 100, "retry_after_s": 600}
    await line.sandbox.post("/api/faults", json=refused)
    await line.decide(line.emotion("s1"), line.identity("s1"))

    async def refused_once() -> bool:
        faults = (await line.sandbox.get("/api/faults")).json()["faults"]
        return bool(faults[0]["times"] == 99)

    await until(refused_once)
    mesh.kill()
    await line.sandbox.delete("/api/faults")
    await mesh.sql("UPDATE messages SET next_attempt_at_ms = 0")
    mesh.start()
    await until(lambda: line.outcomes(pb.OUTCOME_KIND_DELIVERED))
    assert len(await line.received()) == 1


async def test_log_away_keeps_the_promise(mesh: Mesh, own_log: LogValkey) -> None:
    line = mesh.line
    line.person()
    own_log.stop()
    decision = await line.decide(line.emotion("s1"), line.identity("s1"))
    assert decision.action == pb.DECISION_ACTION_INTERVENE
    await line.one_message()
    own_log.start()
    (logged,) = await until(line.decisions)
    assert logged == decision
    await until(lambda: line.outcomes(pb.OUTCOME_KIND_DELIVERED))
    assert len(await line.received()) == 1


async def test_identity_away_decides_without_and_says_so(mesh: Mesh) -> None:
    line = mesh.line
    line.tenant = "nobody-knows"
    await line.decide(line.emotion("s0"))
    emotion = line.emotion("s1")
    line.directory.fail = True
    decision = await line.decide(emotion)
    assert decision.HasField("intervention")
    assert not decision.HasField("recommendation")
    assert decision.assurance == 0
    line.person()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await line.decide(line.emotion("s2"), line.identity("s2"))
    # The people are not known: better decided by the durable path than without an alert.
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_nothing_is_decided_before_the_policy_is_known(mesh: Mesh) -> None:
    line = mesh.line
    line.directory.fail = True
    emotion = line.emotion("s1")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await line.decide(emotion)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    line.directory.put_policy(
        line.tenant, ESCALATING.replace("emotion: rage", "emotion: hesitation")
    )
    line.directory.fail = False
    await line.log.append(
        [session_append("emotion.v1", line.tenant, "s1", emotion.SerializeToString(), {})]
    )
    (decision,) = await until(line.decisions)
    assert (decision.path, decision.reason) == ("durable", "no_rule")
    assert not decision.HasField("intervention")


async def test_whose_only_address_is_off_is_not_asked_but_the_next_one(mesh: Mesh) -> None:
    line = mesh.line
    backup = f"{line.phone}9"
    line.person(("sms", "+15005550004"))  # the sandbox: they unsubscribed
    line.person(("sms", backup), role="backup")
    line.directory.put_policy(
        line.tenant, ESCALATING.replace('to: ["role:ceo"]', 'to: ["role:ceo", "role:backup"]')
    )
    first = await line.decide(line.emotion("s1"), line.identity("s1"))
    assert first.recommendation.person_id == "p-ceo"
    await until(lambda: line.outcomes(pb.OUTCOME_KIND_FAILED))
    # The team is known for five seconds.
    sessions = count(2)

    async def the_next_one() -> bool:
        session = f"s{next(sessions)}"
        decision = await line.decide(line.emotion(session), line.identity(session))
        await asyncio.sleep(0.5)
        return decision.recommendation.person_id == "p-backup"

    await until(the_next_one)
    await line.one_message(backup)


ESCALATING = """
policy: 2
rules:
  - name: rage
    when: {emotion: rage}
    do:
      - name: call
        type: escalation
        template: alert@1
        target: team
        to: ["role:ceo"]
        escalate: [{after_s: 2, to: ["role:backup"]}]
"""


async def test_kill_before_an_escalation_still_asks_the_next_one_once(mesh: Mesh) -> None:
    line = mesh.line
    backup = f"{line.phone}9"
    line.person()
    line.person(("sms", backup), role="backup")
    line.directory.put_policy(line.tenant, ESCALATING)
    decision = await line.decide(line.emotion("s1"), line.identity("s1"))
    assert len(decision.recommendation.escalation) == 1

    async def timer_set() -> bool:
        found = await mesh.sql(
            f"SELECT FROM timers WHERE decision_id = '{decision.id}' AND kind = 'escalate'"
        )
        return found == "SELECT 1"

    await until(timer_set)
    mesh.kill()
    assert not await line.received(backup)
    mesh.start()
    message = await line.one_message(backup)
    assert message["body"].startswith("NO ANSWER FOR ")
    (escalated,) = await until(lambda: line.outcomes(pb.OUTCOME_KIND_ESCALATED))
    assert escalated.person_id == "p-backup"
    assert len(await line.received(backup)) == 1
