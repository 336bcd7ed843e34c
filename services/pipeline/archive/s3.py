"""Objects on S3, by obstore. It reads the usual AWS_* variables itself: region, credentials,
endpoint, encryption (docs/archive.md)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Sequence
from datetime import timedelta
from typing import TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotSupportedError
from obstore.store import S3Store

from services.pipeline.archive.errors import ArchiveUnavailable, Missing, lost
from services.pipeline.threads import Threads

T = TypeVar("T")
# Above this an object goes up in parts; S3 takes none below 5 MiB.
_PART_BYTES = 8 * 1024 * 1024
_AT_ONCE = 8


class S3Objects:
    """Objects of a bucket below a prefix.

    A call that fails is repeated for `timeout_s` at most. Each upload carries its SHA-256, which
    S3 compares.
    """

    def __init__(self, bucket: str, prefix: str, *, timeout_s: float) -> None:
        self._name = f"s3://{bucket}/{prefix}".rstrip("/")
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            config={"checksum_algorithm": "sha256"},
            # Plain HTTP is refused by obstore unless asked for; which it is, the endpoint says.
            client_options={"allow_http": True, "timeout": timedelta(seconds=timeout_s)},
            retry_config={"max_retries": 5, "retry_timeout": timedelta(seconds=timeout_s)},
        )

    def put(self, key: str, blob: bytes) -> None:
        with self._needed(key):
            obstore.put(self._store, key, blob, chunk_size=_PART_BYTES)

    def create(self, key: str, blob: bytes) -> bool:
        with self._needed(key):
            try:
                obstore.put(self._store, key, blob, mode="create")
            except AlreadyExistsError:
                return False
            return True

    def get(self, key: str) -> bytes:
        with self._needed(key):
            return bytes(obstore.get(self._store, key).bytes())

    def keys(self, prefix: str, *, deep: bool = True) -> list[str]:
        with self._needed(prefix):
            if deep:
                found = [one for batch in obstore.list(self._store, prefix) for one in batch]
            else:
                found = [*obstore.list_with_delimiter(self._store, prefix)["objects"]]
            return sorted(one["path"] for one in found)

    def written(self, prefix: str) -> dict[str, float]:
        with self._needed(prefix):
            return {
                one["path"]: one["last_modified"].timestamp()
                for batch in obstore.list(self._store, prefix)
                for one in batch
            }

    def move(self, pairs: Sequence[tuple[str, str]], *, strict: bool = False) -> None:
        def copy(pair: tuple[str, str]) -> None:
            source, target = pair
            try:
                with self._needed(source):
                    obstore.copy(self._store, source, target)
            except Missing:
                if not strict:
                    return
                try:
                    with self._needed(target):
                        obstore.head(self._store, target)
                except Missing as error:
                    raise lost(target) from error

        _together(copy, pairs)
        self.delete([source for source, _ in pairs])

    def delete(self, keys: Sequence[str]) -> None:
        def remove(key: str) -> None:
            with contextlib.suppress(Missing), self._needed(key):
                obstore.delete(self._store, key)

        _together(remove, keys)

    @contextlib.contextmanager
    def _needed(self, key: str) -> Generator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise Missing(f"{self._name}/{key} is not there") from error
        except NotSupportedError as error:
            raise ArchiveUnavailable(
                f"{self._name} knows no conditional writes (If-None-Match), which the archive needs"
            ) from error
        except (BaseError, OSError) as error:
            # What follows the first line are its own fields, at length.
            reason = str(error).partition("\n")[0]
            raise ArchiveUnavailable(f"{self._name}/{key}: {reason}") from error


def _together(call: Callable[[T], None], items: Iterable[T]) -> None:
    with Threads(_AT_ONCE, "archive-s3") as pool:
        for _ in pool.map(call, items):
            pass
