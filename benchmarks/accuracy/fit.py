"""`python -m benchmarks fit OUT`: fit the models' weights and calibration to simulated visits.

Coordinate descent over weights (those of presses too), caps, priors and `lone_cap`: each step
keeps what lowers the log loss of the session's confidence, plus a price for every labelled visit of
tests/cases that the model gets wrong. All emotions are fitted in the same passes, since their
models are independent. Then points are set so that confidences are shares among simulated visits;
the score of 0 goes on to decide. `--passes 0` sets nothing but those. What is written names itself
`simulated-v1`; benchmarks/visitors/README.md says what that means.
"""

from __future__ import annotations

import csv
import math
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import click
import msgspec
from scipy import optimize

from benchmarks.accuracy.recorded import TENANT, Recording, encode
from benchmarks.statistics import f1
from benchmarks.visitors import EMOTIONS, generate
from cli.calibrate import points
from hotpath import model_file
from hotpath.calibration import DECISION, Points
from hotpath.detector import Detector
from hotpath.model import Model

if TYPE_CHECKING:
    from hotpath.model_file import ModelFile

CASES: Final = Path(__file__).parents[2] / "tests" / "cases"
WRONG_CASE: Final = 0.004
"""What a labelled visit that is judged wrongly adds to the log loss of an emotion."""
SIMULATED: Final = "simulated-v1"


class Heard(NamedTuple):
    """What a model makes of a recording, by session: how sure it is, and alarms that stand."""

    sure: dict[str, dict[str, int]]
    """As benchmarks/README.md tells the confidence of a session."""
    alarms: dict[str, dict[str, int]]


def judge(recording: Recording, files: dict[str, ModelFile]) -> Heard:
    """Run a recording through the models."""
    detector = Detector(1 << 16, model=Model(files))
    recording.play(detector)
    last: dict[tuple[str, str, str, int], int] = {}
    for e in detector.drain():
        last[e.session, e.stream, e.emotion, e.episode] = e.confidence
    alarms: dict[str, dict[str, int]] = {emotion: {} for emotion in EMOTIONS}
    sure: dict[str, dict[str, int]] = {emotion: {} for emotion in EMOTIONS}
    for session in recording.sessions():
        scores = cast("dict[str, int]", detector.scores(TENANT, session))
        for emotion in EMOTIONS:
            sure[emotion][session] = min(scores[emotion], DECISION - 1)
    for (session, _, emotion, _), confidence in last.items():
        if confidence >= DECISION:
            alarms[emotion][session] = alarms[emotion].get(session, 0) + 1
            sure[emotion][session] = max(confidence, sure[emotion][session])
    return Heard(sure, alarms)


def log_loss(values: list[float], true: list[bool]) -> float:
    """Return the log loss of the best sigmoid through (0, 1/2) of log-odds.

    The intercept stays 0: what it would say, the prior says.
    """

    def loss(slope: float) -> float:
        odds = (slope * (-v if felt else v) for v, felt in zip(values, true, strict=True))
        return sum(math.log1p(math.exp(odd)) for odd in odds) / len(values)

    found = cast("Any", optimize).minimize_scalar(
        loss, bounds=(0.2, 4.0), method="bounded", options={"maxiter": 25}
    )
    return float(found.fun)


def raw(files: dict[str, ModelFile]) -> dict[str, ModelFile]:
    """Return the models with confidences that are the score itself, 50 higher."""
    plain = Points(((-50, 0), (0, 50), (50, 100)), "score", 0)
    return {e: msgspec.structs.replace(f, calibration=plain) for e, f in files.items()}


class Fit:
    """Visits, cases, and how good models are on them."""

    def __init__(self, seed: int, count: int) -> None:
        self.truth: dict[str, dict[str, bool]] = {emotion: {} for emotion in EMOTIONS}
        lines: list[bytes] = []
        for visit in generate(seed, count):
            for emotion in EMOTIONS:
                self.truth[emotion][visit.session] = visit.truth[emotion] is not None
            lines += map(msgspec.json.encode, visit.lines)
        self.visits = encode(lines, "simulated")
        with (CASES / "labels.csv").open() as file:
            self.labels = list(csv.DictReader(file, restval=""))
        self.cases = {
            row["file"]: encode((CASES / row["file"]).read_bytes().splitlines(True), row["file"])
            for row in self.labels
        }

    def wrong_cases(self, files: dict[str, ModelFile]) -> dict[str, int]:
        """Count the labelled visits that are judged wrongly, by emotion."""
        wrong: dict[str, int] = dict.fromkeys(EMOTIONS, 0)
        for row in self.labels:
            alarms = judge(self.cases[row["file"]], files).alarms
            wrong["rage"] += sum(alarms["rage"].values()) != int(row["rage"])
            emotion = row["emotion"]
            if emotion and emotion != "rage":
                wrong[emotion] += sum(alarms[emotion].values()) != int(row["expected"])
        return wrong

    def losses(self, files: dict[str, ModelFile]) -> dict[str, float]:
        """Return the price of each emotion's model: 1 - F1 at 50, log loss, wrong cases."""
        heard = judge(self.visits, files)
        wrong = self.wrong_cases(files)
        found: dict[str, float] = {}
        for emotion, truth in self.truth.items():
            values = [(heard.sure[emotion].get(s, 0) - DECISION) / 10 for s in truth]
            true = list(truth.values())
            score = f1([s in heard.alarms[emotion] for s in truth], true)["f1"]
            found[emotion] = (1 - score) / 4 + log_loss(values, true) + WRONG_CASE * wrong[emotion]
        return found

    def calibrate(self, files: dict[str, ModelFile]) -> dict[str, ModelFile]:
        """Give the models the confidences that fit these visits."""
        heard = judge(self.visits, raw(files))
        out: dict[str, ModelFile] = {}
        for emotion, file in files.items():
            truth = self.truth[emotion]
            # Who left no mark was never judged, and is promised 0 whatever the points say.
            judged = [s for s in truth if heard.sure[emotion].get(s, 0)]
            scores = [heard.sure[emotion][s] - DECISION for s in judged]
            calibration = points.about(scores, [truth[s] for s in judged], SIMULATED)
            out[emotion] = msgspec.structs.replace(file, calibration=calibration)
        return out


def _changed(file: ModelFile, rng: random.Random) -> ModelFile:
    """Return the model with one number moved a little."""
    names = [*file.features, "prior", "lone_cap"]
    place = rng.randrange(len(names) + len(file.burst))
    if place >= len(names):
        of_presses = list(file.burst)[place - len(names)]
        return msgspec.structs.replace(file, burst=_changed_burst(file.burst, of_presses, rng))
    name = names[place]
    if name == "prior":
        return msgspec.structs.replace(file, prior=file.prior + rng.choice([-4, -2, -1, 1, 2, 4]))
    if name == "lone_cap":
        moved = file.lone_cap + rng.choice([-6, -3, 3, 6])
        return msgspec.structs.replace(file, lone_cap=max(-20, min(99, moved)))
    feature = file.features[name]
    step = rng.choice([-6, -3, -2, 2, 3, 6])
    if rng.random() < 0.6:
        weight = max(0, feature.weight + step)
        cap = max(feature.cap, weight) if feature.cap >= feature.weight else feature.cap
        feature = msgspec.structs.replace(feature, weight=weight, cap=cap)
    else:
        feature = msgspec.structs.replace(feature, cap=max(0, feature.cap + step))
    return msgspec.structs.replace(file, features={**file.features, name: feature})


def _changed_burst(burst: dict[str, int], name: str, rng: random.Random) -> dict[str, int]:
    """Return the weights of presses with one moved; what accuses goes on to accuse."""
    moved = burst[name] + rng.choice([-6, -3, -2, 2, 3, 6])
    changed = {**burst, name: min(0, moved) if name in model_file.EXCUSES else max(0, moved)}
    presses = ["presses_3", "presses_4", "presses_5"]
    return {**changed, **dict(zip(presses, sorted(changed[n] for n in presses), strict=True))}


@click.command("fit")
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", default=101, show_default=True, help="Of the visits to fit to.")
@click.option("--visits", default=1500, show_default=True)
@click.option("--passes", default=150, show_default=True, help="Changes tried for each emotion.")
@click.option(
    "--only", type=click.Choice(EMOTIONS), multiple=True,
    help="Fit this emotion; the others are written as they are. May be given again.",
)  # fmt: skip
def command(out: Path, seed: int, visits: int, passes: int, only: tuple[str, ...]) -> None:
    """Write fitted models to the folder OUT."""
    fit = Fit(seed, visits)
    shipped = model_file.read_default()
    wanted = only or EMOTIONS
    best = raw(shipped)
    losses = fit.losses(best)
    rng = random.Random(seed)
    click.echo(f"start {losses} wrong cases {fit.wrong_cases(best)}", err=True)
    for number in range(passes):
        tried = {e: _changed(file, rng) if e in wanted else file for e, file in best.items()}
        found = fit.losses(tried)
        for emotion, loss in found.items():
            if loss < losses[emotion] - 1e-5:
                best[emotion], losses[emotion] = tried[emotion], loss
        if number % 25 == 24:
            told = {emotion: round(loss, 4) for emotion, loss in losses.items()}
            click.echo(f"{number + 1} of {passes}: {told}", err=True)
    click.echo(f"wrong cases {fit.wrong_cases(best)}", err=True)
    out.mkdir(parents=True, exist_ok=True)
    fitted = fit.calibrate(best)
    for emotion in EMOTIONS:
        file = fitted[emotion] if emotion in wanted else shipped[emotion]
        (out / f"{emotion}.json").write_bytes(model_file.write(file))
