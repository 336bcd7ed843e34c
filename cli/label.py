"""`sentientiq label`: a person says of each emotion found in recordings whether it is right.

The answers are what `sentientiq calibrate` needs. They go to `FILE.labels.csv`, a line each as it
is given, so that whoever stops goes on later where they stopped.
"""

from __future__ import annotations

import csv
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple, cast

import click

from cli.detect import FileRun, Totals
from hotpath.recording import RecordingError, open_lines

HEADER: Final = ("session", "id", "emotion", "confidence", "right")
SUFFIX: Final = ".labels.csv"
_TAKEN_BACK: Final = "abandonment_cancelled"
_WORDS: Final = {"r": "yes", "w": "no", "s": ""}
"""What a key writes into `right`; a skipped episode is not asked about again."""
_PLAIN: Final = ("session", "stream", "t", "type", "page", "target", "flags")


class Episode(NamedTuple):
    """One emotion in a recording, as it was last said."""

    session: str
    id: str
    emotion: str
    confidence: int
    log_odds: float
    t: int
    evidence: list[int]
    """Line numbers."""
    explanation: str
    trigger: str

    @property
    def taken_back(self) -> bool:
        """Whether it no longer stands: then there is nothing to judge, and nothing to learn from
        a last confidence that says only that it is over."""
        return self.trigger == _TAKEN_BACK


def episodes_of(path: str, *, threshold: int) -> list[Episode]:
    """Return the episodes that `detect` finds, in the order in which they began.

    Raises:
        RecordingError: the recording cannot be used.
    """
    said: dict[str, Episode] = {}

    def note(line: dict[str, object]) -> None:
        terms = cast("dict[str, float]", line["contributions"])
        name = str(line["id"])
        said[name] = Episode(
            str(line["session"]), name, str(line["emotion"]), cast("int", line["confidence"]),
            sum(terms.values()), cast("int", line["t"]), cast("list[int]", line["evidence"]),
            str(line["explanation"]), str(line["trigger"]),
        )  # fmt: skip

    FileRun(
        path, Totals(), threshold=threshold, idle_ms=120_000, named=False, scores=False,
        explain=True, say=note,
    ).run(0)  # fmt: skip
    return list(said.values())


def labels_path(path: str) -> Path:
    """Where the labels of a recording are."""
    return Path(path + SUFFIX)


def read_labels(path: Path) -> list[dict[str, str]]:
    """Read labels; none if there is no file yet.

    Raises:
        ClickException: the file is not of this format.
    """
    if not path.exists():
        return []
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    if tuple(reader.fieldnames or ()) != HEADER:
        raise click.ClickException(f"{path}:1: expected the header {','.join(HEADER)}")
    for number, row in enumerate(rows, 2):
        if row["right"] not in _WORDS.values():
            raise click.ClickException(f"{path}:{number}: `right` is yes, no or empty (skipped)")
    return rows


def _append(path: Path, episode: Episode, right: str) -> None:
    begins = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if begins:
            writer.writerow(HEADER)
        writer.writerow((episode.session, episode.id, episode.emotion, episode.confidence, right))


def _lines(path: str, wanted: set[int]) -> dict[int, dict[str, object]]:
    """Read the wanted lines of a recording."""
    with open_lines(path) as lines:
        return {n: json.loads(raw) for n, raw in enumerate(lines, 1) if n in wanted}


def _show(line: dict[str, object], number: int, since: int) -> str:
    rest = " ".join(f"{key}={value}" for key, value in line.items() if key not in _PLAIN)
    after = (cast("int", line["t"]) - since) / 1000
    return (
        f"  {number:>6}  {after:+8.2f} s  {line['type']} {line.get('target', '')} {rest}".rstrip()
    )


def _ask() -> str:
    """Return the key of an answer; the end of a piped input quits."""
    keys = (*_WORDS, "q")
    while True:
        click.echo("  [r]ight, [w]rong, [s]kip, [q]uit? ", nl=False)
        if sys.stdin.isatty():
            key = click.getchar().lower()
            click.echo(key)
        else:
            answer = sys.stdin.readline()
            key = answer.strip()[:1].lower() if answer else "q"
            click.echo(key)
        if key in keys:
            return key


def _label(path: str, threshold: int) -> bool:
    """Ask about one recording; say whether to go on with the next."""
    found = episodes_of(path, threshold=threshold)
    episodes = [episode for episode in found if not episode.taken_back]
    target = labels_path(path)
    known = {row["id"] for row in read_labels(target)}
    left = [episode for episode in episodes if episode.id not in known]
    click.echo(f"{path}: {len(episodes)} emotions, {len(episodes) - len(left)} labelled before")
    lines = _lines(path, {number for episode in left for number in episode.evidence})
    for place, episode in enumerate(left, len(episodes) - len(left) + 1):
        when = datetime.fromtimestamp(episode.t / 1000, UTC)
        click.echo(f"\n{place} of {len(episodes)}, session {episode.session}, {when:%F %T} UTC")
        click.secho(f"  {episode.explanation}", bold=True)
        shown = [(number, lines[number]) for number in episode.evidence]
        since = cast("int", shown[0][1]["t"]) if shown else 0
        for number, line in shown:
            click.echo(_show(line, number, since))
        key = _ask()
        if key == "q":
            return False
        _append(target, episode, _WORDS[key])
    return True


@click.command("label")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--threshold", type=click.IntRange(0, 100), default=50, show_default=True,
    help="Confidence from which emotions are shown; `calibrate` must be given the same.",
)  # fmt: skip
def command(files: tuple[str, ...], threshold: int) -> None:
    """Judge each emotion found in recordings: right, wrong, skip, quit.

    One key each; from a pipe one line each. Answers are appended to FILE.labels.csv at once, and
    what was answered is not asked again.
    """
    for path in files:
        try:
            if not _label(path, threshold):
                return
        except RecordingError as error:
            raise click.ClickException(str(error)) from error
