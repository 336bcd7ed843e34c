"""Over which channels messages go that are drafted after the decision."""

from __future__ import annotations

import pytest
from sentientiq.detection.v1 import emotion_pb2
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.intervention.v1 import intervention_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2 as tenant_pb2

from services.intervention.answering.links import Links
from services.intervention.deciding.proposal import Recommender
from services.intervention.policy import builtin_policy
from services.intervention.sending.secrets import Sealer

_SECRET = "a secret of at least thirty-two characters"


@pytest.mark.parametrize(
    ("channels", "sent"), [(None, {"sms", "slack"}), (frozenset({"slack"}), {"slack"})]
)
def test_what_caps_left_open_stays_all_that_is_used(
    channels: frozenset[str] | None, sent: set[str]
) -> None:
    person = tenant_pb2.Person(
        person_id="p-ceo",
        channels=[
            tenant_pb2.Channel(kind="sms", address="+15550000001"),
            tenant_pb2.Channel(kind="slack", address="https://hooks.example/1"),
        ],
    )
    decision = pb.Decision(
        id="d1",
        tenant_id="t",
        session_id="s",
        emotion=emotion_pb2.Emotion(id="e", kind=emotion_pb2.EMOTION_KIND_RAGE, confidence=80),
        recommendation=pb.Recommendation(person_id="p-ceo", channels=["slack"], due_at_ms=60_000),
    )
    recommender = Recommender(Links(_SECRET), Sealer(_SECRET), public_url="https://app.example")
    drafts = recommender.draft_for_another(
        decision,
        builtin_policy().templates["alert@1"],
        person,
        identity_pb2.UserIdentity(),
        note="",
        asked="anew d1",
        now_ms=1_000,
        channels=channels,
    )
    assert {draft.channel for draft in drafts} == sent
