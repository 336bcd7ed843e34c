"""Rolls and days over a store of objects: whole or not at all, wherever a process is killed.

A roll is what one write adds. Its files are staged, then its manifest is written, then the files
get their names. Once the manifest stands the roll counts, and `recover` gives names to what is
still staged; before that it does not, and `recover` removes it. The manifest also says through
which log offset of each partition the topic is archived, so that rows and the reader's place move
together. Nobody who looks for part files ever sees one that does not count.

One process writes an archive, the pipeline; any number read it. While one takes over from another
there may be two for a moment, and by mistake for longer. They stage apart, and one of them gets a
roll's number: whoever removes what others have staged first takes the next number with an empty
roll, after which nothing of theirs can come to count.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

from services.pipeline.archive import parts
from services.pipeline.archive.errors import Damaged, Missing, Superseded
from services.pipeline.archive.manifest import (
    ArchiveFile,
    Day,
    Roll,
    day_lines,
    read_day,
    read_roll,
    roll_lines,
)
from services.pipeline.archive.objects import Objects
from services.pipeline.archive.parts import stored_ms
from services.pipeline.archive.staging import Left, Staging, area_of_days, staged_key
from services.pipeline.threads import Threads

K = TypeVar("K")
T = TypeVar("T")
_AT_ONCE = 8
# By then who was held up just before it wrote a day's manifest has written it, or never will.
_SURELY_S = 600.0
_CLOCKS_MS = 3_600_000
"""How far the clock of a store may be from ours."""


class Archive:
    """An archive of any number of topics. It blocks."""

    def __init__(self, objects: Objects, clock: Callable[[], float] = time.monotonic) -> None:
        self._objects = objects
        self._clock = clock
        self._staging = Staging(objects, uuid4().hex[:16])
        self.rewriting = threading.Lock()
        """Held by whoever replaces days."""
        self.days_skipped = 0
        """How often a day was not replaced because a file of it is damaged."""
        self._writing: dict[str, threading.Lock] = {}
        self._mine: dict[str, int] = {}
        """The newest roll that this process took up or wrote, by topic."""
        self._abandoned: dict[str, tuple[float, list[Left]]] = {}
        """What others had staged for days when this process started, and when that was."""

    def recover(self, topic: str) -> Roll | None:
        """Finish or undo what a killed process left, and return the newest roll.

        Whoever replaces days is waited for: what they have staged is nothing that was left.
        """
        areas = (topic, area_of_days(topic))
        with self.rewriting:
            while True:
                numbers = self._roll_numbers(topic)
                newest = self._roll(topic, numbers[-1]) if numbers else None
                if newest is not None:
                    # What a day has taken over has no name to get: erased rows would come back.
                    self._staging.publish(topic, topic, self._still_of(topic, newest))
                left, of_days = (self._staging.left(area) for area in areas)
                if not left and not of_days:
                    break
                fence = self._empty_after(newest)
                if self._objects.create(self._roll_key(topic, fence.number), roll_lines(fence)):
                    newest = fence
                    break
            self._mine[topic] = newest.number if newest else 0
            self._finish(topic, of_days)
            # Only what was there before the fence: who comes after it has seen it, and goes on.
            self._staging.delete(left)
            # No number guards days. Whoever replaces one looks for a fence just before.
            self._abandoned[topic] = self._clock(), of_days
            return newest

    def _empty_after(self, newest: Roll | None) -> Roll:
        number, through = (newest.number, newest.through) if newest else (0, dict[int, int]())
        return Roll(number + 1, (), through, self._staging.writer)

    def write(
        self, topic: str, files: Mapping[str, Any], through: Mapping[int, int], after: Roll | None
    ) -> Roll:
        """Add a roll of Arrow tables, by path, next to `after`. It may be tried again.

        Raises:
            Superseded: another process has added one there.
            ArchiveError: it was not added, or not known to be.
        """
        number = after.number + 1 if after else 1
        with self._writing.setdefault(topic, threading.Lock()):
            with Threads(_AT_ONCE, "archive-write") as pool:
                staging = [
                    pool.submit(self._stage, topic, path, table, number)
                    for path, table in files.items()
                ]
                entries = tuple(staged.result() for staged in staging)
            places = {**(after.through if after else {}), **through}
            roll = Roll(number, entries, places, self._staging.writer)
            key, blob = self._roll_key(topic, number), roll_lines(roll)
            if self._objects.create(key, blob):
                self._staging.publish(topic, topic, roll.files, strict=True)
            elif self._objects.get(key) == blob:
                self._publish_again(topic, roll)
            else:
                self._staging.remove(topic, files)
                raise Superseded(f"{key} is there already and another")
            self._mine[topic] = number
        return roll

    def last_stored_ms(self, topic: str) -> int:
        """When the newest row of the newest roll that has any was stored; 0 if no roll has."""
        for number in reversed(self._roll_numbers(topic)):
            if files := self._roll(topic, number).files:
                return max(stored_ms(file) for file in files)
        return 0

    def newest(self, topic: str, since_ms: int) -> Iterator[ArchiveFile | None]:
        """Files with rows that were stored since a moment, and perhaps some before, the newest
        first. A None says that some were left out, which have none of these.

        What compaction replaces meanwhile is Missing then: ask again.
        """
        days: dict[str, Day | None] = {}
        for number in reversed(self._roll_numbers(topic)):
            roll = self._roll(topic, number)
            if roll.files and all(stored_ms(file) < since_ms for file in roll.files):
                yield None
                break
            for file in roll.files:
                if file.day not in days:
                    days[file.day] = self.day(topic, file.day)
                day = days[file.day]
                if day is None or number > day.rolls_through:
                    yield file
        # Days with such rows were written anew since; a store's clock is not ours.
        written = self._objects.written(f"{topic}/_manifest/")
        changed = [
            key
            for key in self._day_keys_in(topic, written)
            if written[self._day_key(topic, key)] * 1000 >= since_ms - _CLOCKS_MS
        ]
        found = [
            file
            for day in self._all(self.day, topic, changed)
            for file in (day.files if day is not None else ())
        ]
        recent = [file for file in found if stored_ms(file) >= since_ms]
        yield from sorted(recent, key=stored_ms, reverse=True)
        if len(recent) < len(found) or len(changed) < len(self._day_keys_in(topic, written)):
            yield None

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
            Damaged: they are not what was written.
        """
        blob = self._blob(topic, file)
        if sha256(blob).hexdigest() != file.sha256:
            raise Damaged(f"{topic}/{file.path} is not what was written: restore it")
        return blob

    def read(self, topic: str, file: ArchiveFile, columns: Sequence[str] | None = None) -> Any:
        """A file as an Arrow table; raises what `blob` does."""
        return parts.table_of(f"{topic}/{file.path}", self.blob(topic, file), columns)

    def replace(
        self, topic: str, key: str, keep: Sequence[ArchiveFile],
        tables: Iterable[tuple[str, Any]], drop: Sequence[str], rolls_through: int,
    ) -> Day:  # fmt: skip
        """Make a day consist of files to keep and of new tables; remove what it then lacks.

        `tables` with their paths are taken and staged one after the other, so that they need not be
        in memory together.

        Raises:
            Superseded: another process writes this archive by now.
            ArchiveError: not known to be done; `settle` finishes or undoes it.
        """
        area = area_of_days(topic)
        marker = self._staging.mark(area, drop)
        made = [self._stage(area, path, table, rolls_through) for path, table in tables]
        day = Day(key, (*keep, *made), rolls_through)
        self._require_mine(topic)
        self._objects.put(self._day_key(topic, key), day_lines(day))
        self._staging.publish(topic, area, made, strict=True)
        self._objects.delete([f"{topic}/{path}" for path in drop])
        self._objects.delete([marker])
        return day

    def _require_mine(self, topic: str) -> None:
        """Another process that goes on with rolls replaces days as well, and forgets rolls that
        ours would take for counted."""
        if topic not in self._mine:  # rolls are not ours: whoever calls knows what else runs
            return
        newest = max(self._roll_numbers(topic), default=0)
        if newest <= self._mine[topic]:
            return
        if self._roll(topic, newest).writer != self._staging.writer:
            raise Superseded(f"{self._roll_key(topic, newest)} is of another process")

    def forget_rolls(self, topic: str, through: int) -> None:
        """Remove manifests of rolls that days have taken over; the newest one's tells the place."""
        numbers = [number for number in self._roll_numbers(topic) if number < through]
        self._objects.delete([self._roll_key(topic, number) for number in numbers])

    def settle(self, topic: str) -> None:
        """Finish or undo a replacement of ours that was cut off. None may be under way.

        Those of other processes are finished; undone only if they were there long ago.
        """
        left = self._staging.left(area_of_days(topic))
        self._finish(topic, left)
        since, abandoned = self._abandoned.get(topic, (0.0, list[Left]()))
        if abandoned and self._clock() - since > _SURELY_S:
            self._staging.delete(abandoned)
            del self._abandoned[topic]
        self._staging.delete([one for one in left if one.writer == self._staging.writer])

    def _finish(self, topic: str, left: Sequence[Left]) -> None:
        days: dict[str, dict[str, ArchiveFile]] = {}

        def named(path: str) -> ArchiveFile | None:
            day = "/".join(path.split("/")[:2])
            if day not in days:
                tenant, date = ArchiveFile(day, 0, "", {}).tenant, _date_of(day)
                live = self.files(topic, tenant=tenant, first=date, last=date)
                days[day] = {file.path: file for file in live}
            return days[day].get(path)

        self._staging.finish(topic, left, named)

    def _stage(self, area: str, path: str, table: Any, roll: int) -> ArchiveFile:
        blob, file = parts.written(path, table, roll, self._staging.writer)
        self._staging.put(area, path, blob)
        return file

    def _publish_again(self, topic: str, roll: Roll) -> None:
        """Of a roll that was not known to be written: days may have taken over some of it."""
        left = self._still_of(topic, roll)
        self._staging.remove(topic, {file.path for file in roll.files} - {one.path for one in left})
        self._staging.publish(topic, topic, left, strict=True)

    def _still_of(self, topic: str, roll: Roll) -> list[ArchiveFile]:
        """Files of a roll that no day has taken over. A day that names one still counts on it."""
        days = {key: self.day(topic, key) for key in {file.day for file in roll.files}}
        return [
            file
            for file in roll.files
            if (day := days[file.day]) is None
            or day.rolls_through < roll.number
            or file.path in {kept.path for kept in day.files}
        ]

    def _blob(self, topic: str, file: ArchiveFile) -> bytes:
        # Staged in between: its manifest stands, its name is about to be given.
        staged = [staged_key(area, file.path, file.writer) for area in (topic, area_of_days(topic))]
        for key in (f"{topic}/{file.path}", *staged):
            with suppress(Missing):
                return self._objects.get(key)
        return self._objects.get(f"{topic}/{file.path}")

    def _roll_numbers(self, topic: str) -> list[int]:
        keys = self._objects.keys(f"{topic}/_manifest/", deep=False)
        names = [key.rpartition("/")[2].removesuffix(".ndjson") for key in keys]
        return sorted(int(name) for name in names if name.isdigit())

    def _day_keys(self, topic: str, tenant: str = "") -> list[str]:
        """Of a tenant, or all: there are as many as days that were ever compacted."""
        start = f"{topic}/_manifest/"
        keys = self._objects.keys(f"{start}{_folder_of(tenant)}/" if tenant else start)
        return self._day_keys_in(topic, keys)

    def _day_keys_in(self, topic: str, keys: Iterable[str]) -> list[str]:
        start = f"{topic}/_manifest/"
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
        with Threads(_AT_ONCE, "archive-read") as pool:
            return list(pool.map(partial(read, topic), names))

    def _roll_key(self, topic: str, number: int) -> str:
        return f"{topic}/_manifest/{number:012d}.ndjson"

    def _day_key(self, topic: str, key: str) -> str:
        return f"{topic}/_manifest/{key}.ndjson"


def _folder_of(tenant: str) -> str:
    return f"tenant={quote(tenant, safe='')}"


def _date_of(key: str) -> str:
    return key.split("/")[1].removeprefix("date=")
