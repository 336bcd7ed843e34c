# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Arenas: where states live, by (tenant, session, stream)."""

from typing import Self

from typing_extensions import disjoint_base

@disjoint_base
class Arena:
    """States of `item` bytes; see arena.pxd. Kernels use its C side.

    Args:
        capacity: states held at most; one more evicts the one touched longest ago.
        item: bytes of a state; rounded up to whole words.
        named: whether `streams` can name them.

    Raises:
        ValueError: capacity is not 1 to 2**24.
    """

    def __new__(cls, capacity: int, item: int, named: bool = True) -> Self: ...
    def __len__(self) -> int: ...
    @property
    def capacity(self) -> int: ...
    @property
    def item(self) -> int: ...
    @property
    def used(self) -> int: ...
    @property
    def evicted(self) -> int: ...
    def _slots(self) -> list[int]: ...
    def touch(self, tenant: str, session: str, stream: str) -> int:
        """Return the slot of a state, made if need be."""
    def slot(self, tenant: str, session: str, stream: str) -> int:
        """Return the slot of a state; -1: unknown."""
    def streams(self) -> list[tuple[str, str, str]]:
        """Return the names of all states, the one touched longest ago first."""
    def dump(self) -> bytes:
        """Return the states as bytes, in the order of `streams`."""
    def load(self, streams: list[tuple[str, str, str]], blob: bytes) -> None:
        """Take over what `streams` and `dump` returned.

        Raises:
            ValueError: the bytes are not such states.
        """
