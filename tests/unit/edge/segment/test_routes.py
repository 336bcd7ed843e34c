"""What Segment's routes refuse before anything is taken."""

from __future__ import annotations

from typing import Any, cast

import pytest

from edge.tenants import UnknownKey
from tests.unit.edge.stand_ins import Edge, http, running_edge

CALL = {"userId": "u", "event": "Ping"}
AUTH = ("pk_no", "")


class Keys:
    """A directory that knows no key."""

    def __init__(self, edge: Edge) -> None:
        self.asked = 0
        cast("Any", edge.mesh).tenants = self

    async def resolve(self, key: str) -> Any:
        self.asked += 1
        raise UnknownKey(key)


@pytest.mark.parametrize(("path", "body"), [("track", CALL), ("batch", {"batch": [CALL]})])
async def test_what_a_browser_under_gpc_sends_is_refused(path: str, body: dict[str, Any]):
    async with running_edge() as edge, http(edge) as ask:
        keys = Keys(edge)
        headers = {"Sec-GPC": "1"}
        refused = await ask.post(f"/v1/{path}", json=body, headers=headers, auth=AUTH)
        assert (refused.status_code, keys.asked) == (403, 0)
        assert refused.json() == {
            "success": False,
            "code": "gpc",
            "message": "Global Privacy Control is set",
        }


async def test_an_address_is_told_to_wait_before_its_keys_are_looked_up():
    async with running_edge(frames_per_s_per_ip=1) as edge, http(edge) as ask:
        keys = Keys(edge)
        answers = [await ask.post("/v1/track", json=CALL, auth=AUTH) for _ in range(9)]
        statuses = [answer.status_code for answer in answers]
        assert (statuses[0], statuses[-1]) == (401, 429)
        assert keys.asked == statuses.count(401) < 9
        assert answers[-1].headers["Retry-After"] == "1"
        assert edge.mesh.limits.refused == {"frames_per_ip": statuses.count(429)}
