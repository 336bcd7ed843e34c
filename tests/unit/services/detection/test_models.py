"""Models from a folder: read at the start, read again on demand, refused when they are broken."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hotpath.model_file import read_default, write
from services.common.settings import SettingsError
from services.detection import models


def folder_with(path: Path, source: str) -> Path:
    for emotion, file in read_default().items():
        calibration = msgspec.structs.replace(file.calibration, source=source)
        changed = msgspec.structs.replace(file, calibration=calibration)
        (path / f"{emotion}.json").write_bytes(write(changed))
    return path


def test_shipped_models_are_the_default() -> None:
    assert models.read("").versions == {name: f.version for name, f in read_default().items()}


def test_a_folder_is_read_again_and_a_bad_file_keeps_the_old_model(tmp_path: Path) -> None:
    old = models.read(str(folder_with(tmp_path, "first")))
    assert set(old.calibrations.values()) == {"first"}
    new = models.read_again(str(folder_with(tmp_path, "second")), old)
    assert set(new.calibrations.values()) == {"second"}
    (tmp_path / "rage.json").write_text("{}")
    assert models.read_again(str(tmp_path), new) is new


def test_a_process_does_not_start_without_its_models(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"SIQ_MODELS=.*rage\.json cannot be read"):
        models.read(str(tmp_path))
