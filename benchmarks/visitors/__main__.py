"""`python -m benchmarks.visitors`: write simulated visits as a recording, and the truth."""

from __future__ import annotations

import csv
import gzip
import io
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from benchmarks.visitors.mix import DEFAULT_MIX, generate
from benchmarks.visitors.person import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Generator

    from benchmarks.visitors.mix import Visit

_DEFAULTS = ", ".join(f"{name}={share}" for name, share in DEFAULT_MIX.items())
LABEL_FIELDS = ("start", "end", "cause", "shown")


def parse_mix(words: tuple[str, ...]) -> dict[str, float]:
    """Return the default mix with some shares changed, each said as NAME=SHARE."""
    mix = dict(DEFAULT_MIX)
    for word in words:
        name, _, share = word.partition("=")
        try:
            mix[name] = float(share)
        except ValueError:
            name = ""
        if name not in DEFAULT_MIX:
            raise click.BadParameter(
                f"{word!r} (expected NAME=SHARE, NAME of {', '.join(DEFAULT_MIX)})"
            )
    return mix


def label_row(visit: Visit) -> dict[str, object]:
    """Return what is true of a visit, flat."""
    row: dict[str, object] = {
        "session": visit.session, "kind": visit.kind, "hard": int(visit.hard),
        "mimics": " ".join(sorted(visit.mimics)),
    }  # fmt: skip
    for emotion in EMOTIONS:
        feeling = visit.truth[emotion]
        row[emotion] = int(feeling is not None)
        for field in LABEL_FIELDS:
            value = getattr(feeling, field) if feeling is not None else ""
            row[f"{emotion}_{field}"] = int(value) if isinstance(value, bool) else value
    return row


@contextmanager
def _binary(path: str) -> Generator[io.BufferedIOBase | gzip.GzipFile]:
    if path == "-":
        yield sys.stdout.buffer  # type: ignore[misc]
    elif path.endswith(".gz"):
        # No time stamp and no name: the same seed gives the same bytes.
        with open(path, "wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
            yield packed
    else:
        with open(path, "wb") as file:
            yield file


@click.command()
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same visits.")
@click.option("--visits", default=200, show_default=True, type=click.IntRange(1))
@click.option(
    "--out", required=True, help="Recording (NDJSON; .gz packs it, - is standard output)."
)
@click.option(
    "--labels", type=click.Path(path_type=Path), help="The truth, one line a session (CSV)."
)
@click.option(
    "--mix", "shares", multiple=True, metavar="NAME=SHARE",
    help=f"Share of visits of a kind; by default {_DEFAULTS}.",
)  # fmt: skip
def main(seed: int, visits: int, out: str, labels: Path | None, shares: tuple[str, ...]) -> None:
    """Simulate visitors. What such data can prove, and what not: benchmarks/visitors/README.md."""
    mix = parse_mix(shares)
    encode = msgspec.json.encode
    rows: list[dict[str, object]] = []
    try:
        with _binary(out) as file:
            for visit in generate(seed, visits, mix):
                file.write(b"".join(encode(line) + b"\n" for line in visit.lines))
                rows.append(label_row(visit))
        if labels is not None:
            with labels.open("w", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
    except OSError as error:
        raise click.ClickException(f"cannot write {error.filename}: {error.strerror}") from error


if __name__ == "__main__":
    main()
