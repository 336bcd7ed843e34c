"""docs/errors.md, Log: what no reader can apply must not hold up what comes after it.

For each reader of each topic: garbage goes into a partition, and behind it a good record whose
effect is awaited. Analytics and archive have theirs in `test_pipeline_poison.py`.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from nacl.public import PublicKey, SealedBox
from sentientiq.accountability.v1 import accountability_service_pb2 as accountability
from sentientiq.accountability.v1.accountability_service_pb2_grpc import AccountabilityServiceStub
from sentientiq.detection.v1 import emotion_pb2
from sentientiq.identity.v1 import identity_service_pb2 as identity
from sentientiq.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from sentientiq.intervention.v1 import intervention_pb2 as pb
from sentientiq.intervention.v1 import intervention_service_pb2 as intervention
from sentientiq.intervention.v1.intervention_service_pb2_grpc import InterventionServiceStub

from services.common import channels
from services.common.log import (
    BEHAVIOR,
    DECISION,
    EMOTION,
    IDENTITY,
    OUTCOME,
    TOPICS,
    Append,
    Record,
)
from services.common.log.port import session_append
from services.common.partition import partition_of
from tests.engines.raw_log import append_garbage
from tests.integration.bad_input.world import EVERYTHING, World, events

TENANT = "mine"
NO_MESSAGE = b"\xff\xff\xff\xff"
# Parsed, it lacks everything.
EMPTY = b""

pytestmark = pytest.mark.asyncio(loop_scope="module")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def until(fact: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(20):
        while not (found := await fact()):
            await asyncio.sleep(0.05)
        return found


class Place:
    """A fresh session, and the log at its partition."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.session = uuid.uuid4().hex

    @property
    def partition(self) -> int:
        return partition_of(TENANT, self.session)

    async def spoil(self, topic: str, *poison: Any) -> None:
        """Append what is no message, an empty one, messages told, and an entry that is none."""
        values = [NO_MESSAGE, EMPTY, *(message.SerializeToString() for message in poison)]
        garbage = [Record(b"k", value, {"schema": "none"}) for value in values]
        await self.world.log.append([Append(topic, self.partition, garbage)])
        url = self.world.mesh.env["SIQ_LOG_URL"]
        await append_garbage(url, topic, self.partition, NO_MESSAGE)

    async def append(self, topic: str, message: Any) -> None:
        value = message.SerializeToString()
        await self.world.log.append([session_append(topic, TENANT, self.session, value, {})])

    def rpc(self, stub: Any, address: str) -> Any:
        return stub(channels.connect(self.world.mesh.env[address], self.world.token()))

    def emotion(self) -> emotion_pb2.Emotion:
        return emotion_pb2.Emotion(
            id=f"e-{self.session}",
            rev=1,
            tenant_id=TENANT,
            session_id=self.session,
            stream_id="p1",
            kind=emotion_pb2.EMOTION_KIND_RAGE,
            confidence=90,
            context=emotion_pb2.EmotionContext(page="/checkout", element="button#pay"),
            occurred_at_ms=now_ms(),
            detected_at_ms=now_ms(),
        )

    def decision(self) -> pb.Decision:
        return pb.Decision(
            id=f"d-{self.session}",
            tenant_id=TENANT,
            session_id=self.session,
            decided_at_ms=now_ms(),
            recommendation=pb.Recommendation(person_id="ceo", due_at_ms=now_ms() + 600_000),
        )

    def outcome(self, kind: pb.OutcomeKind.ValueType, **about: Any) -> pb.Outcome:
        return pb.Outcome(
            id=f"o-{self.session}-{kind}-{len(about.get('decision_id', ''))}",
            tenant_id=TENANT,
            session_id=self.session,
            kind=kind,
            occurred_at_ms=now_ms(),
            **about,
        )

    async def standing(self) -> int:
        """State of the recommendation, 0 while accountability does not know it."""
        stub = self.rpc(AccountabilityServiceStub, "SIQ_ACCOUNTABILITY_ADDR")
        request = accountability.GetRecommendationRequest(
            tenant_id=TENANT, decision_id=f"d-{self.session}"
        )
        try:
            return int((await stub.GetRecommendation(request)).recommendation.state)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            return 0


@pytest.fixture
def place(world: World) -> Place:
    return Place(world)


async def test_l01_detection_of_behavior(world: World, place: Place):
    socket, welcome = await world.opened(page="/checkout")
    place.session = welcome["session"]
    await place.spoil(BEHAVIOR)
    for seq in range(1, 6):
        press = events(seq, [3, 0, 100, 100, 1, 0, 1], targets=[[1, "button#pay", 2]])
        await socket.send(json.dumps({**press, "t0": now_ms() - 3_000 + 250 * seq}))
    async with asyncio.timeout(20):
        while json.loads(await socket.recv())["type"] != "emotion":
            pass
    await socket.close()


async def test_l02_identity_of_identity(world: World, place: Place):
    stub = place.rpc(IdentityServiceStub, "SIQ_IDENTITY_ADDR")
    key = (await stub.GetSealingKey(identity.GetSealingKeyRequest())).public_key
    sealed = identity.SealedIdentify(
        tenant_id=TENANT,
        session_id=place.session,
        stream_id="p1",
        seq=1,
        sealed=SealedBox(PublicKey(key)).encrypt(b'{"user_id": "u1"}'),
        key_id=key[:8],
        occurred_at_ms=now_ms(),
    )
    nul = identity.SealedIdentify()
    nul.CopyFrom(sealed)
    nul.session_id = "s\x00"
    await place.spoil(IDENTITY, nul)
    await place.append(IDENTITY, sealed)

    async def known() -> bool:
        request = identity.ResolveRequest(tenant_id=TENANT, session_id=place.session)
        return (await stub.Resolve(request)).identity.user_id == "u1"

    await until(known)


async def test_l03_intervention_of_emotion(world: World, place: Place):
    nul = place.emotion()
    nul.id = "e\x00"
    await place.spoil(EMOTION, nul)
    await place.append(EMOTION, place.emotion())

    async def decided() -> bool:
        decisions = [
            pb.Decision.FromString(record.value)
            for record in await world.records(DECISION)
            if record.value != NO_MESSAGE
        ]
        return any(one.emotion.id == f"e-{place.session}" for one in decisions)

    await until(decided)


async def test_l04_intervention_of_outcome(world: World, place: Place):
    stub = place.rpc(InterventionServiceStub, "SIQ_INTERVENTION_ADDR")
    who = identity.UserIdentity(tenant_id=TENANT, session_id=place.session)
    request = intervention.DecideRequest(emotion=place.emotion(), identity=who)
    shown = (await stub.Decide(request)).decision.intervention.id

    async def pending() -> list[str]:
        asked = intervention.ListPendingRequest(tenant_id=TENANT, session_id=place.session)
        return [one.id for one in (await stub.ListPending(asked)).interventions]

    assert await pending() == [shown]
    await place.spoil(OUTCOME, place.outcome(pb.OUTCOME_KIND_SHOWN, intervention_id="i\x00"))
    await place.append(OUTCOME, place.outcome(pb.OUTCOME_KIND_SHOWN, intervention_id=shown))

    async def none_pending() -> bool:
        return not await pending()

    await until(none_pending)


async def test_l05_accountability_of_decision(world: World, place: Place):
    nul = place.decision()
    nul.id = "d\x00"
    await place.spoil(DECISION, nul)
    await place.append(DECISION, place.decision())
    await until(place.standing)


async def test_l06_accountability_of_outcome(world: World, place: Place):
    await place.append(DECISION, place.decision())
    await until(place.standing)
    about = f"d-{place.session}"
    await place.spoil(OUTCOME, place.outcome(pb.OUTCOME_KIND_SEEN, decision_id=f"{about}\x00"))
    await place.append(OUTCOME, place.outcome(pb.OUTCOME_KIND_ACTED, decision_id=about))

    async def acted() -> bool:
        return await place.standing() == accountability.RECOMMENDATION_STATE_ACTED

    await until(acted)


async def test_l09_dead_letters_keep_the_record_and_say_why(world: World, place: Place):
    for topic in TOPICS:
        await place.spoil(topic)
    for topic in TOPICS:

        async def letters(topic: str = topic) -> list[Record]:
            entries = await world.log.read(f"{topic}.dead", EVERYTHING, limit=10_000)
            found = [r for e in entries if e.partition == place.partition for r in e.records]
            bare = [record for record in found if record.key == b"k"]
            torn = [record for record in found if record.headers.get("unreadable")]
            return bare if bare and torn else []

        found: list[Record] = await until(letters)
        assert found[0].value == NO_MESSAGE, topic
        assert found[0].headers["schema"] == "none", topic
        assert all(record.headers["reason"] for record in found), topic
