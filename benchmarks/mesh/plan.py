"""What a generator process is told, over its standard input, and what it answers, in a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Plan:
    """The part of the load that one generator process makes."""

    host: str
    port: int
    key: str
    number: int
    """Which generator this is, from 0; part of the names of its streams."""
    sessions: int
    active: float
    """Share of the sessions that send; the others only stay."""
    rate: float
    """Frames a second in all; 0 plays visitors."""
    events: int
    """Events a frame, where `rate` is given."""
    warm_s: float
    seconds: float
    seed: int
    samples: str
    """File for the samples."""
    connect_per_s: float = 500.0
    surge: float = 1.0
    """How many times `rate` it is for `surge_s` seconds, once the load is `surge_after_s` old."""
    surge_after_s: float = 0.0
    surge_s: float = 0.0
    deaf_every: int = 0
    """Each so-manieth page reads nothing any more once the warm-up is over; 0: none does so."""
    returns: bool = False
    """Whether pages that the edge closes come back; else their frames are left out."""

    @property
    def told_file(self) -> Path:
        """File for the answer."""
        return Path(self.samples).with_suffix(".json")

    def rate_at(self, after_s: float) -> float:
        """Frames a second, so long after the first."""
        surging = self.surge_after_s <= after_s < self.surge_after_s + self.surge_s
        return self.rate * self.surge if surging else self.rate


@dataclass(slots=True)
class Told:
    """What a generator found, but for the samples, which go to files."""

    sessions: int = 0
    frames: int = 0
    events: int = 0
    frames_measured: int = 0
    events_measured: int = 0
    unacked: int = 0
    held: int = 0
    """Frames that did not go out, since the edge had said `slow` and for how long."""
    refused: int = 0
    """Error frames."""
    closed: dict[str, int] = field(default_factory=dict[str, int])
    """Connections that ended before the run did, by code."""
    deaf_closed: int = 0
    """Pages that did not read, and whose connection ended before the run did."""
    connect_s: float = 0.0
    emotions: int = 0
    interventions: int = 0
    acked: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    """(session, stream, last seq acknowledged)."""
