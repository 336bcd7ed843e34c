"""The tenant of one smoke run: a secret, a key, and an owner for every company."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from dataclasses import dataclass

import jwt
from sentientiq.tenant.v1 import tenant_service_pb2 as pb

from cli.smoke.story import Story
from cli.tenants import Tenants

LTV = 100_000
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays."""

    tenant: str
    secret: str
    key: str
    stories: list[Story]

    def token(self, story: Story) -> str:
        """Sign who a visitor is, as the customer's server would."""
        now = int(time.time())
        claims = {
            "sub": f"user-{story.index}",
            "email": f"user-{story.index}@{story.company}",
            "name": f"Visitor {story.index}",
            "company": story.company,
            "company_name": f"Company {story.index}",
            "ltv": LTV,
            "iat": now,
            "exp": now + 600,
        }
        return jwt.encode(claims, self.secret, algorithm="HS256")


async def provision(tenants: Tenants, visitors: int) -> Cast:
    """Create a tenant of its own for this run, through the same RPCs as any customer."""
    tenant = f"smoke-{secrets.token_hex(4)}"
    secret = secrets.token_urlsafe(32)
    # Numbers of their own, so that a second run on the same mesh finds its own messages.
    block = random.randrange(100_000, 1_000_000)
    stories = [
        Story(index, f"company-{index}.example", f"+1555{block}{index:04d}")
        for index in range(visitors)
    ]
    await tenants.put_tenant(tenant, "Smoke run", identity_secret=secret, emotions_to_page=True)
    slots = asyncio.Semaphore(_AT_ONCE)

    async def put_owner(story: Story) -> None:
        async with slots:
            await tenants.put_person(tenant, _owner(story))

    await asyncio.gather(*(put_owner(story) for story in stories))
    key = await tenants.create_key(tenant, ["*"], "test")
    return Cast(tenant, secret, key, stories)


def _owner(story: Story) -> pb.Person:
    return pb.Person(
        person_id=f"owner-{story.index}",
        name=f"Owner {story.index}",
        role="success",
        zone="UTC",
        channels=[pb.Channel(kind="sms", address=story.phone)],
        owns_companies=[story.company],
    )
