"""`python -m benchmarks kernel`: what an event costs."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
from typing import Any

import click

from benchmarks.kernel import instructions, numpy_twin
from benchmarks.service import command as service

SMALL, LARGE = 10_000, 1_000_000


def _measure(sessions: int, rounds: int) -> dict[str, Any]:
    """Measure in a process of its own, so that memory is only its own."""
    click.echo(f"{sessions:,} sessions …", err=True)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.kernel.measure", str(sessions), str(rounds)],
        check=True,
        capture_output=True,
        text=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _show(result: dict[str, float]) -> None:
    for name, value in result.items():
        click.echo(f"{name:27} {value}", err=True)


@click.command("kernel")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on one line.")
@click.option("--rounds", default=9, show_default=True, help="Rounds; the median is quoted.")
@click.option("--large/--no-large", default=True, help="Measure a million sessions too (2 GiB).")
@click.option("--served/--not-served", default=True, help="Measure the service too, over gRPC.")
def command(as_json: bool, rounds: int, large: bool, served: bool) -> None:
    """Measure time and memory of the kernels, and NumPy beside them in the same run."""
    small = _measure(SMALL, rounds)
    click.echo("NumPy …", err=True)
    numpy = {
        what: statistics.median(ns) for what, ns in numpy_twin.ns_per_event(SMALL, rounds).items()
    }
    again = _measure(SMALL, rounds)
    ours = statistics.median(small["ns_per_event"] + again["ns_per_event"])
    result: dict[str, float] = {
        "ns_per_event_10k": round(ours, 1),
        "numpy_ns_per_event": round(numpy["all"], 1),
        "numpy_ratio": round(numpy["all"] / ours, 2),
        "numpy_decoded_ns_per_event": round(numpy["decoded"], 1),
        "emissions_per_event": small["emissions_per_event"],
    }
    try:
        click.echo("Instructions …", err=True)
        result["instructions_per_event"] = round(instructions.count(), 1)
    except instructions.CountError as error:
        click.echo(f"No instructions_per_event: {error}", err=True)
    if large:
        million = _measure(LARGE, rounds)
        result["ns_per_event_1m"] = round(statistics.median(million["ns_per_event"]), 1)
        result["bytes_per_session"] = round(million["bytes_per_session"])
    _show(result)
    if served:
        click.echo("The service …", err=True)
        rates = asyncio.run(service.measure())
        told = {
            "service_events_per_s": rates["events_per_s_50x10_together"],
            "service_spread_events_per_s": rates["events_per_s_50x10"],
        }
        _show(told)
        result |= told
    if as_json:
        click.echo(json.dumps(result))


if __name__ == "__main__":
    command()
