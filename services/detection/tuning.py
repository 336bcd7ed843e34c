"""What a tenant may set about detection: the `detection` document.

    {"threshold": {"rage": 60}, "off": ["hesitation"], "ignore": ["button#like"]}

`sentientiq config put` writes it from TOML. A key that nobody knows is refused: it is a typing
error, or meant for another version.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from hotpath.emission import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

NEVER: Final = 101
"""A threshold that no confidence reaches."""
_MOST_IGNORED: Final = 1_000


class TuningError(ValueError):
    """The document cannot be used; says what and what would mend it."""


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    threshold: dict[str, int] = {}
    off: list[str] = []
    ignore: list[str] = []


@dataclass(frozen=True, slots=True)
class Tuning:
    """How one tenant's streams are judged."""

    thresholds: Mapping[str, int] = field(default_factory=dict[str, int])
    """Confidence from which to emit, by emotion; NEVER switches it off."""
    ignored: frozenset[str] = frozenset()
    """Descriptors of elements whose events raise nothing."""


def _check_emotions(key: str, names: list[str]) -> None:
    for name in names:
        if name not in EMOTIONS:
            raise TuningError(f"{key}: {name!r} is none of {', '.join(EMOTIONS)}")


def read(document: object) -> Tuning:
    """Read a decoded document.

    Raises:
        TuningError: naming the key, and what it expects.
    """
    try:
        found = msgspec.convert(document, _Document)
    except msgspec.ValidationError as error:
        raise TuningError(f"{error} (the keys are threshold, off and ignore)") from error
    _check_emotions("threshold", list(found.threshold))
    _check_emotions("off", found.off)
    for name, value in found.threshold.items():
        if not 0 <= value <= 100:
            raise TuningError(f"threshold.{name}: expected 0 to 100, was {value}")
    if len(found.ignore) > _MOST_IGNORED:
        raise TuningError(f"ignore: expected at most {_MOST_IGNORED}, was {len(found.ignore)}")
    if "" in found.ignore:
        raise TuningError('ignore: expected descriptors such as "button#like", one is empty')
    return Tuning({**found.threshold, **dict.fromkeys(found.off, NEVER)}, frozenset(found.ignore))


def parse(body: bytes) -> Tuning:
    """Read a document as it is stored.

    Raises:
        TuningError: not JSON, or see `read`.
    """
    try:
        document: object = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise TuningError(f"expected JSON: {error}") from error
    return read(document)
