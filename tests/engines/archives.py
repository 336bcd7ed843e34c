"""Stores of objects for tests of the archive, and some whose users are killed or held up."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from services.pipeline.archive.folder import FolderObjects
from services.pipeline.archive.objects import Objects
from services.pipeline.archive.s3 import S3Objects
from tests.engines.s3.server import BUCKET, S3Server


@contextmanager
def empty_objects(request: pytest.FixtureRequest, kind: str, folder: Path) -> Generator[Objects]:
    """A store with nothing in it, `folder` or `s3`."""
    if kind == "folder":
        yield FolderObjects(folder)
        return
    server: S3Server = request.getfixturevalue("s3_server")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environ().items():
            patch.setenv(name, value)
        yield S3Objects(BUCKET, uuid.uuid4().hex, timeout_s=20)


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it runs."""


class Dying:
    """A store whose user is killed just before its `last`-th change."""

    def __init__(self, objects: Objects, last: int) -> None:
        self._objects = objects
        self._left = last
        self._lock = threading.Lock()

    @property
    def reached(self) -> bool:
        """Whether it came to that."""
        return self._left <= 0

    def back(self) -> None:
        """It was no kill: the store was away, and is there again."""
        self._left = 1 << 30

    def put(self, key: str, blob: bytes) -> None:
        self._change(lambda: self._objects.put(key, blob))

    def create(self, key: str, blob: bytes) -> bool:
        done: bool = self._change(lambda: self._objects.create(key, blob))
        return done

    def get(self, key: str) -> bytes:
        return self._objects.get(key)

    def keys(self, prefix: str, *, deep: bool = True) -> list[str]:
        return self._objects.keys(prefix, deep=deep)

    def written(self, prefix: str) -> dict[str, float]:
        return self._objects.written(prefix)

    def move(self, pairs: Sequence[tuple[str, str]], *, strict: bool = False) -> None:
        for pair in pairs:
            self._change(lambda pair=pair: self._objects.move([pair], strict=strict))

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._change(lambda key=key: self._objects.delete([key]))

    def _change(self, call: Callable[[], Any]) -> Any:
        with self._lock:
            self._left -= 1
            if self.reached:
                raise Killed
            return call()


class Interrupted(Dying):
    """A store whose user is held up just before its `at`-th change while others act, and perhaps
    killed before a later one."""

    def __init__(
        self, objects: Objects, at: int, meanwhile: Callable[[], Any], last: int = 1 << 30
    ) -> None:
        super().__init__(objects, last)
        self._until = at
        self._meanwhile = meanwhile

    def _change(self, call: Callable[[], Any]) -> Any:
        with self._lock:
            self._until -= 1
            if self._until == 0:
                self._meanwhile()
        return super()._change(call)
