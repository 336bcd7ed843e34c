"""Two replicas write at once, and one starts over: no join is lost or made twice."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

from sentientiq.identity.v1 import identity_service_pb2 as pb

from tests.integration.graph.test_profiles import NOW, came, verified
from tests.integration.identity_service import running_service


async def test_two_replicas_make_of_it_what_one_would(
    postgres_url: str, log_url: str, tmp_path: Path
) -> None:
    rng = random.Random(7)
    people, browsers = 12, 8
    async with (
        running_service(postgres_url, log_url, tmp_path) as one,
        running_service(postgres_url, log_url, tmp_path) as other,
    ):
        tenant = await one.make_tenant()
        told: list[pb.SealedIdentify] = []
        seen: dict[str, set[str]] = {}
        for number in range(150):
            browser = f"b{rng.randrange(browsers)}"
            told.append(came(tenant, f"s{number}", browser, NOW + number))
            if rng.random() < 0.4:
                user = f"u{rng.randrange(people)}" if browser < "b4" else f"u of {browser}"
                seen.setdefault(browser, set()).add(user)
                told.append(one.sealed(tenant, verified(user), session=f"s{number}"))
        rng.shuffle(told)

        async def tell(message: pb.SealedIdentify, number: int) -> None:
            replica = (one, other)[number % 2]
            await replica.identify(message)
            if number % 3 == 0:
                await (one, other)[(number + 1) % 2].identify(message)

        for start in range(0, len(told), 20):
            some = enumerate(told[start : start + 20])
            await asyncio.gather(*(tell(message, number) for number, message in some))
        expected = {
            message.session_id: (
                next(iter(seen[message.visitor_id]))
                if len(seen.get(message.visitor_id, ())) == 1
                else ""
            )
            for message in told
            if message.visitor_id
        }
        stated = {message.session_id for message in told if message.sealed}
        for session, user in expected.items():
            found = await other.resolve(tenant, session)
            if session not in stated:
                assert found.user_id == user, session
    # What a fresh process says is what is stored.
    async with running_service(postgres_url, log_url, tmp_path) as again:
        asked = pb.BatchResolveRequest(tenant_id=tenant, session_ids=sorted(expected))
        answer: Any = await again.identity.BatchResolve(asked)
        for who in answer.identities:
            if who.session_id not in stated:
                assert who.user_id == expected[who.session_id]
