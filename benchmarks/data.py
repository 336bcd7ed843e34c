"""Recordings of real people: where they are, and reading them whole."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click
import msgspec

from hotpath.recording import open_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

Line = dict[str, object]
BESIDE: Final = Path(__file__).parents[2] / "shared" / "data"
"""Where the recordings stand if they stand beside the checkout; they are not part of it."""

data_option = click.option(
    "--data", "folder", type=click.Path(path_type=Path, file_okay=False), default=None,
    help="Folder with recordings of real people; by default ../shared/data beside the checkout.",
)  # fmt: skip


def find(folder: Path | None) -> Path | None:
    """Return the folder of recordings, or None (and say so) if there is none."""
    found = folder or BESIDE
    if found.is_dir():
        return found
    click.echo(
        f"No recordings of real people in {found}: those figures are left out (--data DIR).",
        err=True,
    )
    return None


def sessions(path: Path) -> dict[str, list[Line]]:
    """Return the lines of each session of a recording, in order."""
    found: dict[str, list[Line]] = {}
    decode = msgspec.json.Decoder(Line).decode
    with open_lines(str(path)) as lines:
        for raw in lines:
            line = decode(raw)
            found.setdefault(str(line["session"]), []).append(line)
    return found


def labels(path: Path) -> dict[str, dict[str, str]]:
    """Return what is known of each session."""
    with path.open(newline="") as file:
        return {row["session"]: row for row in csv.DictReader(file)}


def moves(lines: list[Line]) -> Iterator[tuple[float, float, float]]:
    """Yield (t, x, y) of the pointer moves."""
    for line in lines:
        if line["type"] == "pointer_move":
            yield cast("float", line["t"]), cast("float", line["x"]), cast("float", line["y"])
