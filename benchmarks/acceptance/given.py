"""What a scenario is asked to do, and the loads that it makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks.mesh.run import Load

SHORT_SHARE: Final = 0.1
SHORT_S: Final = 12.0
READ_BACK_FRAMES: Final = 1_500_000
"""More than so many, and the log is trimmed before the end: then nothing can be read back."""


@dataclass(frozen=True, slots=True)
class Given:
    """The options of one call."""

    say: Callable[[str], None]
    share: float = 1.0
    """Of the sessions and frames that a row of the table asks for."""
    seconds: float | None = None
    """Measured time of each run, where it is not the scenario's own."""
    minutes: float = 60.0
    """Of the soak."""
    short: bool = False
    most: float = 0.0
    """The most frames a second that this mesh takes; 0: not known yet."""

    def count(self, full: float) -> int:
        """This share of a number of sessions or frames."""
        return max(1, round(full * self.share))

    def lasting(self, full_s: float) -> float:
        """How long a run is measured that lasts so long by default."""
        if self.seconds is not None:
            return self.seconds
        return min(full_s, SHORT_S) if self.short else full_s

    def load(
        self,
        *,
        sessions: float = 10_000,
        rate: float = 0.0,
        active: float = 1.0,
        seconds: float = 60.0,
        witnesses: int = 100,
    ) -> Load:
        """A load of this share: flat at `rate` frames a second, else visitors."""
        lasts_s = self.lasting(seconds)
        return Load(
            sessions=self.count(sessions),
            active=active,
            rate=rate * self.share,
            events=10,
            seconds=lasts_s,
            warm_s=5.0 if self.short else 10.0,
            witnesses=min(witnesses, round(2 * lasts_s)),
            generators=2,
            edge_workers=1,
            seed=1,
            read_back=rate * self.share * lasts_s <= READ_BACK_FRAMES,
        )


def describe(load: Load) -> str:
    """A load in words."""
    sends = (
        f"{load.rate:,.0f} frames/s of {load.events} events"
        if load.rate
        else f"{load.active:.0%} of them simulated visitors"
    )
    return f"{load.sessions:,} sessions, {sends}, {load.seconds:.0f} s"
