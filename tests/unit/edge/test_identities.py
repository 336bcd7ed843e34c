"""What the edge keeps of identities, and when it asks again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from sentientiq.identity.v1 import identity_service_pb2 as pb

from edge import identities
from edge.identities import Identities
from edge.seal import Sealer

TENANT = "acme"


class StandIn:
    """Identity, as far as the cache asks it."""

    def __init__(self) -> None:
        self.users = {f"s{n}": f"u{n % 2}" for n in range(4)}
        self.worth = 1
        self.version = 1
        self.asked: list[str] = []
        self.changes: asyncio.Queue[pb.WatchValuesResponse] = asyncio.Queue()
        self.sessions: asyncio.Queue[str] = asyncio.Queue()
        self.hold: asyncio.Event | None = None

    async def Resolve(self, request: pb.ResolveRequest, **_deadline: float) -> pb.ResolveResponse:
        self.asked.append(request.session_id)
        answer = pb.UserIdentity(
            tenant_id=request.tenant_id,
            session_id=request.session_id,
            user_id=self.users[request.session_id],
            ltv=pb.Money(currency="USD", minor=self.worth),
            version=self.version,
        )
        if self.hold is not None:
            await self.hold.wait()
        return pb.ResolveResponse(identity=answer)

    async def WatchValues(
        self, request: pb.WatchValuesRequest, wait_for_ready: bool
    ) -> AsyncIterator[pb.WatchValuesResponse]:
        while True:
            yield await self.changes.get()
            self.changes.task_done()

    async def WatchProfiles(
        self, request: pb.WatchProfilesRequest, wait_for_ready: bool
    ) -> AsyncIterator[pb.WatchProfilesResponse]:
        while True:
            session = await self.sessions.get()
            yield pb.WatchProfilesResponse(tenant_id=TENANT, session_id=session)
            self.sessions.task_done()

    async def tell_session(self, session: str) -> None:
        """Name a changed session, and wait until it was heard."""
        for one in (session, "nobody's"):
            self.sessions.put_nowait(one)
        await self.sessions.join()

    async def tell(self, tenant: str, user: str) -> None:
        """Name a change, and wait until it was heard."""
        for one in ((tenant, user), ("nobody", "at all")):
            self.changes.put_nowait(pb.WatchValuesResponse(tenant_id=one[0], user_id=one[1]))
        await self.changes.join()


class Place:
    """A cache that watches."""

    def __init__(self) -> None:
        self.identity = StandIn()
        self.cache = Identities(cast("Any", self.identity), Sealer())

    async def worth(self, session: str) -> int:
        who = await self.cache.resolve(TENANT, session)
        assert who is not None
        return who.ltv.minor


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    made = Place()
    watching = [
        asyncio.create_task(watch())
        for watch in (made.cache.watch_values, made.cache.watch_profiles)
    ]
    yield made
    for task in watching:
        task.cancel()
    await asyncio.wait(watching)


async def test_a_change_is_asked_for_and_nothing_else(place: Place) -> None:
    for session in place.identity.users:
        assert await place.worth(session) == 1
    place.identity.asked.clear()
    place.identity.worth = 2
    await place.identity.tell(TENANT, "u1")
    assert [await place.worth(session) for session in place.identity.users] == [1, 2, 1, 2]
    assert place.identity.asked == ["s1", "s3"]


@pytest.mark.parametrize("tenant", [TENANT, ""])
async def test_a_change_of_everybody_is_asked_for(place: Place, tenant: str) -> None:
    for session in place.identity.users:
        await place.worth(session)
    place.identity.worth = 2
    await place.identity.tell("other", "")
    assert await place.worth("s0") == 1
    await place.identity.tell(tenant, "")
    assert [await place.worth(session) for session in place.identity.users] == [2, 2, 2, 2]


async def test_an_answer_older_than_a_change_is_asked_for_again(place: Place) -> None:
    place.identity.hold = asyncio.Event()
    underway = asyncio.create_task(place.worth("s0"))
    while not place.identity.asked:
        await asyncio.sleep(0)
    place.identity.worth = 2
    await place.identity.tell(TENANT, "u0")
    place.identity.hold.set()
    assert await underway == 1
    assert await place.worth("s0") == 2


async def test_a_session_that_changes_hands_hears_of_its_new_user(place: Place) -> None:
    await place.worth("s0")
    await place.identity.tell(TENANT, "u0")
    place.identity.users["s0"], place.identity.version = "u9", 2
    await place.worth("s0")
    place.identity.asked.clear()
    await place.identity.tell(TENANT, "u0")
    await place.worth("s0")
    assert place.identity.asked == []
    await place.identity.tell(TENANT, "u9")
    await place.worth("s0")
    assert place.identity.asked == ["s0"]
    place.cache.forget(TENANT, "s0")
    await place.identity.tell(TENANT, "u9")


async def test_a_session_that_was_deleted_begins_its_versions_anew(place: Place) -> None:
    place.identity.version = 7
    assert await place.worth("s0") == 1
    place.identity.version, place.identity.worth = 0, 0
    await place.identity.tell_session("s0")
    assert await place.worth("s0") == 0
    place.identity.version, place.identity.worth = 1, 5
    await place.identity.tell_session("s0")
    assert await place.worth("s0") == 5


async def test_a_change_told_while_the_first_question_is_under_way_is_asked_for(
    place: Place,
) -> None:
    place.identity.hold = asyncio.Event()
    first = asyncio.create_task(place.worth("s1"))
    while not place.identity.asked:
        await asyncio.sleep(0)
    place.identity.worth, place.identity.version = 2, 2
    await place.identity.tell_session("s1")
    place.identity.hold.set()
    assert await first == 1
    assert await place.worth("s1") == 2


async def test_whose_a_visit_was_is_forgotten_half_an_hour_after_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = time.monotonic()
    monkeypatch.setattr(identities.time, "monotonic", lambda: now_s)
    place.identity.users = {f"s{n}": f"u{n}" for n in range(100)}
    for session in place.identity.users:
        await place.worth(session)
    now_s += 20 * 60
    await place.worth("s7")
    now_s += 20 * 60
    place.identity.users |= {f"later{n}": "u0" for n in range(40)}
    for session in [name for name in place.identity.users if name.startswith("later")]:
        await place.worth(session)
    assert len(place.cache) == 41
    place.identity.asked.clear()
    await place.identity.tell(TENANT, "u1")  # of whom nothing is known any more
    await place.worth("s1")
    assert place.identity.asked == ["s1"]
