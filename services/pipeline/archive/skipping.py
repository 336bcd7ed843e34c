"""Days that cannot be replaced, since a file of theirs is damaged: others go on without them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from services.common import logs
from services.pipeline.archive.errors import (
    ArchiveError,
    ArchiveUnavailable,
    Damaged,
    Superseded,
)
from services.pipeline.archive.manifest import ArchiveFile
from services.pipeline.archive.store import Archive

_log = logs.get(__name__)


class Skipping:
    """Those of one topic and one go."""

    def __init__(self, archive: Archive, topic: str) -> None:
        self._archive = archive
        self._topic = topic
        self._errors: list[ArchiveError] = []
        self._first_roll: int | None = None

    @contextmanager
    def day(self, key: str, fresh: Sequence[ArchiveFile]) -> Generator[None]:
        """Leave a day as it is if it is damaged. `fresh` are the files that only rolls name."""
        try:
            yield
        except (ArchiveUnavailable, Superseded):
            raise
        except ArchiveError as error:
            self._errors.append(error)
            self._archive.days_skipped += 1
            rolls = [file.roll for file in fresh]
            if self._first_roll is not None:
                rolls.append(self._first_roll)
            self._first_roll = min(rolls, default=None)
            _log.error("day left as it is", topic=self._topic, day=key, error=str(error))

    def forgettable(self, through: int) -> int:
        """Up to which roll days have taken over: not those that alone name a file of such a day."""
        return through if self._first_roll is None else min(through, self._first_roll)

    def tell(self) -> None:
        """Say so in the end.

        Raises:
            Damaged: days were left; the message names the first file.
        """
        if self._errors:
            first = self._errors[0]
            raise Damaged(
                f"{first} ({len(self._errors)} days of {self._topic} were left as they are)"
            ) from first
