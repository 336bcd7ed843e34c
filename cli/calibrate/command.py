"""`sentientiq calibrate DIR`: fit each emotion's confidence to what people said of it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final

import click
import msgspec

from cli.calibrate.fit import SOLID, Fit, fit
from cli.calibrate.labels import read_folder
from cli.calibrate.report import draw, markdown
from cli.errors import CliError
from hotpath.model_file import read_default, write
from hotpath.recording import RecordingError

EXTRA: Final = ("matplotlib",)
"""What `sentientiq[calibrate]` brings."""


def _require_extra() -> None:
    missing = [name for name in EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise CliError(
            f"{' and '.join(missing)} missing: install them with"
            " `pip install 'sentientiq[calibrate]'`"
        )


@click.command("calibrate")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False))
@click.option(
    "--threshold", type=click.IntRange(0, 100), default=50, show_default=True,
    help="What `label` was given.",
)  # fmt: skip
def command(folder: str, threshold: int) -> None:
    """Fit confidences to the labels in DIR.

    DIR holds recordings, each with the FILE.labels.csv of `sentientiq label`, and NAME.feedback.csv
    of `sentientiq recommendations labels`. Written there:
    models/ (for SIQ_MODELS, and `detect --models`), calibration.md and calibration.png.
    """
    _require_extra()
    here = Path(folder).resolve()
    try:
        labelled = read_folder(here, threshold)
    except RecordingError as error:
        raise CliError(str(error)) from error
    models = read_default()
    fits: list[Fit] = []
    left: dict[str, str] = {}
    for emotion, model in models.items():
        episodes = [episode for episode in labelled if episode.emotion == emotion]
        found = fit(emotion, episodes, model.calibration, here.name)
        if isinstance(found, Fit):
            fits.append(found)
            models[emotion] = msgspec.structs.replace(model, calibration=found.calibration)
        else:
            left[emotion] = found
    for emotion, why in left.items():
        click.echo(f"{emotion}: left as it was, {why}")
    if not fits:
        raise CliError("nothing to calibrate: label more with `sentientiq label FILE…`")
    (here / "models").mkdir(exist_ok=True)
    for emotion, model in models.items():
        (here / "models" / f"{emotion}.json").write_bytes(write(model))
    (here / "calibration.md").write_text(markdown(here.name, fits, left))
    draw(here / "calibration.png", here.name, fits)
    for found in fits:
        provisional = f"; provisional, fewer than {SOLID} labels" if found.n < SOLID else ""
        click.echo(
            f"{found.emotion}: {found.n} labels, Brier {found.before.brier:.3f} before,"
            f" {found.after.brier:.3f} after{provisional}"
        )
    click.echo(f"written: {here}/models, calibration.md, calibration.png")
