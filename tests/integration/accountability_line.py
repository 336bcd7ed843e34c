"""A running accountability on a real PostgreSQL and a real log, what it hears, and its callers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import grpc
import grpc.aio
import pytest
from sentientiq.accountability.v1 import accountability_service_pb2 as apb
from sentientiq.accountability.v1 import accountability_service_pb2_grpc as rpc
from sentientiq.detection.v1 import emotion_pb2
from sentientiq.identity.v1.identity_service_pb2 import Money
from sentientiq.intervention.v1 import intervention_pb2 as pb

from cli.up.ports import free_address
from services.common.auth import make_token
from services.common.channels import connect
from services.common.log import DECISION, OUTCOME, EventLog, open_log
from services.common.log.port import session_append
from tests.engines.running import MESH_SECRET, Running

State = apb.RecommendationState


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Line:
    """A running accountability, the log it reads, and callers."""

    def __init__(
        self, postgres_url: str, log_url: str, more: Mapping[str, str] | None = None
    ) -> None:
        self.env = {
            "SIQ_MESH_SECRET": MESH_SECRET,
            "SIQ_POSTGRES_URL": postgres_url,
            "SIQ_LOG_URL": log_url,
            "SIQ_TIMER_INTERVAL_S": "0.05",
            "SIQ_TIMER_GRACE_S": "0.2",
            **(more or {}),
        }
        self.log: EventLog = open_log(log_url)
        self.channels: list[grpc.aio.Channel] = []

    async def start(self) -> None:
        self.address = free_address()
        self.running = Running("services.accountability", {**self.env, "SIQ_LISTEN": self.address})
        await self.running.ready(self.address)
        self.stub = self.caller("*")

    def caller(
        self, tenant_id: str, role: str = "mesh", scopes: Sequence[str] = ()
    ) -> Any:  # the stub's types are those of a blocking one
        secret = self.env["SIQ_MESH_SECRET"]
        token = make_token(secret, subject="test", tenant_id=tenant_id, role=role, scopes=scopes)
        self.channels.append(connect(self.address, token))
        return rpc.AccountabilityServiceStub(self.channels[-1])

    async def close(self) -> None:
        self.running.stop()
        for channel in self.channels:
            await channel.close()
        await self.log.close()

    async def decide(
        self,
        tenant: str,
        decision: str,
        *,
        due_in_ms: int = 60_000,
        person: str = "ceo",
        at_ms: int = 0,
        thread: str = "",
    ) -> int:
        """Append a decision that asks somebody to act; when it was decided."""
        at_ms = at_ms or now_ms()
        message = pb.Decision(
            id=decision,
            tenant_id=tenant,
            session_id="s1",
            company="globex.example",
            value=Money(currency="USD", minor=10_000_000),
            decided_at_ms=at_ms,
            emotion=emotion_pb2.Emotion(
                id=f"e-{decision}",
                kind=emotion_pb2.EMOTION_KIND_RAGE,
                confidence=80,
                contributions=[
                    emotion_pb2.Contribution(feature="presses", log_odds=2.0),
                    emotion_pb2.Contribution(feature="base", log_odds=-0.5),
                ],
                calibration="simulated-v1",
            ),
            recommendation=pb.Recommendation(
                person_id=person, due_at_ms=at_ms + due_in_ms, thread_id=thread
            ),
        )
        await self._append(DECISION, tenant, [message.SerializeToString()])
        return at_ms

    async def tell(
        self,
        tenant: str,
        decision: str,
        kinds: Sequence[str],
        *,
        at_ms: int,
        times: int = 1,
        person: str = "ceo",
    ) -> None:
        """Append outcomes, a millisecond apart, as often as told."""
        values = [
            pb.Outcome(
                id=f"{decision}-{kind}" if person == "ceo" else f"{decision}-{kind}-{person}",
                tenant_id=tenant,
                session_id="s1",
                decision_id=decision,
                kind=pb.OutcomeKind.Value(f"OUTCOME_KIND_{kind}"),
                occurred_at_ms=at_ms + place,
                person_id=person,
                channel="sms",
            ).SerializeToString()
            for place, kind in enumerate(kinds)
        ]
        for value in values * times:
            await self._append(OUTCOME, tenant, [value])

    async def _append(self, topic: str, tenant: str, values: Sequence[bytes]) -> None:
        await self.log.append([session_append(topic, tenant, "s1", value, {}) for value in values])

    async def get(self, tenant: str, decision: str) -> apb.RecommendationRecord | None:
        request = apb.GetRecommendationRequest(tenant_id=tenant, decision_id=decision)
        try:
            return (await self.stub.GetRecommendation(request)).recommendation
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            return None

    async def reaches(
        self, tenant: str, decision: str, state: apb.RecommendationState.ValueType
    ) -> apb.RecommendationRecord:
        """Wait until a recommendation is in the state."""
        record = None
        try:
            async with asyncio.timeout(15):
                while (record := await self.get(tenant, decision)) is None or record.state != state:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pytest.fail(f"{decision} did not reach {State.Name(state)}: {record}")
        return record


def history(record: apb.RecommendationRecord) -> list[str]:
    prefix = "RECOMMENDATION_STATE_"
    return [State.Name(step.state).removeprefix(prefix) for step in record.transitions]
