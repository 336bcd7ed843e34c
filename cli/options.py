"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cli import mesh


def data_option(variable: str) -> Callable[[Any], Any]:
    """`--data`: which running mesh a command talks to, unless a variable names it."""
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        default=mesh.DEFAULT_DATA,
        show_default=True,
        help=f"Folder of the running mesh, where {variable} is not set.",
    )
