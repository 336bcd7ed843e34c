"""Which signals were ever seen on real people, and which only the simulator speaks for.

A signal is asked for one at a time: in a model where nothing else weighs, a session's peak score is
above 0 if it was marked. Signals of presses are read from what is said of bursts at threshold 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import msgspec

from benchmarks.accuracy.recorded import TENANT, encode
from hotpath import model_file
from hotpath.calibration import Points
from hotpath.detector import Detector
from hotpath.emission import TERMS
from hotpath.model import Model
from hotpath.recording import open_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from benchmarks.accuracy.real import Study
    from benchmarks.accuracy.recorded import Recording
    from hotpath.model_file import ModelFile

MEASURED: Final = "measured on real people"
NEVER: Final = "never seen on real people"
NOTHING: Final = "nothing measured: no recordings"
PRESSES: Final = "rage by presses"
"""Stands beside the emotions: its signals are those of bursts."""
SIGNALS: Final[Mapping[str, tuple[str, ...]]] = {
    **model_file.FEATURES,
    PRESSES: tuple(term for term in TERMS[0, True] if term != "prior"),
}
ROUNDS: Final = (("hesitation", "abandonment"), ("rage", "confusion"))
"""Asked together. Giving up looks at rage and confusion, so these are as shipped beside it."""
BURSTS: Final = ("rage_click", "slow_rage_click")

Marked = dict[tuple[str, str], set[str]]
"""(emotion, signal) → sessions."""


def _alone(file: ModelFile, feature: str) -> ModelFile:
    """Return a model in which one feature lifts the score above its prior, and nothing else."""
    features = {
        name: msgspec.structs.replace(what, weight=100, cap=100) if name == feature
        else msgspec.structs.replace(what, weight=0, cap=0)
        for name, what in file.features.items()
    }  # fmt: skip
    return msgspec.structs.replace(
        file, prior=-50, lone_cap=99, features=features,
        calibration=Points(((-50, 0), (0, 50), (50, 100)), "score", 0),
        burst={name: -50 if name == "prior" else 0 for name in file.burst},
    )  # fmt: skip


def _models(shipped: dict[str, ModelFile]) -> Iterator[tuple[dict[str, str], Model]]:
    for emotions in ROUNDS:
        for place in range(max(len(SIGNALS[emotion]) for emotion in emotions)):
            asked = {e: SIGNALS[e][place] for e in emotions if place < len(SIGNALS[e])}
            files = {e: _alone(shipped[e], feature) for e, feature in asked.items()}
            yield asked, Model({**shipped, **files})


def marked(recording: Recording) -> Marked:
    """Return in which sessions each signal was marked at all; programs are left out."""
    shipped = model_file.read_default()
    found: Marked = {(e, name): set() for e, names in SIGNALS.items() for name in names}
    for asked, model in _models(shipped):
        detector = Detector(1 << 16, model=model)
        recording.play(detector)
        for session in recording.sessions():
            scores = cast("Mapping[str, int]", detector.scores(TENANT, session))
            for emotion, feature in asked.items():
                if scores[emotion]:
                    found[emotion, feature].add(session)
    detector = Detector(1 << 16, threshold=0, model=Model(shipped))
    recording.play(detector)
    for emission in detector.drain():
        if emission.trigger in BURSTS:
            for term, _ in emission.contributions:
                if term != "prior":
                    found[PRESSES, term].add(emission.session)
    return found


def of_study(folder: Path, study: Study) -> Marked:
    """Return what was marked in one study's recording."""
    path = folder / f"{study.name}.ndjson.gz"
    with open_lines(str(path)) as lines:
        return marked(encode(lines, path.name))


class Evidence:
    """What is known of each signal, over all studies."""

    def __init__(self) -> None:
        self.sessions = 0
        self.active_ms = 0
        self._seen: dict[tuple[str, str], list[int]] = {}

    def add(self, study: Study, found: Marked) -> None:
        """Count a study's people; what it says of bots is not counted."""
        people = {
            session: verdict.active_ms for session, verdict in study.recorded.items()
            if study.labels.get(session, {}).get("who", "human") == "human"
        }  # fmt: skip
        self.sessions += len(people)
        self.active_ms += sum(people.values())
        for signal, sessions in found.items():
            self._seen.setdefault(signal, []).extend(people[s] for s in sessions & people.keys())

    def report(self) -> dict[str, object]:
        """Return sessions, active hours of those sessions, and a verdict, by emotion and signal."""
        return {
            "sessions": self.sessions,
            "active_hours": _hours(self.active_ms),
            "signals": {
                emotion: {name: self._row(self._seen.get((emotion, name), [])) for name in names}
                for emotion, names in SIGNALS.items()
            },
        }

    def _row(self, seen: list[int]) -> dict[str, object]:
        verdict = MEASURED if seen else NEVER if self.sessions else NOTHING
        return {"sessions": len(seen), "active_hours": _hours(sum(seen)), "verdict": verdict}


def _hours(ms: int) -> float:
    return round(ms / 3_600_000, 2)
