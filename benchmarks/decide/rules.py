"""A policy of so many rules, as a large shop might have it, and emotions that meet them all."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import msgspec
from sentientiq.detection.v1 import emotion_pb2
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.intervention.v1 import intervention_service_pb2 as pb

VISITORS: Final = 4_000


def document(rules: int) -> bytes:
    """Rules by page, confidence and value; caps, cool-downs and a budget over all of them."""
    written: list[dict[str, Any]] = []
    for number in range(rules - 1):
        offer = {
            "name": "offer", "type": "discount", "template": "offer@1", "priority": "high",
            "budget": {"name": "year", "cost": {"USD": "9.99"}},
            "when": {"value": {"at_least": {"USD": 5_000}}},
        }  # fmt: skip
        help_ = {"name": "help", "type": "support", "template": "help@1"}
        when = {
            "emotion": "rage", "confidence": 50 + number % 30, "page": [f"/shop/{number}/*"],
            "history": {"dismissals": {"at_most": 2}},
        }  # fmt: skip
        do = [offer, help_] if number % 4 == 0 else [help_]
        written.append({"name": f"rule_{number}", "when": when, "do": do})
    written.append({"name": "rest", "do": []})
    return msgspec.json.encode(
        {
            "policy": 2,
            "rules": written,
            "guards": {
                "caps": [{"name": "daily", "per": "visitor", "most": 50, "within_s": 86_400}],
                "cooldowns": [{"name": "page", "per": "session", "of": ["page"], "for_s": 20}],
                "budgets": {"year": {"most": {"USD": 1_000_000}, "each": "ever"}},
            },
        }
    )


def requests(tenant: str, rules: int, seed: int) -> Iterator[pb.DecideRequest]:
    """Emotions of known visitors, without end; the caller says when each was felt."""
    made = random.Random(seed)
    while True:
        visitor, page = made.randrange(VISITORS), made.randrange(rules)
        session = f"s{visitor}"
        yield pb.DecideRequest(
            emotion=emotion_pb2.Emotion(
                id=UUID(int=made.getrandbits(128)).hex, rev=1, tenant_id=tenant,
                session_id=session, stream_id="p1", kind=emotion_pb2.EMOTION_KIND_RAGE,
                confidence=made.randrange(50, 101), trigger="rage_click",
                context=emotion_pb2.EmotionContext(
                    page=f"/shop/{page}/checkout", element="button#pay"
                ),
                evidence=[emotion_pb2.EvidenceRef(seq=9, index=at) for at in range(6)],
                contributions=[
                    emotion_pb2.Contribution(feature="unanswered_presses", log_odds=2.4),
                    emotion_pb2.Contribution(feature="presses", log_odds=1.1),
                ],
            ),
            identity=identity_pb2.UserIdentity(
                tenant_id=tenant, session_id=session, user_id=f"u{visitor}",
                company=f"c{visitor % 200}.example", assurance=identity_pb2.ASSURANCE_VERIFIED,
                ltv=identity_pb2.Money(currency="USD", minor=visitor * 1_000),
                tier=identity_pb2.TIER_GROWTH, version=1,
            ),
            visitor=pb.VisitorContext(
                language="de-AT", zone="Europe/Vienna", interventions_consent=True
            ),
        )  # fmt: skip


def felt(request: pb.DecideRequest, at_s: float) -> bytes:
    """The request for a moment, encoded."""
    at_ms = int(at_s * 1000)
    request.emotion.occurred_at_ms = request.emotion.detected_at_ms = at_ms
    return request.SerializeToString()


def now_s() -> float:
    """The clock that emotions are dated by."""
    return time.time()
