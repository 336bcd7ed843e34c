"""`python -m benchmarks accuracy`."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

import click

from benchmarks import data
from benchmarks.accuracy import evidence, real, table
from benchmarks.accuracy.simulated import Simulated

if TYPE_CHECKING:
    from pathlib import Path


def measure(seed: int, visits: int, folder: Path | None) -> dict[str, object]:
    """Return the figures in the shape of docs/contracts.md, 4.9."""
    simulated = Simulated(seed, visits)
    studies: dict[str, object] = {}
    rules: dict[str, dict[str, object]] = {
        rule: {**figures, "real": {}} for rule, figures in simulated.rules().items()
    }
    known = evidence.Evidence()
    found = data.find(folder)
    for name in real.STUDIES if found is not None else ():
        if found is None or not (found / f"{name}.ndjson.gz").exists():
            click.echo(f"{name}: not there, left out", err=True)
            continue
        study = real.read(found, name)
        studies[name] = real.report(study)
        known.add(study, evidence.of_study(found, study))
        for rule, figures in rules.items():
            rates = {name: real.rule_rates(study, rule)}
            figures["real"] = {**dict(figures["real"]), **rates}  # type: ignore[call-overload]
    return {
        "seed": seed,
        "visits": visits,
        "simulated": simulated.emotions(),
        "real": studies,
        "baselines": rules,
        "evidence": known.report(),
    }


@click.command("accuracy")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--seed", type=int, help="Of the simulated visits; by default a new one each time.")
@click.option("--visits", default=10_000, show_default=True, type=click.IntRange(10))
@data.data_option
def command(as_json: bool, seed: int | None, visits: int, folder: Path | None) -> None:
    """How well emotions are told, by simulated truth and on recordings of real people."""
    result = measure(secrets.randbelow(1 << 31) if seed is None else seed, visits, folder)
    click.echo(json.dumps(result) if as_json else table.render(result))
