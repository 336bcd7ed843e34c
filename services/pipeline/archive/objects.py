"""The port: what a store of objects must do for the archive. Every call blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

STAGING = "_staging"


class Objects(Protocol):
    """Blobs by key. Keys are paths without a leading slash.

    Every method raises ArchiveUnavailable when the store does not do it.
    """

    def put(self, key: str, blob: bytes) -> None:
        """Write an object durably, whole or not at all; what was there is replaced."""
        ...

    def create(self, key: str, blob: bytes) -> bool:
        """The same, unless the object is there already: then False."""
        ...

    def get(self, key: str) -> bytes:
        """Read an object.

        Raises:
            Missing: there is none.
        """
        ...

    def keys(self, prefix: str, *, deep: bool = True) -> list[str]:
        """The keys that begin with a prefix, which ends with a slash, in order; if not `deep`,
        those that have no further slash."""
        ...

    def written(self, prefix: str) -> dict[str, float]:
        """The keys that begin with a prefix, which ends with a slash, and when each was written
        last: Unix epoch in seconds, by the store's clock."""
        ...

    def move(self, pairs: Sequence[tuple[str, str]], *, strict: bool = False) -> None:
        """Give objects another key; those that are not there were moved before.

        Raises:
            ArchiveError: with `strict`, of one that has neither the old key nor the new one:
                somebody else deleted it.
        """
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are not there were removed before."""
        ...
