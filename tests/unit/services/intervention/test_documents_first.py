"""A tenant's first document counts from the moment it is known to exist."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast

from sentientiq.tenant.v1 import tenant_service_pb2 as pb

from services.intervention.documents import Documents


class Refused(ValueError):
    """No document of this test is."""


async def test_while_the_first_one_is_read_nobody_has_the_builtin() -> None:
    go_on = threading.Event()

    def parse(version: str, body: bytes) -> str:
        assert go_on.wait(10)
        return f"{version}: {body.decode()}"

    channel = cast("Any", _Channel())
    documents = Documents(channel, "policy", parse, Refused, "builtin")
    document = pb.ConfigDocument(tenant_id="acme", kind="policy", version=7, body=b"own")
    applying = asyncio.create_task(documents.apply(document))
    await asyncio.sleep(0)
    asking = asyncio.create_task(documents.of("acme"))
    await asyncio.sleep(0.05)
    assert not asking.done()
    go_on.set()
    assert await asking == "tenant@7: own"
    await applying


class _Channel:
    """Stands where a channel stands; nothing is asked over it."""

    def __getattr__(self, name: str) -> Any:
        def nothing(*_args: Any, **_options: Any) -> None:
            """Whatever is made of it is never called."""

        return nothing
