"""Labelled episodes of a folder: recordings, the `.labels.csv` beside each, and `.feedback.csv`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cli.calibrate.feedback import FEEDBACK_SUFFIX, read_feedback
from cli.errors import CliError
from cli.label import SUFFIX, episodes_of, read_labels

if TYPE_CHECKING:
    from pathlib import Path


class Labelled(NamedTuple):
    """One episode that somebody judged."""

    id: str
    emotion: str
    log_odds: float
    right: bool


def read_folder(folder: Path, threshold: int) -> list[Labelled]:
    """Detect again what was labelled, and join the answers to it; take what the team said.

    Raises:
        CliError: there are no labels, a recording is missing, or it no longer gives the episodes
            that were labelled.
        RecordingError: a recording cannot be used.
    """
    files = sorted(folder.glob(f"*{SUFFIX}"))
    told = sorted(folder.glob(f"*{FEEDBACK_SUFFIX}"))
    if not files and not told:
        raise CliError(
            f"no labels in {folder}: make some with `sentientiq label FILE…`, or fetch what the"
            " team said with `sentientiq recommendations labels TENANT DIR`"
        )
    labelled = [found for file in files for found in _read(file, threshold)]
    labelled += [
        Labelled(said.id, said.emotion, said.log_odds, said.right)
        for file in told
        for said in read_feedback(file)
    ]
    return labelled


def _read(file: Path, threshold: int) -> list[Labelled]:
    recording = file.with_name(file.name.removesuffix(SUFFIX))
    if not recording.exists():
        raise CliError(f"{file} has labels of {recording.name}, which is not beside it")
    found = {episode.id: episode for episode in episodes_of(str(recording), threshold=threshold)}
    labelled: list[Labelled] = []
    for number, row in enumerate(read_labels(file), 2):
        episode = found.get(row["id"])
        if episode is None or str(episode.confidence) != row["confidence"]:
            raise CliError(
                f"{file}:{number}: {recording.name} no longer gives this emotion: use the"
                " version and the --threshold it was labelled with, or label it again"
            )
        if row["right"] and not episode.taken_back:
            labelled.append(
                Labelled(episode.id, episode.emotion, episode.log_odds, row["right"] == "yes")
            )
    return labelled
