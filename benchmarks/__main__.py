"""`python -m benchmarks NAME`: one entry for all measurements."""

from __future__ import annotations

import importlib
import signal
from typing import Final

import click

BENCHMARKS: Final = {
    "acceptance": "benchmarks.acceptance.command",
    "accuracy": "benchmarks.accuracy.command",
    "bots": "benchmarks.bots.command",
    "cost": "benchmarks.cost.command",
    "decide": "benchmarks.decide.command",
    "edge": "benchmarks.edge.command",
    "event-cost": "benchmarks.event_cost.command",
    "evidence": "benchmarks.accuracy.evidence_page",
    "fit": "benchmarks.accuracy.fit",
    "identity": "benchmarks.identity.command",
    "kernel": "benchmarks.kernel.command",
    "mesh": "benchmarks.mesh.command",
    "pipeline": "benchmarks.pipeline.command",
    "reports": "benchmarks.reports.command",
    "scale": "benchmarks.mesh.scale",
    "scorecard": "benchmarks.scorecard.command",
    "sdk": "benchmarks.sdk.command",
    "service": "benchmarks.service.command",
}
"""Module of each; it holds a click command named `command`."""


class Benchmarks(click.Group):
    """Loads only what is called: some need packages that others do not."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names."""
        del ctx
        return sorted(BENCHMARKS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a benchmark, or None if there is none of that name."""
        del ctx
        module = BENCHMARKS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = importlib.import_module(module).command
        return command


@click.group(cls=Benchmarks)
def main() -> None:
    """Measure SentientIQ on this machine. What each figure means: benchmarks/README.md."""


if __name__ == "__main__":
    # As Ctrl-C does: else the mesh that it has started would go on without it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    main(prog_name="python -m benchmarks")
