"""On recordings of real people: false alarms an hour, and what each study can say beyond that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click
import numpy as np

from benchmarks import data
from benchmarks.accuracy.verdicts import Verdict, run
from benchmarks.baselines import RULES, presses_of
from benchmarks.statistics import auc, interval
from benchmarks.visitors import EMOTIONS
from hotpath.events import TargetFlag
from hotpath.recording import open_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

STUDIES: Final = ("office_mouse", "web_visits", "shopping_search", "slow_map", "choice_conflict")
STRATA: Final = 10
"""Trials are compared only within a tenth of the durations."""


@dataclass(frozen=True)
class Study:
    """A recording, run as it is and once more without the `unobserved` flag."""

    name: str
    labels: dict[str, dict[str, str]]
    recorded: dict[str, Verdict]
    stripped: dict[str, Verdict]
    rules: dict[str, dict[str, int]]
    """Alarms of other rules, by rule and session; they know no `unobserved`."""

    def person(self, session: str) -> str:
        """Return who it was: as labelled, else the part of the name before the first dash."""
        return self.labels.get(session, {}).get("person") or session.split("-")[0]


def read(folder: Path, name: str) -> Study:
    """Run one study."""
    path = folder / f"{name}.ndjson.gz"
    click.echo(f"{name} …", err=True)

    def judged(strip: int) -> dict[str, Verdict]:
        with open_lines(str(path)) as lines:
            return run(lines, path.name, strip=strip)

    rules: dict[str, dict[str, int]] = {rule: {} for rule in RULES}
    for session, events in data.sessions(path).items():
        presses = presses_of(events)
        for rule, fires in RULES.items():
            rules[rule][session] = len(fires(presses))
    known = folder / f"{name}.labels.csv"
    return Study(
        name=name,
        labels=data.labels(known) if known.exists() else {},
        recorded=judged(0),
        stripped=judged(int(TargetFlag.UNOBSERVED)),
        rules=rules,
    )


def hourly(study: Study, sessions: Sequence[str], alarms: Sequence[int]) -> dict[str, object]:
    """Return alarms per active hour, and the 95 % interval when people are drawn anew."""
    hours = np.array([study.recorded[session].active_ms for session in sessions]) / 3_600_000
    counts = np.asarray(alarms, float)

    def rate(rows: NDArray[np.intp]) -> float | None:
        spent = float(hours[rows].sum())
        return float(counts[rows].sum()) / spent if spent else None

    value = rate(np.arange(len(sessions)))
    return {
        "per_active_hour": None if value is None else round(value, 4),
        "interval": interval([study.person(session) for session in sessions], rate),
        "alarms": int(counts.sum()),
    }


def area(
    people: Sequence[str], scores: Sequence[float], positive: Sequence[bool], strata: Sequence[int]
) -> dict[str, object]:
    """Return the AUC among pairs of the same stratum, and its interval by person."""
    values, good, groups = np.array(scores, float), np.array(positive, bool), np.array(strata)

    def figure(rows: NDArray[np.intp]) -> float | None:
        won = pairs = 0.0
        for group in np.unique(groups[rows]):
            inside = rows[groups[rows] == group]
            both = float(good[inside].sum() * (~good[inside]).sum())
            value = auc(values[inside], good[inside])
            if value is not None:
                won += both * value
                pairs += both
        return won / pairs if pairs else None

    value = figure(np.arange(len(values)))
    return {
        "auc": None if value is None else round(value, 4),
        "interval": interval(people, figure),
        "sessions": len(values),
    }


def share(study: Study, keep: Callable[[str], bool]) -> float:
    """Return which share of some sessions is marked automated."""
    marked = [verdict.automated for session, verdict in study.recorded.items() if keep(session)]
    return round(sum(marked) / max(len(marked), 1), 4)


def report(study: Study) -> dict[str, object]:
    """Return what a study says."""

    def person_at_work(session: str) -> bool:
        return study.labels.get(session, {}).get("who", "human") == "human"

    sessions = [session for session in study.recorded if person_at_work(session)]
    found: dict[str, object] = {
        "sessions": len(sessions),
        "active_hours": round(
            sum(study.recorded[session].active_ms for session in sessions) / 3_600_000, 4
        ),
        "automated_share": share(study, person_at_work),
    }
    for name, verdicts in (("recorded", study.recorded), ("stripped", study.stripped)):
        found[name] = {
            emotion: hourly(study, sessions, [verdicts[s].count(emotion) for s in sessions])
            for emotion in EMOTIONS
        }
    extra = {"web_visits": _bots, "choice_conflict": _choices, "slow_map": _delays}
    if study.name in extra:
        found.update(extra[study.name](study))
    return found


def rule_rates(study: Study, rule: str) -> dict[str, object]:
    """Return how often another rule fires on the people of a study."""
    sessions = [s for s in study.recorded if study.labels.get(s, {}).get("who", "human") == "human"]
    return hourly(study, sessions, [study.rules[rule].get(s, 0) for s in sessions])


def _bots(study: Study) -> dict[str, object]:
    kinds: dict[str, set[str]] = {}
    for session, row in study.labels.items():
        kinds.setdefault(row["who"], set()).add(session)
    return {
        "automated_by_kind": {
            kind: share(study, members.__contains__) for kind, members in sorted(kinds.items())
        }
    }


def _choices(study: Study) -> dict[str, object]:
    sessions = [session for session in study.recorded if session in study.labels]
    verdicts = [study.recorded[session] for session in sessions]
    people = [study.person(session) for session in sessions]
    conflict = [study.labels[session]["hesitation"] == "1" for session in sessions]
    durations = np.array([v.last_ms - v.first_ms for v in verdicts], float)
    edges = np.quantile(durations, np.linspace(0, 1, STRATA + 1)[1:-1])
    tenths = [int(i) for i in np.searchsorted(edges, durations)]
    scores = [v.scores["hesitation"] for v in verdicts]
    everything = [0] * len(sessions)
    return {
        "hesitation": area(people, scores, conflict, everything),
        "hesitation_at_equal_duration": area(people, scores, conflict, tenths),
        "duration_alone": area(people, durations.tolist(), conflict, everything),
    }


def _delays(study: Study) -> dict[str, object]:
    rated = [
        session
        for session in study.recorded
        if study.labels.get(session, {}).get("satisfaction") in ("1", "2", "4", "5")
    ]
    people = [study.person(session) for session in rated]
    unhappy = [study.labels[session]["satisfaction"] in ("1", "2") for session in rated]
    delays = [int(study.labels[session]["delay_ms"]) for session in rated]
    verdicts = [study.recorded[session] for session in rated]
    unanswered = [v.scores["unanswered"] for v in verdicts]
    rage = [v.scores["rage"] for v in verdicts]
    return {
        "unanswered": area(people, unanswered, unhappy, [0] * len(rated)),
        "rage_at_equal_delay": area(people, rage, unhappy, delays),
        "unanswered_at_equal_delay": area(people, unanswered, unhappy, delays),
    }
