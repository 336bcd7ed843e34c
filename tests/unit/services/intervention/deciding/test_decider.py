"""Deciding when there is no time left for what a decision is made of."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from sentientiq.detection.v1 import emotion_pb2
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2

from services.common import deadlines
from services.common.errors import Unavailable
from services.intervention.deciding.decider import Decider
from services.intervention.experiments.draws import Drawn
from services.intervention.policy import builtin_policy

EMOTION = emotion_pb2.Emotion(
    id="e1", rev=1, tenant_id="t", session_id="s", confidence=90, detected_at_ms=1,
    kind=emotion_pb2.EMOTION_KIND_RAGE,
)  # fmt: skip


class Mesh:
    """Whom the decider asks: identity takes its time, and then is away."""

    def __init__(self, takes_s: float) -> None:
        self._takes_s = takes_s
        self.submitted = 0

    async def of(self, tenant_id: str) -> Any:
        return builtin_policy()

    async def resolve(self, tenant_id: str, session_id: str) -> identity_pb2.UserIdentity:
        await asyncio.sleep(self._takes_s)
        raise Unavailable("identity is away")

    async def submit(self, case: Any) -> Any:
        self.submitted += 1
        raise Unavailable("as far as this test goes")


class NoSwitches:
    """Nothing is stopped."""

    def of(self, tenant_id: str) -> tuple[str, ...]:
        return ()


class NoDraws:
    """There are no experiments."""

    async def of(self, tenant_id: str, units: Any) -> Drawn:
        return Drawn({}, known=True)


@pytest.mark.parametrize(("caller_waits_s", "submitted"), [(0.01, 0), (60.0, 1), (None, 1)])
async def test_a_caller_that_has_given_up_leaves_no_decision_for_a_stranger(
    caller_waits_s: float | None, submitted: int
):
    mesh = Mesh(takes_s=0.02)
    part = cast("Any", mesh)
    switches, draws = cast("Any", NoSwitches()), cast("Any", NoDraws())
    decider = Decider(part, part, part, switches, draws, part, lambda: 1_000)
    deadlines.begin(caller_waits_s)
    with pytest.raises(Unavailable):
        await decider.decide(EMOTION, None, "fast")
    assert mesh.submitted == submitted
