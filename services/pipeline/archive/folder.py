"""Objects in a folder. Our own rather than obstore's, which does not sync what it writes: the log
is trimmed on the archive's word, so a power cut must not take that back."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from uuid import uuid4

from services.pipeline.archive.errors import ArchiveUnavailable, Missing, lost
from services.pipeline.archive.objects import STAGING

# What a volume says that has no hard links.
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


class FolderObjects:
    """Files below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, key: str, blob: bytes) -> None:
        with self._needed():
            temporary, changed = self._write(key, blob)
            os.replace(temporary, self._folder / key)
            _sync(changed)

    def create(self, key: str, blob: bytes) -> bool:
        with self._needed():
            temporary, changed = self._write(key, blob)
            path = self._folder / key
            try:
                os.link(temporary, path)  # of two who try, one gets the name
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                # Not in one step on such a volume: a second writer is noticed, but for a moment.
                if path.exists():
                    return False
                os.replace(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
            _sync(changed)
            return True

    def _write(self, key: str, blob: bytes) -> tuple[Path, set[Path]]:
        """Write a synced file that is to get a key, and return what else is to be synced then."""
        path = self._folder / key
        # Beside what is staged, where a start clears what a kill has left; by a name that nobody
        # else has, since another process may write the same key.
        area, _, rest = key.partition("/")
        area = area if area != STAGING else rest.partition("/")[0]
        temporary = self._folder / STAGING / area / f"{uuid4().hex}.tmp"
        created = _make_folder(temporary.parent) | _make_folder(path.parent)
        with temporary.open("wb") as file:
            file.write(blob)
            file.flush()
            os.fsync(file.fileno())
        return temporary, {*created, path.parent}

    def get(self, key: str) -> bytes:
        with self._needed():
            try:
                return (self._folder / key).read_bytes()
            except FileNotFoundError as error:
                raise Missing(f"{self._folder / key} is not there") from error

    def keys(self, prefix: str, *, deep: bool = True) -> list[str]:
        with self._needed():
            found = (self._folder / prefix).glob("**/*" if deep else "*")
            return sorted(str(path.relative_to(self._folder)) for path in found if path.is_file())

    def written(self, prefix: str) -> dict[str, float]:
        found: dict[str, float] = {}
        for key in self.keys(prefix):
            with self._needed(), contextlib.suppress(FileNotFoundError):
                found[key] = (self._folder / key).stat().st_mtime
        return found

    def move(self, pairs: Sequence[tuple[str, str]], *, strict: bool = False) -> None:
        with self._needed():
            touched: set[Path] = set()
            for source, target in pairs:
                old, new = self._folder / source, self._folder / target
                if not old.exists():
                    if strict and not new.exists():
                        raise lost(target)
                    continue
                touched.update(_make_folder(new.parent))
                os.replace(old, new)
                touched |= {old.parent, new.parent}
            _sync(touched)

    def delete(self, keys: Sequence[str]) -> None:
        with self._needed():
            paths = [self._folder / key for key in keys]
            for path in paths:
                path.unlink(missing_ok=True)
            _sync({path.parent for path in paths if path.parent.exists()})

    @contextlib.contextmanager
    def _needed(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise ArchiveUnavailable(f"{self._folder}: {error}") from error


def _make_folder(folder: Path) -> set[Path]:
    """Create a folder; return those whose entries changed, for syncing."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return {path.parent for path in missing}


def _sync(folders: Iterable[Path]) -> None:
    for folder in folders:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
