"""`sentientiq experiment`: what runs, how long it takes, what came of it, and that it is right."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cli import extras, mesh
from cli.errors import CliError

if TYPE_CHECKING:
    from services.intervention.experiments.checks import Experiments, Trial

_json = click.option("--json", "as_json", is_flag=True, help="Only one JSON line.")
_document = click.argument("document", type=click.Path(exists=True, dir_okay=False))
_TIMES: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


@click.group()
def command() -> None:
    """Experiments on what interventions do. docs/experiments.md explains every figure."""


@command.command()
@_document
@_json
def check(document: str, as_json: bool) -> None:
    """Check DOCUMENT (JSON), as `sentientiq config put TENANT experiments` does."""
    found = read_document(document)
    trials = list(found.trials.values())
    if as_json:
        click.echo(json.dumps({"experiments": {t.name: _summary(t) for t in trials}}))
        return
    for trial in trials:
        arms = ", ".join(
            f"{name} {100 * share:.4g} %"
            for name, share in zip(trial.names, trial.shares, strict=True)
        )
        click.echo(f"{trial.name}: {trial.spec.state}, by {trial.spec.unit}: {arms}")
    click.echo(f"{document}: fine, experiments: {len(trials)}")


def _summary(trial: Trial) -> dict[str, object]:
    return {
        "state": trial.spec.state,
        "unit": trial.spec.unit,
        "shares": dict(zip(trial.names, trial.shares, strict=True)),
    }


@command.command()
@_document
@click.argument("name")
@click.option(
    "--baseline", type=float, required=True,
    help="The primary metric's mean without any treatment.",
)  # fmt: skip
@click.option("--spread", type=float, help="Its standard deviation; of a proportion it is known.")
@click.option("--per-day", type=float, required=True, help="Units to expect a day, in all arms.")
@_json
def plan(
    document: str, name: str, baseline: float, spread: float | None, per_day: float, as_json: bool
) -> None:
    """How many units and days experiment NAME of DOCUMENT takes, and what it can find."""
    from cli.experiment.planning import PlanError, planned

    extras.require("statsmodels", "experiments")
    trial = _trial(read_document(document), name)
    try:
        found = planned(trial, baseline=baseline, spread=spread, per_day=per_day)
    except PlanError as error:
        raise CliError(str(error)) from error
    if as_json:
        click.echo(json.dumps(found.as_json()))
    else:
        click.echo(found.text())


@command.command()
@click.argument("name")
@click.option(
    "--document", type=click.Path(exists=True, dir_okay=False), help="With --units: the document."
)
@click.option(
    "--units", type=click.Path(exists=True, dir_okay=False),
    help="CSV, a row a unit, `.gz` too; docs/experiments.md has the columns.",
)  # fmt: skip
@click.option("--tenant", help="Instead: the tenant's document in force, and the exposure log.")
@click.option("--chart", type=click.Path(dir_okay=False, path_type=Path), help="Write a PNG.")
@click.option(
    "--at", type=click.DateTime(_TIMES), help="As of then, UTC.  [default: now]",
)  # fmt: skip
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=mesh.DEFAULT_DATA,
    show_default=True, help="Folder of the running mesh, where SIQ_POSTGRES_URL is not set.",
)  # fmt: skip
@_json
def report(
    name: str, document: str | None, units: str | None, tenant: str | None, chart: Path | None,
    at: datetime | None, data: Path, as_json: bool,
) -> None:  # fmt: skip
    """What came of experiment NAME, and what to do: ship, keep running, stop, or why not.

    NAME is an experiment, or holdout:global, or holdout:RULE where that has metrics and a plan.
    """
    import msgspec

    from cli.experiment import sources
    from cli.experiment.text import report_text
    from services.intervention.experiments.analysis import analyse
    from services.intervention.experiments.verdict import decide

    extras.require("statsmodels", "experiments")
    if (tenant is None) == (document is None or units is None):
        raise CliError("give --document and --units, or --tenant")
    now = datetime.now(UTC) if at is None else at.replace(tzinfo=UTC)
    now_ms = int(now.timestamp() * 1000)
    if tenant is not None:
        trial, observed = sources.from_mesh(data, tenant, name, now_ms)
    else:
        trial = _trial(read_document(str(document)), name, holdouts=True)
        observed = sources.from_file(trial, str(units))
    observed = observed.where(observed.exposed_at_ms <= now_ms)
    found = analyse(trial, observed, now_ms)
    verdict = decide(trial, found)
    if chart is not None:
        from cli.experiment.chart import draw

        extras.require("matplotlib", "chart")
        settled = observed.settled(now_ms, trial.spec.plan.settle_hours)
        draw(chart, trial, settled, verdict)
    if as_json:
        built = {"verdict": msgspec.to_builtins(verdict), "report": msgspec.to_builtins(found)}
        click.echo(json.dumps(built))
    else:
        click.echo(report_text(found, verdict))


@command.command()
@click.argument("name")
@click.option("--tenant", required=True)
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=mesh.DEFAULT_DATA,
    show_default=True, help="Folder of the running mesh, where SIQ_POSTGRES_URL is not set.",
)  # fmt: skip
@_json
def reweigh(name: str, tenant: str, data: Path, as_json: bool) -> None:
    """Give the arms of adaptive experiment NAME new shares, from what is known by now."""
    from cli.experiment import sources

    version, shares = sources.reweigh(data, tenant, name, datetime.now(UTC))
    if as_json:
        click.echo(json.dumps({"version": version, "shares": shares}))
    else:
        told = ", ".join(f"{arm} {100 * share:.4g} %" for arm, share in shares.items())
        click.echo(f"{name}: version {version}, {told}; in force within seconds")


@command.command()
@click.option("--runs", type=click.IntRange(100), default=10_000, show_default=True)
@click.option(
    "--units", type=click.IntRange(1_000), default=10_000, show_default=True, help="Of each run."
)
@click.option("--seed", type=int, help="  [default: the date, as 20261127]")
@_json
def simulate(runs: int, units: int, seed: int | None, as_json: bool) -> None:
    """Run thousands of experiments whose truth is known; fails if a promise is broken."""
    from cli.experiment.simulate import simulated

    extras.require("statsmodels", "experiments")
    used = int(datetime.now(UTC).strftime("%Y%m%d")) if seed is None else seed
    rows, kept = simulated(runs, units, used, say=(lambda _: None) if as_json else click.echo)
    if as_json:
        click.echo(json.dumps({"seed": used, "kept": kept, **rows}))
    if not kept:
        raise CliError(f"a promise was broken: see the lines marked BROKEN, seed {used}")


def read_document(path: str) -> Experiments:
    """Read and check a file."""
    from services.intervention.experiments.checks import ExperimentError, parse_experiments

    try:
        return parse_experiments(f"of {path}", Path(path).read_bytes())
    except ExperimentError as error:
        raise CliError(str(error)) from error


def _trial(experiments: Experiments, name: str, *, holdouts: bool = False) -> Trial:
    from services.intervention.experiments.checks import ExperimentError

    try:
        return experiments.reported(name) if holdouts else experiments.trial(name)
    except ExperimentError as error:
        raise CliError(str(error)) from error
