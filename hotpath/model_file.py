"""Model files: `models/<emotion>.json`, read, checked and written.

    {"version": "…", "emotion": "hesitation", "prior": -20, "lone_cap": 4, "quiet_ms": 15000,
     "features": {"dwell": {"family": "dwell", "weight": 12, "cap": 18, "window_ms": 20000}, …},
     "monotone": ["dwell", …],
     "calibration": {"method": "platt", "slope": 1.0, "intercept": 0.0, "source": "…", "n": 0}}

Weights, caps and the prior are tenths of log-odds. rage.json also has `burst`: the weights of
presses. A feature named in `monotone` may only raise the score. The calibration may also be of
the method "points": calibration.py describes both.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Final

import msgspec

from hotpath import features
from hotpath.calibration import Calibration, CalibrationError
from hotpath.rage_rules import RageWeight

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

FEATURES: Final[Mapping[str, tuple[str, ...]]] = {
    "rage": tuple(f.name.lower() for f in features.RageFeature),
    "hesitation": tuple(f.name.lower() for f in features.HesitationFeature),
    "confusion": tuple(f.name.lower() for f in features.ConfusionFeature),
    "abandonment": tuple(f.name.lower() for f in features.AbandonmentFeature),
}
"""Features of each emotion, in the order of the kernels' tables."""
BURST: Final = tuple(w.name.removeprefix("WEIGHT_").lower() for w in RageWeight)
EXCUSES: Final = frozenset({"prior", "answered", "unproven", "unobservable", "plain_target"})
"""Weights of presses that may only lower the score; the others may only raise it."""


class ModelError(ValueError):
    """A model file cannot be used; says which, and what would mend it."""


class Feature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What marks of one feature are worth."""

    family: str
    weight: int
    cap: int
    window_ms: int


class ModelFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One emotion's model."""

    version: str
    emotion: str
    prior: int
    lone_cap: int
    quiet_ms: int
    features: dict[str, Feature]
    monotone: list[str]
    calibration: Calibration
    burst: dict[str, int] = {}

    def confidences(self, highest: int) -> list[int]:
        """Return the confidence (0 to 100) of each score from -highest to highest tenths."""
        return [self.calibration.confidence(tenths) for tenths in range(-highest, highest + 1)]


def parse(data: bytes, name: str) -> ModelFile:
    """Read one file and check it.

    Raises:
        ModelError: not of this format, or a feature is missing, unknown or not monotone.
    """
    try:
        file = msgspec.json.decode(data, type=ModelFile)
    except msgspec.DecodeError as error:
        raise ModelError(f"{name}: {error}") from error
    expected = FEATURES.get(file.emotion)
    if expected is None:
        raise ModelError(f"{name}: emotion {file.emotion!r} is none of {', '.join(FEATURES)}")
    if set(file.features) != set(expected):
        odd = sorted(set(file.features) ^ set(expected))
        raise ModelError(f"{name}: features {', '.join(odd)} are missing or unknown")
    if set(file.burst) != (set(BURST) if file.emotion == "rage" else set()):
        raise ModelError(f"{name}: `burst` must name exactly {', '.join(BURST)} (rage only)")
    for feature in file.monotone:
        if feature not in file.features or file.features[feature].weight < 0:
            raise ModelError(f"{name}: {feature} is said to be monotone, so its weight is not < 0")
    for feature, what in file.features.items():
        if abs(what.weight) > 200 or not 0 <= what.cap <= 200 or what.window_ms < 0:
            raise ModelError(f"{name}: {feature} has a weight, cap or window out of range")
    for weight, worth in file.burst.items():
        if abs(worth) > 200 or (worth > 0 if weight in EXCUSES else worth < 0):
            side = "<= 0" if weight in EXCUSES else ">= 0"
            raise ModelError(f"{name}: burst: {weight} is {worth}, but must be {side}, 200 at most")
    if file.burst and not (
        file.burst["presses_3"] <= file.burst["presses_4"] <= file.burst["presses_5"]
    ):
        raise ModelError(f"{name}: burst: more presses must not be worth less")
    try:
        file.calibration.check()
    except CalibrationError as error:
        raise ModelError(f"{name}: calibration: {error}") from error
    ordered = {feature: file.features[feature] for feature in expected}
    burst = {weight: file.burst[weight] for weight in BURST} if file.burst else {}
    return msgspec.structs.replace(file, features=ordered, burst=burst)


def read_folder(folder: Traversable) -> dict[str, ModelFile]:
    """Read the models of all emotions from `<emotion>.json` in a folder.

    Raises:
        ModelError: one is missing or cannot be used.
    """
    files: dict[str, ModelFile] = {}
    for emotion in FEATURES:
        path = folder / f"{emotion}.json"
        try:
            file = parse(path.read_bytes(), path.name)
        except OSError as error:
            raise ModelError(f"{path.name} cannot be read: {error}") from error
        if file.emotion != emotion:
            raise ModelError(f"{path.name} holds the model of {file.emotion}")
        files[emotion] = file
    return files


def read_default() -> dict[str, ModelFile]:
    """Read the models that are shipped."""
    return read_folder(resources.files("hotpath") / "models")


def write(file: ModelFile) -> bytes:
    """Return a model as its file holds it."""
    return msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n"
