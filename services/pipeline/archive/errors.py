"""What can go wrong with an archive.

ArchiveError
    ArchiveUnavailable: the store does not answer; the same call may work later
    Damaged: a file is not what was written
    Missing: there is no such object
    Superseded: another process writes this archive
"""

from __future__ import annotations


class ArchiveError(Exception):
    """The archive did not take a roll or cannot be read; the message says what to look at."""


class ArchiveUnavailable(ArchiveError):
    """The store does not take or give anything now: away, full, or it refuses us."""


class Missing(ArchiveError):
    """An object that is not there, or not any more."""


class Damaged(ArchiveError):
    """A file that is not what was written, or not what manifests say; restore it."""


class Superseded(ArchiveError):
    """Another process writes the archive by now; what this one has staged will never count."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: two pipelines write this archive, stop one")


def lost(key: str) -> ArchiveError:
    """What to say of an object that was to be given a key and is under neither."""
    return ArchiveError(
        f"{key} was deleted before it got its name: two pipelines write this archive, stop one"
    )
