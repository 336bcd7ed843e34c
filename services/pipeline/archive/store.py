"""Rolls and days over a store of objects: whole or not at all, wherever a process is killed.

A roll is what one write adds. Its files are staged, then its manifest is written, then the files
get their names. Once the manifest stands the roll counts, and `recover` gives names to what is
still staged; before that it does not, and `recover` removes it. The manifest also says through
which log offset of each partition the topic is archived, so that rows and the reader's place move
together. Nobody who looks for part files ever sees one that does not count.

One process writes an archive, the pipeline; any number read it.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

from services.pipeline.archive.errors import ArchiveError, Missing
from services.pipeline.archive.manifest import (
    ArchiveFile,
    Day,
    Roll,
    day_lines,
    read_day,
    read_roll,
    roll_lines,
)
from services.pipeline.archive.objects import STAGING, Objects
from services.pipeline.arrow import pa, parquet

K = TypeVar("K")
T = TypeVar("T")
_STAGED = re.compile(r"(tenant=.*)%(date=[\d-]+)%(hour=\d\d)%([^%]+\.parquet)")
_REPLACED = "replaced-"
_AT_ONCE = 8


class Archive:
    """An archive of any number of topics. It blocks."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self.rewriting = threading.Lock()
        """Held by whoever replaces days."""
        self._writing: dict[str, threading.Lock] = {}

    def recover(self, topic: str) -> Roll | None:
        """Finish or undo what a killed process left, and return the newest roll.

        Whoever replaces days is waited for: what they have staged is nothing that was left.
        """
        with self.rewriting:
            numbers = self._roll_numbers(topic)
            newest = self._roll(topic, numbers[-1]) if numbers else None
            if newest is not None:
                self._publish(topic, topic, [file.path for file in newest.files])
            self._objects.delete(self._objects.keys(f"{STAGING}/{topic}/"))
            self.settle(topic)
            return newest

    def write(
        self, topic: str, files: Mapping[str, Any], through: Mapping[int, int], after: Roll | None
    ) -> Roll:
        """Add a roll of Arrow tables, by path, next to `after`. It may be tried again.

        Raises:
            ArchiveError: it was not added, or not known to be.
        """
        number = after.number + 1 if after else 1
        with self._writing.setdefault(topic, threading.Lock()):
            with ThreadPoolExecutor(_AT_ONCE, "archive-write") as pool:
                staging = [
                    pool.submit(self._stage, topic, path, table, number)
                    for path, table in files.items()
                ]
                entries = tuple(staged.result() for staged in staging)
            roll = Roll(number, entries, {**(after.through if after else {}), **through})
            key, blob = self._roll_key(topic, number), roll_lines(roll)
            if self._objects.create(key, blob):
                self._publish(topic, topic, list(files), strict=True)
            elif self._objects.get(key) == blob:
                self._publish_again(topic, roll)
            else:
                raise ArchiveError(
                    f"{key} is there already and another: two pipelines write this archive,"
                    " stop one"
                )
        return roll

    def newest(self, topic: str, columns: Sequence[str]) -> Iterator[Any]:
        """Read columns of the archived rows as Arrow tables, what is newest first."""
        days: dict[str, Day | None] = {}
        given: set[str] = set()

        def of_day(key: str) -> Iterator[Any]:
            day = days[key]
            if day is not None and key not in given:
                given.add(key)
                for file in sorted(day.files, key=lambda file: -file.roll):
                    yield from self._read_if_there(topic, file, columns)

        for number in reversed(self._roll_numbers(topic)):
            for file in self._roll(topic, number).files:
                if file.day not in days:
                    days[file.day] = self.day(topic, file.day)
                day = days[file.day]
                if day is None or number > day.rolls_through:
                    yield from self._read_if_there(topic, file, columns)
                else:
                    yield from of_day(file.day)
        for key in sorted(self._day_keys(topic), key=_date_of, reverse=True):
            if key not in given:
                days[key] = self.day(topic, key)
                yield from of_day(key)

    def files(
        self, topic: str, *, tenant: str = "", first: str = "", last: str = "~"
    ) -> list[ArchiveFile]:
        """What counts now, of a tenant and between two dates where they are given.

        What compaction replaces while it is read is Missing then: ask again.
        """

        def wanted(key: str) -> bool:
            whose = not tenant or ArchiveFile(key, 0, "", {}).tenant == tenant
            return whose and first <= _date_of(key) <= last

        # Days after rolls: a roll that is gone meanwhile is in days that are there by now.
        rolls = self.rolls(topic)
        keys = [key for key in self._day_keys(topic, tenant) if wanted(key)]
        days = self._all(self.day, topic, keys)
        covered = {day.key: day.rolls_through for day in days if day is not None}
        found = [file for day in days if day is not None for file in day.files]
        for roll in rolls:
            for file in roll.files:
                if wanted(file.day) and file.roll > covered.get(file.day, 0):
                    found.append(file)
        return sorted(found, key=lambda file: file.path)

    def rolls(self, topic: str) -> list[Roll]:
        """The rolls whose manifests are still there, oldest first."""
        found = self._all(self._roll_if_there, topic, self._roll_numbers(topic))
        return [roll for roll in found if roll is not None]

    def days(self, topic: str, tenant: str = "") -> tuple[int, list[tuple[Day, list[ArchiveFile]]]]:
        """The newest roll's number, and days: what their manifests say and what rolls add.

        For whoever replaces days: no roll of these is being written. All days of a tenant, or those
        of any that rolls add to.
        """
        with self._writing.setdefault(topic, threading.Lock()):
            rolls = self.rolls(topic)
        fresh: dict[str, list[ArchiveFile]] = {}
        for roll in rolls:
            for file in roll.files:
                if not tenant or file.tenant == tenant:
                    fresh.setdefault(file.day, []).append(file)
        keys = sorted({*fresh, *(self._day_keys(topic, tenant) if tenant else ())})
        found = [
            day or Day(key, (), 0)
            for key, day in zip(keys, self._all(self.day, topic, keys), strict=True)
        ]
        return (rolls[-1].number if rolls else 0), [
            (day, [file for file in fresh.get(day.key, ()) if file.roll > day.rolls_through])
            for day in found
        ]

    def day(self, topic: str, key: str) -> Day | None:
        """A day's manifest, if it has one."""
        name = self._day_key(topic, key)
        with suppress(Missing):
            return read_day(name, self._objects.get(name))
        return None

    def blob(self, topic: str, file: ArchiveFile) -> bytes:
        """The bytes of a file, wherever they are.

        Raises:
            Missing: it was replaced or removed.
            ArchiveError: they are not what was written.
        """
        blob = self._blob(topic, file.path)
        if sha256(blob).hexdigest() != file.sha256:
            raise ArchiveError(f"{topic}/{file.path} is not what was written: restore it")
        return blob

    def read(self, topic: str, file: ArchiveFile, columns: Sequence[str] | None = None) -> Any:
        """A file as an Arrow table; raises what `blob` does."""
        return _table(self.blob(topic, file), columns)

    def replace(
        self, topic: str, key: str, keep: Sequence[ArchiveFile], tables: Mapping[str, Any],
        drop: Sequence[str], rolls_through: int,
    ) -> Day:  # fmt: skip
        """Make a day consist of files to keep and of new tables; remove what it then lacks.

        Raises:
            ArchiveError: not known to be done; `settle` finishes or undoes it.
        """
        area = _area(topic)
        marker = f"{STAGING}/{area}/{_REPLACED}{uuid4().hex}.json"
        self._objects.put(marker, json.dumps({"day": key, "paths": list(drop)}).encode())
        made = [self._stage(area, path, table, rolls_through) for path, table in tables.items()]
        day = Day(key, (*keep, *made), rolls_through)
        self._objects.put(self._day_key(topic, key), day_lines(day))
        self._publish(topic, area, list(tables), strict=True)
        self._objects.delete([f"{topic}/{path}" for path in drop])
        self._objects.delete([marker])
        return day

    def forget_rolls(self, topic: str, through: int) -> None:
        """Remove manifests of rolls that days have taken over; the newest one's tells the place."""
        numbers = [number for number in self._roll_numbers(topic) if number < through]
        self._objects.delete([self._roll_key(topic, number) for number in numbers])

    def settle(self, topic: str) -> None:
        """Finish or undo a replacement that was cut off. None may be under way."""
        area = _area(topic)
        left = self._objects.keys(f"{STAGING}/{area}/")
        named: dict[str, set[str]] = {}

        def counts(path: str) -> bool:
            day = "/".join(path.split("/")[:2])
            if day not in named:
                tenant, date = ArchiveFile(day, 0, "", {}).tenant, _date_of(day)
                live = self.files(topic, tenant=tenant, first=date, last=date)
                named[day] = {file.path for file in live}
            return path in named[day]

        names = [key.rpartition("/")[2] for key in left]
        staged = ["/".join(match.groups()) for name in names if (match := _STAGED.fullmatch(name))]
        self._publish(topic, area, [path for path in staged if counts(path)])
        for key, name in zip(left, names, strict=True):
            if name.startswith(_REPLACED) and name.endswith(".json"):
                paths = json.loads(self._objects.get(key))["paths"]
                gone = [f"{topic}/{path}" for path in paths if not counts(path)]
                self._objects.delete(gone)
        self._objects.delete(left)

    def _stage(self, area: str, path: str, table: Any, roll: int) -> ArchiveFile:
        sink = pa.BufferOutputStream()
        try:
            parquet.write_table(table, sink, compression="zstd")
        except pa.ArrowException as error:
            raise ArchiveError(f"{path} does not become Parquet: {error}") from error
        blob = sink.getvalue().to_pybytes()
        self._objects.put(_staged(area, path), blob)
        digest = sha256(blob).hexdigest()
        return ArchiveFile(path, table.num_rows, digest, _offsets(table), len(blob), roll)

    def _publish_again(self, topic: str, roll: Roll) -> None:
        """Of a roll that was not known to be written: days may have taken over some of it.

        A day that names a file still counts on it.
        """
        covered = {
            file.path
            for file in roll.files
            if (day := self.day(topic, file.day)) is not None
            and day.rolls_through >= roll.number
            and file.path not in {kept.path for kept in day.files}
        }
        self._objects.delete([_staged(topic, path) for path in covered])
        left = [file.path for file in roll.files if file.path not in covered]
        self._publish(topic, topic, left, strict=True)

    def _publish(
        self, topic: str, area: str, paths: Sequence[str], *, strict: bool = False
    ) -> None:
        pairs = [(_staged(area, path), f"{topic}/{path}") for path in paths]
        self._objects.move(pairs, strict=strict)

    def _blob(self, topic: str, path: str) -> bytes:
        # Staged in between: its manifest stands, its name is about to be given.
        for key in (f"{topic}/{path}", _staged(topic, path), _staged(_area(topic), path)):
            with suppress(Missing):
                return self._objects.get(key)
        return self._objects.get(f"{topic}/{path}")

    def _read_if_there(
        self, topic: str, file: ArchiveFile, columns: Sequence[str]
    ) -> Iterator[Any]:
        with suppress(Missing):  # retention may have removed it
            yield self.read(topic, file, columns)

    def _roll_numbers(self, topic: str) -> list[int]:
        keys = self._objects.keys(f"{topic}/_manifest/", deep=False)
        names = [key.rpartition("/")[2].removesuffix(".ndjson") for key in keys]
        return sorted(int(name) for name in names if name.isdigit())

    def _day_keys(self, topic: str, tenant: str = "") -> list[str]:
        """Of a tenant, or all: there are as many as days that were ever compacted."""
        start = f"{topic}/_manifest/"
        keys = self._objects.keys(f"{start}{_folder_of(tenant)}/" if tenant else start)
        names = [key.removeprefix(start).removesuffix(".ndjson") for key in keys]
        return [name for name in names if name.startswith("tenant=")]

    def _roll(self, topic: str, number: int) -> Roll:
        key = self._roll_key(topic, number)
        return read_roll(key, self._objects.get(key))

    def _roll_if_there(self, topic: str, number: int) -> Roll | None:
        with suppress(Missing):
            return self._roll(topic, number)
        return None

    def _all(self, read: Callable[[str, K], T], topic: str, names: Sequence[K]) -> list[T]:
        with ThreadPoolExecutor(_AT_ONCE, "archive-read") as pool:
            return list(pool.map(partial(read, topic), names))

    def _roll_key(self, topic: str, number: int) -> str:
        return f"{topic}/_manifest/{number:012d}.ndjson"

    def _day_key(self, topic: str, key: str) -> str:
        return f"{topic}/_manifest/{key}.ndjson"


def _folder_of(tenant: str) -> str:
    return f"tenant={quote(tenant, safe='')}"


def _area(topic: str) -> str:
    """Where replacements are staged: not where rolls are, which go on meanwhile."""
    return f"{topic}.compact"


def _staged(area: str, path: str) -> str:
    return f"{STAGING}/{area}/{path.replace('/', '%')}"


def _date_of(key: str) -> str:
    return key.split("/")[1].removeprefix("date=")


def _table(blob: bytes, columns: Sequence[str] | None) -> Any:
    names = None if columns is None else list(columns)
    return parquet.read_table(pa.BufferReader(blob), columns=names, use_threads=False)


def _offsets(table: Any) -> dict[int, tuple[int, int]]:
    spans = table.group_by("log_partition").aggregate(
        [("log_offset", "min"), ("log_offset", "max")]
    )
    return {
        row["log_partition"]: (row["log_offset_min"], row["log_offset_max"])
        for row in spans.sort_by("log_partition").to_pylist()
    }
