"""The models of this process: shipped, or of a folder, read again on SIGHUP."""

from __future__ import annotations

from pathlib import Path

from hotpath.model import Model
from hotpath.model_file import ModelError, read_folder
from services.common import logs
from services.common.settings import SettingsError

_log = logs.get(__name__)


def read(folder: str) -> Model:
    """Read the models of a folder; of the package if there is none.

    Raises:
        SettingsError: a file is missing or cannot be used.
    """
    try:
        model = Model(read_folder(Path(folder))) if folder else Model()
    except ModelError as error:
        raise SettingsError(f"SIQ_MODELS={folder}: {error}") from error
    _log.info(
        "models in force",
        folder=folder or "shipped",
        versions=model.versions,
        calibrations=model.calibrations,
    )
    return model


def read_again(folder: str, present: Model) -> Model:
    """Read the folder again; the present model stays if a file cannot be used."""
    try:
        return read(folder)
    except SettingsError as error:
        _log.error("models refused, the old ones stay", error=str(error), versions=present.versions)
        return present
