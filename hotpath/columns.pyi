# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Events as columns: from wire arrays, back to wire arrays, and safe reading of untrusted bytes."""

from collections.abc import Mapping, Sequence
from typing import final

class ColumnsError(ValueError):
    """The bytes are not a batch of columns."""

class WireError(ValueError):
    """An event of a frame breaks the protocol.

    Reasons: too_many, bad_event, bad_kind, bad_dt, bad_arity, bad_number, bad_target, bad_string,
    bad_props.
    """

    index: int
    """Place of the event in the frame, from 0."""
    reason: str
    """A stable word, fit for a counter's label."""
    def __init__(self, index: int, reason: str) -> None: ...

@final
class Columns:
    """One batch in column form. Immutable."""

    @property
    def blob(self) -> bytes:
        """Value of BehaviorBatch.columns; layout in columns.pxd."""
    @property
    def count(self) -> int:
        """Events in the blob, 0 to 500."""
    @property
    def skipped(self) -> int:
        """Events of unknown kinds that were left out."""
    @property
    def duration_ms(self) -> int:
        """Milliseconds from t0 to the last event."""
    @property
    def kinds(self) -> int:
        """The kinds in the blob: bit k is set if an event is of kind k."""
    @property
    def targets(self) -> list[tuple[str, int]]:
        """(descriptor, flags) of the targets that the events name, from index 1."""
    @property
    def strings(self) -> list[str]:
        """The strings that the events name, from index 1."""

def from_wire(
    events: list[list[object]], targets: Mapping[int, tuple[str, int]], *, client: bool = False
) -> Columns:
    """Turn wire arrays `[code, dt, …]` into columns.

    Args:
        events: at most 500 arrays, as decoded from JSON. `dt` in ms, 0 to 24 h, rounded to whole.
        targets: the connection's table, index to (descriptor, flags).
        client: the arrays come from a client's frame, where identify, consent, reset,
            session_end and tick may not stand; they count as unknown kinds.

    Unknown kinds are skipped and counted; their `dt` is added to the next event.

    Raises:
        WireError: naming the event and the reason. Nothing is kept of the frame.
    """

def to_wire(
    blob: bytes, targets: Sequence[tuple[str, int]], strings: Sequence[str]
) -> list[list[object]]:
    """Turn columns back into wire arrays whose targets are indexes (from 1) into `targets`.

    The exact inverse of `from_wire` but for numbers, which passed through f32, and for targets,
    which were numbered anew.

    Raises:
        ColumnsError: the blob is corrupt, or holds a kind unknown to this version.
    """

def validate(blob: bytes, targets: int = ..., strings: int = ...) -> int:
    """Check that untrusted bytes can be read safely and return the number of events.

    Args:
        blob: from the network or the log.
        targets: length of the batch's target table.
        strings: length of its string table.

    Raises:
        ColumnsError: the bytes are not a batch of columns.
    """
