"""Who a token proves, by keys that the tenant names or keeps at an address of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sentientiq.identity.v1 import identity_service_pb2 as pb
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.common.guard import Guard
from services.common.http import HttpServer
from services.identity.key_sets import KeySets
from tests.integration.identity_service import (
    Service,
    identity_token,
    refused,
)
from tests.unit.services.identity.test_token_policy import pair, public


class Login:
    """A tenant's login service, with its keys at an address."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.status = 200
        self.asked = 0
        self._server = HttpServer(Starlette(routes=[Route("/jwks", self._jwks)]), "127.0.0.1:0")
        self.host = f"127.0.0.1:{self._server.port}"
        self.url = f"http://{self.host}/jwks"

    async def _jwks(self, _: Request) -> Response:
        self.asked += 1
        return JSONResponse({"keys": self.keys}, status_code=self.status)

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncGenerator[Login, None]:
        """Serve until left."""
        login = cls()
        await login._server.start()
        try:
            yield login
        finally:
            await login._server.stop()


class Clock:
    """Monotonic seconds that a test turns."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def login() -> AsyncGenerator[Login, None]:
    async with Login.running() as running:
        yield running


async def kids(sets: KeySets, login: Login, kid: str) -> list[str]:
    """Ask for the keys as one who needs that one."""
    keys = await sets.keys(login.url, lambda held: any(key.kid == kid for key in held))
    return [key.kid for key in keys]


async def test_a_new_key_is_fetched_when_a_token_names_it_but_not_at_every_wish(login: Login):
    clock = Clock()
    sets = KeySets(Guard((login.host,)), clock=clock)
    login.keys = [public("ES256", 0)]
    assert await kids(sets, login, "k0") == ["k0"]
    assert await kids(sets, login, "k0") == ["k0"]
    assert login.asked == 1
    login.keys = [public("ES256", 0), public("ES256", 1)]
    for _ in range(50):  # anybody can name a key
        assert await kids(sets, login, "k1") == ["k0"]
    assert login.asked == 1
    clock.now += 30
    assert await kids(sets, login, "k1") == ["k0", "k1"]
    assert login.asked == 2
    # A key that was taken back counts until the set is old.
    login.keys = [public("ES256", 1)]
    assert await kids(sets, login, "k0") == ["k0", "k1"]
    clock.now += 600
    assert await kids(sets, login, "k0") == ["k1"]
    await sets.close()


async def test_the_last_keys_stay_while_the_address_does_not_answer(login: Login):
    clock = Clock()
    sets = KeySets(Guard((login.host,)), clock=clock)
    login.keys = [public("ES256", 0)]
    assert await kids(sets, login, "k0") == ["k0"]
    login.status = 503
    clock.now += 700
    assert await kids(sets, login, "k0") == ["k0"]
    assert (sets.fetched, sets.failed) == (1, 1)
    await sets.close()


async def test_an_address_inside_our_network_is_not_asked(login: Login):
    sets = KeySets(Guard())
    assert await kids(sets, login, "k0") == []
    assert (login.asked, sets.failed) == (0, 1)
    await sets.close()


async def test_a_token_of_a_named_key_verifies_and_one_of_another_does_not(service: Service):
    tenant = await service.make_tenant()
    document = {"keys": [public("ES256", 0)], "audience": "sentientiq", "hs256": False}
    await service.put_config(tenant, "identity", document)
    token = identity_token(pair("ES256", 0), "ES256", "k0", sub="u1", aud="sentientiq")
    who = await service.identify(service.sealed(tenant, {"token": token}, session="known"))
    assert (who.user_id, who.assurance) == ("u1", pb.ASSURANCE_VERIFIED)
    for number, stranger in enumerate(
        (
            identity_token(pair("ES256", 1), "ES256", "k0", sub="u1", aud="sentientiq"),
            identity_token(pair("ES256", 0), "ES256", "k0", sub="u1"),
            identity_token("i" * 32, "HS256", "k0", sub="u1", aud="sentientiq"),
        )
    ):
        content = {"user_id": "liar", "token": stranger}
        who = await service.identify(service.sealed(tenant, content, session=f"s{number}"))
        assert (who.user_id, who.assurance) == ("liar", pb.ASSURANCE_CLAIMED)
    assert service.parts.identifier.refused_tokens == 3


async def test_a_policy_that_cannot_be_used_is_refused(service: Service):
    tenant = await service.make_tenant()
    document = {"keys": [{"kty": "oct", "k": "AAAA"}]}
    code, words = await refused(service.put_config(tenant, "identity", document))
    assert code == "INVALID_ARGUMENT"
    assert words.startswith("body.keys[0]: a secret goes into")


async def test_keys_are_fetched_for_tokens_that_need_them(service: Service):
    tenant = await service.make_tenant()
    # Inside our network: every attempt fails, and is counted.
    document = {"jwks_url": "https://127.0.0.1:9/jwks", "keys": [public("ES256", 0)]}
    await service.put_config(tenant, "identity", document)
    key_sets = service.parts.key_sets
    for number, token in enumerate(
        (identity_token(), identity_token(pair("ES256", 0), "ES256", "k0"))
    ):
        who = await service.identify(service.sealed(tenant, {"token": token}, session=f"s{number}"))
        assert who.assurance == pb.ASSURANCE_VERIFIED
    assert key_sets.failed == 0
    unknown = identity_token(pair("ES256", 1), "ES256", "k1")
    who = await service.identify(service.sealed(tenant, {"token": unknown}, session="s2"))
    assert (who.user_id, key_sets.failed) == ("", 1)
