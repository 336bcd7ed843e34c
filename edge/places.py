"""Where a session's records go in the log: worked out once a connection, not once a frame."""

from __future__ import annotations

from typing import Final, NamedTuple

from services.common.partition import partition_of, record_key


class Place(NamedTuple):
    """A partition, and the key that orders a session's records in it."""

    partition: int
    key: bytes


NOWHERE: Final = Place(0, b"")
"""Of a session that is not open yet."""


def place_of(tenant: str, session: str) -> Place:
    """Name the place of a session's records."""
    return Place(partition_of(tenant, session), record_key(tenant, session))
