"""What does not count yet: each writer's in a folder of its own, so that no two ever mix.

    _staging/{topic}/{writer}/…            rolls
    _staging/{topic}.compact/{writer}/…    replacements of days, which go on meanwhile

Older versions had no writers, and their files lie directly in the area.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple
from uuid import uuid4

from services.pipeline.archive.manifest import ArchiveFile
from services.pipeline.archive.objects import STAGING, Objects

_STAGED = re.compile(r"(tenant=.*)%(date=[\d-]+)%(hour=\d\d)%([^%]+\.parquet)")
_REPLACED = "replaced-"


class Left(NamedTuple):
    """An object that was found staged."""

    key: str
    writer: str

    @property
    def path(self) -> str:
        """Whither it was to go; empty if it is no part file."""
        match = _STAGED.fullmatch(self.key.rpartition("/")[2])
        return "/".join(match.groups()) if match else ""

    @property
    def replaces(self) -> bool:
        """Whether it tells which files a replacement leaves behind."""
        name = self.key.rpartition("/")[2]
        return name.startswith(_REPLACED) and name.endswith(".json")


def area_of_days(topic: str) -> str:
    """Where replacements are staged: not where rolls are, which go on meanwhile."""
    return f"{topic}.compact"


def staged_key(area: str, path: str, writer: str) -> str:
    """Where a writer has a file until it gets its name."""
    return "/".join(filter(None, (STAGING, area, writer, path.replace("/", "%"))))


class Staging:
    """What one writer has staged, and what it finds of others."""

    def __init__(self, objects: Objects, writer: str) -> None:
        self._objects = objects
        self.writer = writer

    def put(self, area: str, path: str, blob: bytes) -> None:
        """Stage a file."""
        self._objects.put(staged_key(area, path, self.writer), blob)

    def mark(self, area: str, paths: Sequence[str]) -> str:
        """Note which files a replacement leaves behind; returns the note's key."""
        key = staged_key(area, f"{_REPLACED}{uuid4().hex}.json", self.writer)
        self._objects.put(key, json.dumps({"paths": list(paths)}).encode())
        return key

    def publish(
        self, topic: str, area: str, files: Iterable[ArchiveFile], *, strict: bool = False
    ) -> None:
        """Give files their names, wherever their writers have them."""
        pairs = [
            (staged_key(area, file.path, file.writer), f"{topic}/{file.path}") for file in files
        ]
        self._objects.move(pairs, strict=strict)

    def remove(self, area: str, paths: Iterable[str]) -> None:
        """Take back what this writer staged."""
        self._objects.delete([staged_key(area, path, self.writer) for path in paths])

    def left(self, area: str) -> list[Left]:
        """What is staged now, whoever did it."""
        start = f"{STAGING}/{area}/"
        return [
            Left(key, key.removeprefix(start).rpartition("/")[0])
            for key in self._objects.keys(start)
        ]

    def finish(
        self, topic: str, left: Sequence[Left], named: Callable[[str], ArchiveFile | None]
    ) -> None:
        """Do the rest of replacements whose manifests stand. It harms none that is under way.

        `named` is a path's file, if it counts.
        """
        area = area_of_days(topic)
        files = [(one, named(one.path)) for one in left if one.path]
        self.publish(
            topic, area, [file for one, file in files if file and file.writer == one.writer]
        )
        for one in left:
            if one.replaces:
                paths = json.loads(self._objects.get(one.key))["paths"]
                self._objects.delete([f"{topic}/{path}" for path in paths if not named(path)])

    def delete(self, left: Iterable[Left]) -> None:
        """Remove what was found."""
        self._objects.delete([one.key for one in left])
