"""The demo tenant: one customer of SentientIQ, its CEO's phone, a key for the demo shop."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentientiq.tenant.v1 import tenant_service_pb2 as pb

from cli import mesh
from cli.tenants import Tenants, open_tenants

TENANT = "demo"
COMPANY = "acme-robotics.example"
CEO_PHONE = "+15005550100"
CEO_MAIL = "casey@demo.example"
CEO_ROUTING_KEY = "demo0000000000000000000000000000"


@dataclass(frozen=True, slots=True)
class Demo:
    """Where the demo lives."""

    data: Path
    urls: dict[str, str]
    identity_addr: str
    mesh_secret: str
    identity_secret: str

    async def seed(self) -> None:
        """Put tenant, person and key in place, each only where it is missing.

        The key is shown once by the service, so it is kept in `demo.json`.
        """
        async with open_tenants(self.identity_addr, self.mesh_secret) as tenants:
            await tenants.put_tenant(
                TENANT, "Demo shop", identity_secret=self.identity_secret, emotions_to_page=True
            )
            await tenants.put_person(
                TENANT,
                pb.Person(
                    person_id="ceo",
                    name="Casey Morgan",
                    role="ceo",
                    zone="UTC",
                    channels=self._channels(),
                    owns_companies=[COMPANY],
                ),
            )
            key = await self._key(tenants)
        document = {
            "key": key,
            "identity_secret": self.identity_secret,
            "endpoint": self.urls["ws"],
            "httpEndpoint": self.urls["http"],
            "sandbox": self.urls.get("sandbox"),
        }
        mesh.write_private(self.data / "demo.json", json.dumps(document, indent=1))

    def _channels(self) -> list[pb.Channel]:
        """A phone; and where all ends in the sandbox, every other channel of a person too."""
        found = [pb.Channel(kind="sms", address=CEO_PHONE)]
        if sandbox := self.urls.get("sandbox"):
            found += [
                pb.Channel(kind="slack", address=f"{sandbox}/slack/demo"),
                pb.Channel(kind="teams", address=f"{sandbox}/teams/demo"),
                pb.Channel(kind="pagerduty", address=CEO_ROUTING_KEY),
                pb.Channel(kind="email", address=CEO_MAIL),
            ]
        return found

    async def _key(self, tenants: Tenants) -> str:
        port = self.urls["shop"].rpartition(":")[2]
        origins = [self.urls["shop"], f"http://localhost:{port}"]
        kept = self._kept().get("key")
        if isinstance(kept, str):
            known = await tenants.resolve_key(kept)
            if known is not None and set(known.origins) == set(origins):
                return kept
            if known is not None:  # the shop moved to other ports
                await tenants.revoke_key(TENANT, kept)
        return await tenants.create_key(TENANT, origins, "test")

    def _kept(self) -> dict[str, Any]:
        try:
            kept: dict[str, Any] = json.loads((self.data / "demo.json").read_text())
        except (OSError, ValueError):
            return {}
        return kept
