"""What a run amounts to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cli.quantiles import summary

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from benchmarks.mesh.plan import Told
    from cli.smoke.verdict import Verdict

LATE_MS: Final = 10.0
FOREIGN_CORES: Final = 0.2
HELD_SHARE: Final = 0.001


@dataclass(frozen=True, slots=True)
class Found:
    """All that was seen of one run."""

    told: list[Told]
    seconds: float
    ack_ms: npt.NDArray[np.float64]
    verdict_ms: npt.NDArray[np.float64]
    late_ms: npt.NDArray[np.float64]
    verdict: Verdict | None
    """Of the witnesses, where there are any."""
    lost: int | None
    """In the log; None: it was not read back."""
    repeated: int | None
    """The same."""
    cores: dict[str, float]
    rss_before: int
    """Of the edge's workers, without sessions; 0: they are not ours to look at."""
    rss_connected: int
    rss_after: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What is printed; benchmarks/README.md explains each. None: nobody looked."""

    sessions: int
    frames_per_s: int
    events_per_s: int
    detect_ms: dict[str, float]
    crowd_detect_ms: dict[str, float]
    ack_ms: dict[str, float]
    intervention_ms: dict[str, float] | None
    alert_ms: dict[str, float] | None
    lost: int | None
    duplicated: int | None
    edge_bytes_per_session: int | None
    edge_bytes_per_idle_session: int | None
    cpu_us_per_frame: float | None
    log_repeated: int | None
    unacked: int
    held: int
    refused: int
    closed: dict[str, int]
    emotions: int
    interventions: int
    witnesses: int
    acted: int
    connect_s: float
    generator_late_ms: dict[str, float]
    cores: dict[str, float]
    seconds: float

    @property
    def edge_cores(self) -> float:
        """Cores of all edge workers."""
        return _edge_cores(self.cores)

    def doubts(self) -> list[str]:
        """Why these figures may not be worth quoting."""
        why = self.disturbed()
        if self.held > HELD_SHARE * self.frames_per_s * self.seconds:
            why.append(f"the edge put off {self.held} frames: it was asked for more than it takes")
        return why

    def disturbed(self) -> list[str]:
        """What came between."""
        why: list[str] = []
        if (late := self.generator_late_ms["p99"]) > LATE_MS:
            why.append(f"frames went out up to {late:.0f} ms (p99) late")
        if (foreign := self.cores.get("foreign", 0.0)) > FOREIGN_CORES:
            why.append(f"other processes took {foreign:.2f} cores")
        return why


def report(found: Found) -> Figures:
    """Return the figures that are printed."""
    told, seconds, witness = found.told, found.seconds, found.verdict
    sessions = sum(each.sessions for each in told)
    frames = sum(each.frames_measured for each in told)
    crowd = found.verdict_ms.tolist()
    return Figures(
        sessions=sessions,
        frames_per_s=round(frames / seconds),
        events_per_s=round(sum(each.events_measured for each in told) / seconds),
        detect_ms=summary(witness.verdict_ms if witness else crowd),
        crowd_detect_ms=summary(crowd),
        ack_ms=summary(found.ack_ms.tolist()),
        intervention_ms=witness.intervention_ms if witness else None,
        alert_ms=witness.alert_ms if witness else None,
        lost=_lost(found),
        duplicated=len(witness.duplicated) if witness else None,
        edge_bytes_per_session=_each(found, found.rss_after, sessions),
        edge_bytes_per_idle_session=_each(found, found.rss_connected, sessions),
        cpu_us_per_frame=_us_per_frame(found, frames),
        log_repeated=found.repeated,
        unacked=sum(each.unacked for each in told),
        held=sum(each.held for each in told),
        refused=sum(each.refused for each in told),
        closed=dict(sum((Counter(each.closed) for each in told), Counter[str]())),
        emotions=sum(each.emotions for each in told),
        interventions=sum(each.interventions for each in told),
        witnesses=witness.visitors if witness else 0,
        acted=witness.acted if witness else 0,
        connect_s=max(each.connect_s for each in told),
        generator_late_ms=summary(found.late_ms.tolist()),
        cores=found.cores,
        seconds=seconds,
    )


def _lost(found: Found) -> int | None:
    if found.verdict is None:
        return found.lost
    return (found.lost or 0) + len(found.verdict.lost)


def _edge_cores(cores: dict[str, float]) -> float:
    return sum(taken for name, taken in cores.items() if name.startswith("edge"))


def _us_per_frame(found: Found, frames: int) -> float | None:
    if not frames or not any(name.startswith("edge") for name in found.cores):
        return None
    return round(_edge_cores(found.cores) * found.seconds / frames * 1e6, 1)


def _each(found: Found, rss: int, sessions: int) -> int | None:
    return round((rss - found.rss_before) / max(sessions, 1)) if found.rss_before else None
