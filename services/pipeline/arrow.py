"""Arrow, and small pieces of it that every table needs.

pyarrow has no types: what is imported from here is Any, so that its unknowns stay out of the rest.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

pa: Any = import_module("pyarrow")
compute: Any = import_module("pyarrow.compute")
parquet: Any = import_module("pyarrow.parquet")

MOMENT: Any = pa.timestamp("ms", tz="UTC")
WORD: Any = pa.dictionary(pa.int32(), pa.string())


def moments(epoch_ms: NDArray[np.int64]) -> Any:
    """Unix epochs in milliseconds as timestamps."""
    return pa.array(epoch_ms, pa.int64()).cast(MOMENT)


def moments_or_null(epoch_ms: NDArray[np.int64]) -> Any:
    """The same, but 0 means not known and becomes null."""
    return pa.array(epoch_ms, pa.int64(), mask=epoch_ms == 0).cast(MOMENT)


class Words:
    """A dictionary that grows: each word once, because ClickHouse takes a dictionary as it is and
    would read rows of a repeated word as another one."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._words: list[str] = []

    def index(self, word: str) -> int:
        """The word's place."""
        place = self._places.setdefault(word, len(self._words))
        if place == len(self._words):
            self._words.append(word)
        return place

    def word(self, place: int) -> str:
        """The word at a place."""
        return self._words[place]

    def array(self, places: NDArray[np.int64]) -> Any:
        """The Arrow array in which these places stand for their words."""
        words = pa.array(self._words, pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(places, pa.int32()), words)
