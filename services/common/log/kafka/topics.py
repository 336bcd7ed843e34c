"""Topics as the mesh needs them: 64 partitions, entries up to 16 MiB; made where they are missing.

How many replicas, how many of them must be in sync, and for how long entries stay, is the
cluster's own decision (docs/log.md).
"""

from __future__ import annotations

import asyncio
from time import monotonic

from services.common import logs
from services.common.log.kafka.address import MOST_BYTES, MOST_DEAD_BYTES, Address
from services.common.log.kafka.asking import END, Admin, Asker
from services.common.log.port import LogUnavailable
from services.common.partition import PARTITIONS

_log = logs.get(__name__)
_MADE_S = 20.0
_LOOK_S = 0.05


class WrongTopic(Exception):
    """A topic of the cluster is not what the log needs."""


class Topics:
    """What is known of the cluster's topics."""

    def __init__(self, asker: Asker, address: Address) -> None:
        self._asker = asker
        self._address = address
        self._known: set[str] = set()
        self._making = asyncio.Lock()

    async def ensure(self, *topics: str) -> None:
        """See to it that topics exist.

        Raises:
            LogUnavailable: Kafka is away, or does not make them.
            WrongTopic: one has another number of partitions.
        """
        if self._known.issuperset(topics):
            return
        async with self._making:
            wanted = {self._address.name(topic) for topic in topics if topic not in self._known}
            if missing := wanted - await self._found(wanted):
                await self._make(missing)
            self._known.update(topics)

    def forget(self) -> None:
        """Look again: one of them may be gone."""
        self._known.clear()

    async def _found(self, wanted: set[str]) -> set[str]:
        """Those that exist and whose partitions all have a leader."""
        topics = await self._asker.topics()
        found: set[str] = set()
        for name in wanted & topics.keys():
            led = topics[name]
            if led and len(led) != PARTITIONS:
                raise WrongTopic(
                    f"topic {name} has {len(led)} partitions, the log needs {PARTITIONS}: "
                    "remove it and let us make it, or name another prefix in SIQ_LOG_URL"
                )
            if led and all(led):
                found.add(name)
        return found

    async def _make(self, names: set[str]) -> None:
        _log.info("making topics", topics=sorted(names), partitions=PARTITIONS)
        sizes = {name: MOST_DEAD_BYTES if name.endswith(".dead") else MOST_BYTES for name in names}
        # Rare: a client for it is not kept.
        await Admin(self._address.config).make_topics(
            PARTITIONS,
            {name: {"max.message.bytes": str(most)} for name, most in sizes.items()},
        )
        deadline = monotonic() + _MADE_S
        while names - await self._found(names) or not await self._led(names):
            if monotonic() > deadline:
                raise LogUnavailable(f"Kafka is not done making {sorted(names)}")
            await asyncio.sleep(_LOOK_S)

    async def _led(self, names: set[str]) -> bool:
        """Whether leaders know of themselves: the cluster names them a moment earlier."""
        try:
            for name in names:
                await self._asker.offsets(name, range(PARTITIONS), END)
        except LogUnavailable:
            return False
        return True
