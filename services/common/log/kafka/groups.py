"""Which groups of a cluster have an offset on which of our topics.

Kafka answers that to a client of the group alone. A cluster may have hundreds of groups that have
nothing to do with us: each is asked once a minute, for all topics together, by a client that is
let go again.
"""

from __future__ import annotations

from time import monotonic

from services.common.log.kafka.address import Address
from services.common.log.kafka.asking import Admin, Asker
from services.common.log.port import TOPICS
from services.common.partition import PARTITIONS

_KNOWN_S = 60.0
_TOPICS = tuple(name for topic in TOPICS for name in (topic, f"{topic}.dead"))


class Groups:
    """What was found, and when."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._admin: Admin | None = None
        self._found: dict[str, tuple[float, set[str]]] = {}
        """By group: when it was asked, and on which topics it has an offset."""

    async def on(self, topic: str) -> set[str]:
        """The groups with an offset on a topic, by our names.

        Raises:
            LogUnavailable: Kafka is away.
        """
        groups = [
            plain
            for group in await self.admin().groups()
            if (plain := self._address.plain(group)) is not None
        ]
        self._found = {group: self._found[group] for group in groups if group in self._found}
        for group in groups:
            at, _ = self._found.get(group, (-_KNOWN_S, set[str]()))
            if monotonic() - at >= _KNOWN_S:
                self._found[group] = (monotonic(), await self._ask(group))
        wanted = self._address.name(topic)
        return {group for group, (_, held) in self._found.items() if wanted in held}

    async def _ask(self, group: str) -> set[str]:
        asker = Asker(self._address.config, self._address.name(group))
        try:
            return await asker.holds(map(self._address.name, _TOPICS), range(PARTITIONS))
        finally:
            await asker.close()

    def admin(self) -> Admin:
        """The admin client; most processes never need one."""
        if self._admin is None:
            self._admin = Admin(self._address.config)
        return self._admin
