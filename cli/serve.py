"""`sentientiq serve NAME`: become one process of the mesh."""

from __future__ import annotations

import os
import sys

import click

from cli.up.plan import MODULES, python_path


@click.command()
@click.argument("name", type=click.Choice(list(MODULES)))
def command(name: str) -> None:
    """Run one process of the mesh with the present environment.

    It tells which variables it lacks. `sentientiq up` sets them for the machine at hand.
    """
    sys.stdout.flush()
    environment = {**os.environ, **python_path()}
    os.execve(sys.executable, (sys.executable, "-P", "-m", MODULES[name]), environment)
