"""Can a classifier tell simulated motion from people's?

Run: `python -m benchmarks.visitors.realism --data DIR`.

Windows of both are cut and described alike (`windows`). A random forest is trained on four fifths
of the sessions and judged on the rest. Every study weighs the same, and all of them together as
much as the simulator. 0.5 would mean that it cannot tell; at most 0.8 is wanted.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import click
import numpy as np

from benchmarks import data
from benchmarks.learning import forest_scores
from benchmarks.statistics import auc, interval
from benchmarks.visitors.mix import generate
from benchmarks.visitors.windows import cut, describe

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

STUDIES: Final = ("web_visits", "shopping_search", "choice_conflict")
SIMULATED: Final = "simulated"
LEAST_MOVES: Final = 50


class Samples:
    """Described windows, with the session and the study that each is from."""

    def __init__(self) -> None:
        self.rows: list[list[float]] = []
        self.sessions: list[str] = []
        self.studies: list[str] = []

    def add(self, study: str, session: str, lines: list[data.Line]) -> None:
        """Cut a session's moves into windows."""
        moves = list(data.moves(lines))
        if len(moves) < LEAST_MOVES:
            return
        for window in cut(moves, np.random.default_rng(len(self.rows))):
            self.rows.append(describe(window))
            self.sessions.append(session)
            self.studies.append(study)


def collect(folder: Path, seed: int, visits: int) -> Samples:
    """Read the studies and simulate visits to set against them."""
    samples = Samples()
    bots = {
        session
        for session, row in data.labels(folder / "web_visits.labels.csv").items()
        if row["who"] != "human"
    }
    for study in STUDIES:
        for session, lines in data.sessions(folder / f"{study}.ndjson.gz").items():
            if session not in bots:
                samples.add(study, session, lines)
    for visit in generate(seed, visits):
        samples.add(SIMULATED, visit.session, visit.lines)
    return samples


def judge(samples: Samples) -> dict[str, object]:
    """Return AUCs with intervals: all studies together, and each by itself."""
    table, studies = np.array(samples.rows, np.float64), np.array(samples.studies)
    sessions = np.array(samples.sessions)
    real = studies != SIMULATED
    weights = np.zeros(len(table))
    for study in (*STUDIES, SIMULATED):
        share = 1.0 if study == SIMULATED else 1 / len(STUDIES)
        weights[studies == study] = share / np.count_nonzero(studies == study)
    weights *= len(table) / weights.sum()
    scores = forest_scores(table, real, sessions, weights)

    def area(mask: NDArray[np.bool_]) -> dict[str, object]:
        where = np.flatnonzero(mask)

        def figure(rows: NDArray[np.intp]) -> float | None:
            at = where[rows]
            return auc(scores[at], real[at], weights[at])

        value = figure(np.arange(len(where)))
        return {
            "auc": round(value, 3) if value is not None else None,
            "interval": interval(list(sessions[where]), figure, 300),
            "windows": int(np.count_nonzero(real & mask)),
        }

    found: dict[str, object] = area(np.ones(len(table), bool))
    found["studies"] = {study: area((studies == study) | ~real) for study in STUDIES}
    found["simulated_windows"] = int(np.count_nonzero(~real))
    return found


@click.command()
@click.option("--seed", default=9, show_default=True)
@click.option("--visits", default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@data.data_option
def main(seed: int, visits: int, as_json: bool, folder: Path | None) -> None:
    """Say how well a classifier tells simulated moves from people's (AUC, at most 0.8)."""
    found = data.find(folder)
    if found is None:
        return
    result = judge(collect(found, seed, visits))
    if as_json:
        click.echo(json.dumps(result))
        return
    click.echo(f"all studies      AUC {result['auc']} {result['interval']}")
    for study, row in result["studies"].items():  # type: ignore[attr-defined]
        click.echo(f"{study:16} AUC {row['auc']} {row['interval']}")


if __name__ == "__main__":
    main()
