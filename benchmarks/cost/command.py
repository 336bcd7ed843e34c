"""`python -m benchmarks cost`: are the figures of what ignoring costs right?"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from benchmarks.cost.dealt import FAMILIES
from benchmarks.cost.measure import bias, broken, coverage, overlapless
from benchmarks.cost.undealt import CONFOUNDED, NO_OVERLAP


@click.command()
@click.option(
    "--worlds", type=click.IntRange(10), default=5_000, show_default=True,
    help="Randomised worlds of each family.",
)  # fmt: skip
@click.option(
    "--confounded", type=click.IntRange(4), default=200, show_default=True,
    help="Confounded worlds of all families together, and as many without overlap.",
)  # fmt: skip
@click.option("--seed", type=int, help="  [default: the date, as 20261127]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
def command(worlds: int, confounded: int, seed: int | None, as_json: bool) -> None:
    """Simulate worlds whose truth is known; fails if a promise is broken. Takes minutes."""
    used = int(datetime.now(UTC).strftime("%Y%m%d")) if seed is None else seed
    covered = {name: coverage(name, worlds, used) for name in FAMILIES}
    biased = {name: bias(name, -(-confounded // len(CONFOUNDED)), used) for name in CONFOUNDED}
    silent = {
        name: overlapless(name, -(-confounded // len(NO_OVERLAP)), used) for name in NO_OVERLAP
    }
    problems = broken(covered, biased, silent)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "cost": {
                        "seed": used,
                        "randomised": covered,
                        "doubly_robust": biased,
                        "no_overlap": silent,
                        "broken": problems,
                    }
                }
            )
        )
    else:
        for name, row in covered.items():
            click.echo(
                f"randomised {name}: {100 * row['covered']:.2f} % of intervals held the truth"
                f" ({row['told']:,} worlds; missed below {100 * row['below']:.2f} %, above"
                f" {100 * row['above']:.2f} %)"
            )
        for name, one in biased.items():
            click.echo(
                f"confounded {name}: bias {100 * one['ratio']:.1f} % of the naive one's, money"
                f" {100 * one['money_ratio']:.1f} %; {100 * one['covered']:.0f} % of intervals held"
                f" the truth; told of {one['told']} of {one['worlds']}"
            )
        for name, none in silent.items():
            click.echo(f"no overlap {name}: cannot tell in {none['cannot_tell']}/{none['worlds']}")
    if problems:
        raise click.ClickException("; ".join(problems))
