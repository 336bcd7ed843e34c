"""An identity about which more is being looked up is asked for again soon, not after minutes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from sentientiq.identity.v1 import identity_service_pb2 as pb

import edge.identities
from edge.identities import Identities
from edge.seal import Sealer


class _Identity:
    """Answers with what the test puts there."""

    def __init__(self) -> None:
        self.answer = pb.UserIdentity()
        self.asked = 0

    async def Resolve(self, _request: pb.ResolveRequest, **_options: Any) -> pb.ResolveResponse:
        self.asked += 1
        return pb.ResolveResponse(identity=self.answer)


@pytest.mark.parametrize(("settling", "asked"), [(True, 2), (False, 1)])
async def test_a_settling_identity_is_asked_for_again(
    settling: bool, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub: Any = _Identity()
    stub.answer = pb.UserIdentity(user_id="u1", settling=settling)
    identities = Identities(stub, Sealer())
    now = [1_000.0]
    # Not the clock of all: the loop's timers go by it.
    monkeypatch.setattr(edge.identities, "time", SimpleNamespace(monotonic=lambda: now[0]))
    await identities.resolve("t1", "s1")
    now[0] += 0.5
    await identities.resolve("t1", "s1")
    assert stub.asked == 1
    now[0] += 1.0
    await identities.resolve("t1", "s1")
    assert stub.asked == asked
