"""Header blocks of one peer: what it repeats is decoded once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, cast

from hpack import Decoder

_HIDDEN: Final = frozenset(("te", "content-type", "grpc-timeout", "grpc-accept-encoding"))
_INDEXED: Final = 0x80
_MOST: Final = 256


class Head(NamedTuple):
    """How a call begins."""

    fields: dict[str, str]
    metadata: tuple[tuple[str, str], ...]
    """What the caller sent with it, and not its library."""


class HeaderBlocks:
    """Decodes blocks, in the order in which they came."""

    def __init__(self, most_bytes: int) -> None:
        self._decoder = Decoder(max_header_list_size=most_bytes)
        self._seen: dict[bytes, Head] = {}

    def decode(self, block: bytes) -> Head:
        """What a block says.

        A client says the same with each call to a method, but for the deadline, and soon by
        places in the table alone: one byte each, none of which changes the table. Such a block
        means the same until another one comes.

        Raises:
            hpack.HPACKError: it is none.
        """
        found = self._seen.get(block)
        if found is None:
            found = _head(cast("Any", self._decoder.decode(block, raw=True)))
            if min(block, default=0) < _INDEXED or len(self._seen) >= _MOST:
                self._seen.clear()
            else:
                self._seen[block] = found
        return found


def _head(fields: Iterable[tuple[bytes, bytes]]) -> Head:
    headers = {str(name, "latin-1"): str(value, "latin-1") for name, value in fields}
    return Head(
        headers,
        tuple(
            (name, value)
            for name, value in headers.items()
            if name[:1] != ":" and name not in _HIDDEN
        ),
    )
