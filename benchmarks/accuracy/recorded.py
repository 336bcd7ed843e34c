"""A recording, encoded once, to be judged by many models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from hotpath.player import BATCH_MS, Call, Player, call_of
from hotpath.recording import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotpath.detector import Detector

IDLE_MS: Final = 120_000
TENANT: Final = "fit"


class Recording(NamedTuple):
    """What a detector is given."""

    calls: list[Call]

    def sessions(self) -> list[str]:
        """Return the sessions, in order."""
        return list(dict.fromkeys(call.session for call in self.calls))

    def play(self, detector: Detector) -> None:
        """Let a detector hear it to its end, and the idle time after that."""
        player = Player(detector, TENANT)
        for call in self.calls:
            player.take(call)
        player.finish(IDLE_MS)


def encode(lines: Iterable[bytes], name: str) -> Recording:
    """Read a recording into the calls that a detector takes."""
    return Recording([call_of(batch) for batch in Reader(lines, name, most_ms=BATCH_MS)])
