"""Messages as the other processes write them, for tests of the pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sentientiq.behavior.v1.types_pb2 import BehaviorBatch, Target
from sentientiq.detection.v1 import emotion_pb2
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.intervention.v1 import intervention_pb2 as pb

from hotpath.columns import from_wire
from services.common.consumer import Delivery
from services.common.log import Record

T = TypeVar("T")
T0_MS = 1_760_000_000_000
BUTTON = {7: ("button#buy", 3)}
VISIT: list[list[object]] = [
    [1, 0, "/pricing", 0],
    [2, 40, 10.5, 20],
    [3, 100, 11, 21, 7],
    [3, 50, 11, 21, 7, 0, 2],
    [21, 10, "sale", {"plan": "pro"}],
    [26, 5],
    [5, 10, 400, 2000],
]
"""One event of several kinds and a tick: six rows."""


def batch(
    seq: int,
    events: list[list[object]] = VISIT,
    *,
    tenant: str = "acme",
    session: str = "s1",
    stream: str = "p1",
    t0_ms: int = T0_MS,
    page: str = "/",
    targets: Mapping[int, tuple[str, int]] = BUTTON,
    received_at_ns: int = 0,
) -> BehaviorBatch:
    """A frame."""
    columns = from_wire(events, targets)
    return BehaviorBatch(
        tenant_id=tenant,
        session_id=session,
        stream_id=stream,
        seq=seq,
        t0_ms=t0_ms,
        page=page,
        count=columns.count,
        columns=columns.blob,
        targets=[Target(descriptor=name, flags=flags) for name, flags in columns.targets],
        strings=columns.strings,
        received_at_ns=received_at_ns,
    )


def emotion(id: str = "e1", rev: int = 1, *, tenant: str = "acme") -> emotion_pb2.Emotion:
    """A rage."""
    return emotion_pb2.Emotion(
        id=id,
        rev=rev,
        tenant_id=tenant,
        session_id="s1",
        stream_id="p1",
        kind=emotion_pb2.EMOTION_KIND_RAGE,
        confidence=80 + rev,
        trigger="rage_click",
        context=emotion_pb2.EmotionContext(page="/pricing", element="button#buy"),
        evidence=[emotion_pb2.EvidenceRef(seq=1, index=2), emotion_pb2.EvidenceRef(seq=1, index=3)],
        contributions=[emotion_pb2.Contribution(feature="presses", log_odds=1.5)],
        calibration="simulated-v1",
        occurred_at_ms=T0_MS + 500,
        detected_at_ms=T0_MS + 520,
    )


def decision(id: str = "d1", *, tenant: str = "acme", asks: bool = True) -> pb.Decision:
    """An intervention in the page and, if it asks, a recommendation."""
    return pb.Decision(
        id=id,
        tenant_id=tenant,
        session_id="s1",
        emotion=emotion(tenant=tenant),
        action=pb.DECISION_ACTION_INTERVENE,
        reason="rule",
        rule="rage_of_the_valuable",
        policy_version="builtin@1",
        intervention=pb.Intervention(
            id=f"{id}-help",
            decision_id=id,
            type=pb.INTERVENTION_TYPE_CHAT,
            template="payment_help@1",
        ),
        recommendation=pb.Recommendation(
            person_id="ceo", due_at_ms=T0_MS + 600_000, channels=["sms", "slack"]
        )
        if asks
        else None,
        value=identity_pb2.Money(currency="USD", minor=10_000_000) if asks else None,
        assurance=identity_pb2.ASSURANCE_VERIFIED,
        company="globex.example",
        decided_at_ms=T0_MS + 600,
        path="fast",
    )


def outcome(
    kind: str,
    *,
    tenant: str = "acme",
    decision: str = "",
    intervention: str = "",
    after_ms: int = 0,
) -> pb.Outcome:
    """What then happened."""
    return pb.Outcome(
        id=f"{decision}{intervention}-{kind}",
        tenant_id=tenant,
        session_id="s1",
        decision_id=decision,
        intervention_id=intervention,
        kind=pb.OutcomeKind.Value(f"OUTCOME_KIND_{kind}"),
        occurred_at_ms=T0_MS + 600 + after_ms,
        person_id="ceo" if decision else "",
        channel="sms" if decision else "page",
    )


def identify(seq: int, *, tenant: str = "acme") -> identity_pb2.SealedIdentify:
    """A sealed identify."""
    return identity_pb2.SealedIdentify(
        tenant_id=tenant,
        session_id="s1",
        stream_id="p1",
        seq=seq,
        sealed=b"nobody may open this",
        key_id=b"\x01\x02",
        occurred_at_ms=T0_MS,
    )


def delivered(
    message: Any, decode: Callable[[bytes], T], *, partition: int = 3, offset: int = 1
) -> Delivery[T]:
    """The message as a consumer hands it on."""
    value = message.SerializeToString()
    return Delivery(decode(value), partition, offset, Record(b"", value))
