"""Answers of Resolve are kept while they are true."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from sentientiq.identity.v1 import identity_service_pb2 as pb

from services.common.errors import Unavailable
from services.identity.config_store import CHANNEL as CONFIG
from services.identity.graph.history import CHANNEL as PROFILE
from services.identity.kept_answers import KeptAnswers
from services.identity.value.value_feed import CHANNEL as VALUE


class Store:
    """In place of PostgreSQL: whose sessions are, and how often each was looked at."""

    def __init__(self) -> None:
        self.users: dict[tuple[str, str], str] = {}
        self.looked: Counter[tuple[str, str]] = Counter()
        self.hold: asyncio.Event | None = None
        self.away = False
        self.settling = False
        self.now = 0.0
        self.answers = KeptAnswers(self.load, lambda: self.now, capacity=3)
        self.answers.began()

    async def load(self, tenant: str, session: str) -> pb.ResolveResponse:
        self.looked[tenant, session] += 1
        user = self.users.get((tenant, session), "")
        if self.hold is not None:
            await self.hold.wait()
        if self.away:
            raise Unavailable("away")
        return pb.ResolveResponse(identity=pb.UserIdentity(user_id=user, settling=self.settling))

    async def user(self, session: str = "s", tenant: str = "t") -> str:
        return (await self.answers.get(tenant, session)).identity.user_id


@pytest.fixture
async def store() -> Store:
    return Store()


async def test_an_answer_is_looked_up_once_an_anonymous_one_too(store: Store) -> None:
    store.users["t", "s"] = "jane"
    assert [await store.user(s) for s in ("s", "s", "n", "n")] == ["jane", "jane", "", ""]
    assert set(store.looked.values()) == {1}
    assert (store.answers.hits, store.answers.misses) == (2, 2)


async def test_it_is_kept_for_a_minute(store: Store) -> None:
    await store.user()
    store.now = 59.9
    await store.user()
    assert store.looked["t", "s"] == 1
    store.now = 60.0
    await store.user()
    assert store.looked["t", "s"] == 2


async def test_what_is_over_goes_as_others_come(store: Store) -> None:
    answers = KeptAnswers(store.load, lambda: store.now)
    answers.began()
    for number in range(100):
        await answers.get("t", f"s{number}")
    store.now = 60.0
    for number in range(40):
        await answers.get("t", f"later{number}")
    assert len(answers) == 40


async def test_calls_at_once_share_one_look(store: Store) -> None:
    store.hold = asyncio.Event()
    calls = [asyncio.create_task(store.user()) for _ in range(5)]
    await asyncio.sleep(0)
    calls[0].cancel()
    await asyncio.sleep(0)
    store.hold.set()
    assert await asyncio.gather(*calls[1:]) == [""] * 4
    assert store.looked["t", "s"] == 1
    assert store.answers.shared == 4


async def test_a_failure_reaches_all_who_wait_and_is_not_kept(store: Store) -> None:
    store.away = True
    store.hold = asyncio.Event()
    calls = [asyncio.create_task(store.user()) for _ in range(2)]
    await asyncio.sleep(0)
    store.hold.set()
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(outcome, Unavailable)
    store.away = False
    assert await store.user() == ""


@pytest.mark.parametrize(
    ("channel", "payload", "looks"),
    [
        (PROFILE, "t s", 2),
        (PROFILE, "t other", 1),
        (PROFILE, "t", 2),
        (PROFILE, "u s", 1),
        (VALUE, "t jane", 2),
        (VALUE, "t john", 1),
        (VALUE, "t", 2),
        (CONFIG, "value t", 2),
        (CONFIG, "value u", 1),
    ],
)
async def test_a_change_has_it_looked_up_again(
    store: Store, channel: str, payload: str, looks: int
) -> None:
    store.users["t", "s"] = "jane"
    await store.user()
    store.answers.heard(channel, payload)
    await store.user()
    assert store.looked["t", "s"] == looks


@pytest.mark.parametrize(
    ("channel", "payload"), [(PROFILE, "t s"), (VALUE, "t jane"), (CONFIG, "company t")]
)
async def test_what_changes_while_it_is_looked_at_is_not_kept(
    store: Store, channel: str, payload: str
) -> None:
    store.hold = asyncio.Event()
    call = asyncio.create_task(store.user())
    while not store.looked:
        await asyncio.sleep(0)
    store.users["t", "s"] = "jane"
    store.answers.heard(channel, payload)
    store.hold.set()
    assert await call == ""
    assert await store.user() == "jane"


async def test_while_nothing_is_heard_nothing_is_kept(store: Store) -> None:
    await store.user()
    store.answers.lost()
    for _ in range(2):
        await store.user()
    assert store.looked["t", "s"] == 3
    store.answers.began()
    for _ in range(2):
        await store.user()
    assert store.looked["t", "s"] == 4


async def test_what_is_still_being_looked_up_is_not_kept(store: Store) -> None:
    store.settling = True
    for _ in range(2):
        await store.user()
    assert store.looked["t", "s"] == 2


async def test_the_one_not_asked_for_longest_makes_room(store: Store) -> None:
    for session in ("a", "b", "c", "a", "d", "a", "b"):
        await store.user(session)
    assert store.looked == {("t", "a"): 1, ("t", "b"): 2, ("t", "c"): 1, ("t", "d"): 1}


async def test_who_was_told_of_a_change_does_not_share_a_look_that_began_before(
    store: Store,
) -> None:
    store.hold = asyncio.Event()
    before = asyncio.create_task(store.user())
    while not store.looked:
        await asyncio.sleep(0)
    store.users["t", "s"] = "jane"
    store.answers.forget("t", "s")
    after = asyncio.create_task(store.user())
    await asyncio.sleep(0)
    store.hold.set()
    assert (await before, await after) == ("", "jane")
    assert await store.user() == "jane"
    assert store.looked["t", "s"] == 2
