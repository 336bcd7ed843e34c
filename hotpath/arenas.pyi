# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""The arenas of a detector: its streams, and the visits that they are part of."""

from typing import Final, Self, final

from hotpath.arena import Arena

HOT_STATE_BYTES: Final[int]
STREAM_STATE_BYTES: Final[int]
VISIT_STATE_BYTES: Final[int]

@final
class Streams(Arena):
    """States of streams, each with the visit of its session. Kernels use its C side.

    Args:
        capacity: streams held at most; one more evicts the one touched longest ago.
        item: STREAM_STATE_BYTES.

    Raises:
        ValueError: capacity is not 1 to 2**24.
    """

    def __new__(cls, capacity: int, item: int) -> Self: ...
    @property
    def visits(self) -> Arena: ...
    def evict_idle(self, before_ms: int) -> int:
        """Evict streams whose clock is behind `before_ms`; return how many."""
    def restore(
        self, streams: list[tuple[str, str, str]], states: bytes, visits: bytes, texts: int
    ) -> None:
        """Take over what `streams`, `dump` and `dump_visits` returned; `texts` bounds the ids.

        Raises:
            ValueError: the bytes are not such states. The arena is then partly filled: drop it.
        """
    def dump_visits(self) -> bytes:
        """Return the states of the visits, in the order in which `streams` first names them."""
