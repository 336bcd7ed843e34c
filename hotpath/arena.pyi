# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""The arena: where the state of every stream lives."""

from typing import Final, Self, final

STREAM_STATE_BYTES: Final[int]

@final
class Arena:
    """States by (tenant, session, stream); see arena.pxd. Kernels use its C side.

    Args:
        capacity: streams held at most; one more evicts the one touched longest ago.

    Raises:
        ValueError: capacity is not 1 to 2**24.
    """

    def __new__(cls, capacity: int) -> Self: ...
    def __len__(self) -> int: ...
    @property
    def capacity(self) -> int: ...
    @property
    def used(self) -> int: ...
    @property
    def evicted(self) -> int: ...
    def touch(self, tenant: str, session: str, stream: str) -> int:
        """Return the slot of a stream, made if need be."""
    def slot(self, tenant: str, session: str, stream: str) -> int:
        """Return the slot of a stream; -1: unknown."""
    def streams(self) -> list[tuple[str, str, str]]:
        """Return the names of all streams, the one touched longest ago first."""
    def evict_idle(self, before_ms: int) -> int:
        """Evict streams whose clock is behind `before_ms`; return how many."""
    def dump(self) -> bytes:
        """Return the states as bytes, in the order of `streams`."""
    def load(self, streams: list[tuple[str, str, str]], blob: bytes, texts: int) -> None:
        """Take over what `streams` and `dump` returned; `texts` bounds the ids inside.

        Raises:
            ValueError: the bytes are not such states. The arena is then partly filled: drop it.
        """
