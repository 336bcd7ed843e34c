"""Writers over a real PostgreSQL, without any process around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from sentientiq.detection.v1 import emotion_pb2
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.intervention.v1 import intervention_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2 as tenant_pb2

from services.common import postgres
from services.intervention.answering.links import Links
from services.intervention.deciding.court import Court
from services.intervention.deciding.gather import Case
from services.intervention.deciding.proposal import Recommender
from services.intervention.deciding.pulse import Pulse
from services.intervention.deciding.writer import Writer
from services.intervention.policy import Policy
from services.intervention.sending.secrets import Sealer
from services.intervention.service import MIGRATIONS, SCHEMA
from services.intervention.store.promises import Promise

NOW_MS = 1_700_000_000_000
_SECRET = "a secret of at least thirty-two characters"
CEO = tenant_pb2.Person(
    person_id="p-ceo",
    role="ceo",
    channels=[tenant_pb2.Channel(kind="sms", address="+15550000001")],
)


def court() -> Court:
    """As the service makes it."""
    return Court(Recommender(Links(_SECRET), Sealer(_SECRET), public_url="http://127.0.0.1"))


def _nothing(promise: Promise, messages: bool) -> None:
    """Nobody appends or sends here."""


@asynccontextmanager
async def writers(
    url: str, count: int, clock: Callable[[], int] = lambda: NOW_MS
) -> AsyncGenerator[list[Writer], None]:
    """So many writers, each with a connection of its own, as that many replicas would have."""
    await postgres.migrate(url, SCHEMA, MIGRATIONS)
    pools = [await postgres.connect(url, schema=SCHEMA, max_size=1) for _ in range(count)]
    pulse = await Pulse.open(url, SCHEMA)
    made = [Writer(pool, court(), clock, pulse=pulse, committed=_nothing) for pool in pools]
    loops = [asyncio.create_task(writer.run()) for writer in made]
    try:
        yield made
        assert not any(loop.done() for loop in loops), "a writer's loop ended"
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        for pool in pools:
            pool.terminate()
        await pulse.close()


def case(
    policy: Policy,
    *,
    tenant: str,
    session: str,
    user: str = "",
    company: str = "",
    at_ms: int = NOW_MS,
    kind: emotion_pb2.EmotionKind.ValueType = emotion_pb2.EMOTION_KIND_RAGE,
    confidence: int = 80,
    **identity: Any,
) -> Case:
    """A fresh emotion of somebody; the team is the CEO."""
    emotion = emotion_pb2.Emotion(
        id=uuid4().hex, rev=1, tenant_id=tenant, session_id=session, confidence=confidence,
        kind=kind, detected_at_ms=at_ms, occurred_at_ms=at_ms,
        context=emotion_pb2.EmotionContext(page="/checkout", element="button#pay"),
    )  # fmt: skip
    who = identity_pb2.UserIdentity(
        tenant_id=tenant, session_id=session, user_id=user, company=company, **identity
    )
    return Case(emotion, who, policy, "fast", people=[CEO])


async def records(url: str, tenant: str) -> list[pb.Decision]:
    """All decisions that stand."""
    pool = await postgres.connect(url, schema=SCHEMA, max_size=1)
    try:
        rows = await pool.fetch(
            "SELECT record FROM decisions WHERE tenant_id = $1 ORDER BY id", tenant
        )
    finally:
        pool.terminate()
    return [pb.Decision.FromString(row["record"]) for row in rows]
