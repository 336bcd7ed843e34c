"""Recordings: NDJSON, one event a line, read into batches; `fields.EVENTS` says what it holds."""

from __future__ import annotations

import gzip
import io
import math
import sys
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, cast

import msgspec

from hotpath import fields
from hotpath.columns import Columns, WireError, from_wire
from hotpath.events import EventKind, FieldKind, TargetFlag

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

BATCH_EVENTS: Final = 64
"""Events of one stream that are read into one batch at most; no verdict depends on it."""
DEFAULT_STREAM: Final = "1"
"""Stream of the lines that name none."""
ACTIVE_GAP_MS: Final = 30_000
"""Longer gaps between two lines of a session are not active time."""

KINDS: Final[Mapping[str, EventKind]] = {
    kind.name.lower(): kind for kind in fields.EVENTS if kind not in fields.LOG_ONLY
}
FLAGS: Final[Mapping[str, TargetFlag]] = {flag.name.lower(): flag for flag in TargetFlag}
_COMMON: Final = frozenset({"session", "stream", "t", "type", "page", "ptr"})
_KNOWN: Final[Mapping[EventKind, frozenset[str]]] = {
    kind: _COMMON
    | {field.name for field in table}
    | {"flags" for field in table if field.kind == FieldKind.TARGET}
    for kind, table in fields.EVENTS.items()
}
_MEND: Final = "one JSON object a line with session, t and type: docs/contracts.md, 4.5"
_GZIP_MAGIC: Final = b"\x1f\x8b"

Line = dict[str, object]
Event = list[object]
TargetTable = dict[int, tuple[str, int]]


class RecordingError(ValueError):
    """A recording cannot be used. Names the file and line, and says how to mend it."""

    def __init__(self, file: str, line: int, reason: str, mend: str = _MEND) -> None:
        super().__init__(f"{file}:{line}: {reason} (expected {mend})")
        self.file = file
        self.line = line
        self.reason = reason
        self.mend = mend


class UnknownWord(Exception):
    """A word from a newer version stands where one of a fixed set must."""


class RecordedBatch(NamedTuple):
    """Consecutive events of one stream."""

    session: str
    stream: str
    seq: int
    """Dense in the stream, from 1."""
    t0_ms: int
    """Epoch ms of the first event."""
    pointer: int
    """Position in `fields.POINTERS`."""
    page: str
    """As the lines say; empty: not said."""
    events: list[Event]
    """Wire arrays."""
    targets: TargetTable
    """Targets of `events`, by index."""
    lines: list[int]
    """Line number of each event, from 1."""
    columns: Columns
    """The same events as columns; names its targets by an index of its own."""


def _word_number(field: fields.Field, value: object) -> int:
    if not isinstance(value, str) or value not in field.names:
        raise UnknownWord(field.name)
    return field.names.index(value)


def _word_bits(field: fields.Field, value: object) -> object:
    if not isinstance(value, list):
        return value
    words = cast("list[object]", value)
    return sum(1 << _word_number(field, word) for word in words)


def flag_bits(words: object) -> tuple[int, int]:
    """Return the bits of a line's `flags`, and how many words were unknown."""
    bits = unknown = 0
    for word in cast("list[object]", words) if isinstance(words, list) else ():
        flag = FLAGS.get(word) if isinstance(word, str) else None
        if flag is None:
            unknown += 1
        else:
            bits |= flag
    return bits, unknown


def event_of_line(line: Line, kind: EventKind, dt: int, target: int) -> Event:
    """Turn a line into a wire array.

    Args:
        line: a decoded line of that kind.
        kind: what its `type` means.
        dt: ms since the event before.
        target: index of the line's target in the table that goes with the array; 0: none.

    Raises:
        KeyError: a required field is missing; its name.
        UnknownWord: a choice is not one of this version's.
    """
    event: Event = [int(kind), dt]
    for field in fields.EVENTS[kind]:
        value = line.get(field.name)
        if value is None:
            if not field.optional:
                raise KeyError(field.name)
        elif field.kind == FieldKind.CHOICE:
            value = _word_number(field, value)
        elif field.kind == FieldKind.BITS:
            value = _word_bits(field, value)
        elif field.kind == FieldKind.TARGET:
            value = target
        event.append(value)
    while event[-1] is None:
        event.pop()
    return event


def line_of_event(event: Event, targets: Mapping[int, tuple[str, int]]) -> Line:
    """Turn a wire array back into a line, without session, stream and t.

    Args:
        event: an array that `from_wire` accepts.
        targets: the table that its target index points into.

    Raises:
        KeyError: the target is not in the table.
    """
    kind = EventKind(cast("int", event[0]))
    line: Line = {"type": kind.name.lower()}
    for field, value in zip(fields.EVENTS[kind], event[2:], strict=False):
        if value is None:
            continue
        if field.kind == FieldKind.TARGET:
            descriptor, flags = targets[cast("int", value)] if value else ("", 0)
            line["target"] = descriptor
            line["flags"] = [word for word, flag in FLAGS.items() if flags & flag]
        elif field.kind == FieldKind.CHOICE:
            line[field.name] = field.names[cast("int", value)]
        elif field.kind == FieldKind.BITS:
            bits = cast("int", value)
            line[field.name] = [name for i, name in enumerate(field.names) if bits >> i & 1]
        elif field.kind == FieldKind.FLAG:
            line[field.name] = bool(value)
        else:
            line[field.name] = value
    return line


class _Open:
    """The batch being filled."""

    def __init__(self, session: str, stream: str, t: int, pointer: int, page: str) -> None:
        self.key = (session, stream)
        self.t0 = self.t = t
        self.pointer = pointer
        self.page = page
        self.events: list[Event] = []
        self.lines: list[int] = []
        self.places: dict[tuple[str, int], int] = {}

    def place(self, descriptor: str, flags: int) -> int:
        """Return the index of a target, from 1."""
        return self.places.setdefault((descriptor, flags), len(self.places) + 1)

    def close(self, seq: int, file: str) -> RecordedBatch:
        """Make the batch, or name the line that breaks the format."""
        targets = {place: target for target, place in self.places.items()}
        try:
            columns = from_wire(self.events, targets)
        except WireError as error:
            line = self.lines[min(error.index, len(self.lines) - 1)]
            raise RecordingError(file, line, f"a field does not fit: {error.reason}") from None
        return RecordedBatch(
            *self.key, seq, self.t0, self.pointer, self.page, self.events, targets, self.lines,
            columns,
        )  # fmt: skip


class Reader:
    """Reads lines into batches of consecutive events of one stream.

    Args:
        lines: of the recording, in order.
        file: its name, for errors.
        strip: target flags to take off every target.
        most_ms: how long a batch lasts at most.

    Attributes:
        skipped: lines and fields left out, by reason: `type`, `field`, `flag`, `word`.
        events: lines read.
        active_ms: sum over sessions of the gaps of at most 30 s between lines.
    """

    def __init__(
        self, lines: Iterable[bytes], file: str, *, strip: int = 0, most_ms: float = math.inf
    ) -> None:
        self._lines = lines
        self._file = file
        self._keep = ~strip
        self._most_ms = most_ms
        self._seqs: dict[tuple[str, str], int] = {}
        self._last_t: dict[str, int] = {}
        self._decode = msgspec.json.Decoder().decode
        self.skipped: Counter[str] = Counter()
        self.events = 0
        self.active_ms = 0
        self.line = 0

    @property
    def sessions(self) -> int:
        """Sessions seen so far."""
        return len(self._last_t)

    def __iter__(self) -> Iterator[RecordedBatch]:
        """Yield the batches.

        Raises:
            RecordingError: a line cannot be used.
        """
        batch: _Open | None = None
        for number, raw in enumerate(self._lines, 1):
            self.line = number
            if not raw.strip():
                continue
            line = self._parse(raw)
            session, t = self._who_and_when(line)
            kind = self._kind(line)
            if kind is None:
                continue
            stream = self._text(line, "stream", DEFAULT_STREAM)
            pointer = self._pointer(line)
            page = self._text(line, "page", "") if kind != EventKind.PAGE_VIEW else ""
            if batch is None or not self._fits(batch, session, stream, t, pointer, page):
                if batch is not None and batch.events:
                    yield self._close(batch)
                batch = _Open(session, stream, t, pointer, page)
            self._add(batch, line, kind, t)
        if batch is not None and batch.events:
            yield self._close(batch)

    def _fail(self, reason: str) -> RecordingError:
        return RecordingError(self._file, self.line, reason)

    def _parse(self, raw: bytes) -> Line:
        try:
            line = self._decode(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            raise self._fail(f"not JSON: {error}") from None
        if not isinstance(line, dict):
            raise self._fail("not an object")
        return cast("Line", line)

    def _text(self, line: Line, name: str, default: str) -> str:
        value = line.get(name, default)
        if not isinstance(value, str):
            raise self._fail(f"`{name}` is not a string")
        return value

    def _who_and_when(self, line: Line) -> tuple[str, int]:
        session, t = line.get("session"), line.get("t")
        if not isinstance(session, str) or not session:
            raise self._fail("`session` is missing or not a string")
        if isinstance(t, float) and t.is_integer():
            t = int(t)
        if not isinstance(t, int) or isinstance(t, bool) or not 0 <= t <= 1 << 52:
            raise self._fail("`t` is missing or not epoch milliseconds")
        last = self._last_t.get(session)
        if last is None or t > last:
            if last is not None and t - last <= ACTIVE_GAP_MS:
                self.active_ms += t - last
            self._last_t[session] = t
        self.events += 1
        return session, t

    def _kind(self, line: Line) -> EventKind | None:
        word = line.get("type")
        if not isinstance(word, str):
            raise self._fail("`type` is missing or not a string")
        kind = KINDS.get(word)
        if kind is None:
            self.skipped["type"] += 1
        elif not line.keys() <= _KNOWN[kind]:
            self.skipped["field"] += len(line.keys() - _KNOWN[kind])
        return kind

    def _pointer(self, line: Line) -> int:
        word = line.get("ptr", fields.POINTERS[0])
        if not isinstance(word, str) or word not in fields.POINTERS:
            self.skipped["word"] += 1
            return 0
        return fields.POINTERS.index(word)

    def _fits(
        self, batch: _Open, session: str, stream: str, t: int, pointer: int, page: str
    ) -> bool:
        return (
            batch.key == (session, stream)
            and 0 <= t - batch.t <= fields.MAX_DT_MS
            and t - batch.t0 <= self._most_ms
            and batch.pointer == pointer
            and page in ("", batch.page)
            and len(batch.events) < BATCH_EVENTS
        )

    def _add(self, batch: _Open, line: Line, kind: EventKind, t: int) -> None:
        target = 0
        descriptor = line.get("target")
        if descriptor is not None and "target" in _KNOWN[kind]:
            if not isinstance(descriptor, str):
                raise self._fail("`target` is not a string")
            bits, unknown = flag_bits(line.get("flags"))
            if unknown:
                self.skipped["flag"] += unknown
            target = batch.place(descriptor, bits & self._keep)
        try:
            event = event_of_line(line, kind, t - batch.t, target)
        except KeyError as error:
            raise self._fail(f"`{error.args[0]}` is missing") from None
        except UnknownWord:
            self.skipped["word"] += 1
            return
        batch.events.append(event)
        batch.lines.append(self.line)
        batch.t = t

    def _close(self, batch: _Open) -> RecordedBatch:
        seq = self._seqs.get(batch.key, 0) + 1
        self._seqs[batch.key] = seq
        return batch.close(seq, self._file)


@contextmanager
def open_lines(path: str) -> Generator[Iterable[bytes]]:
    """Open a recording, gzipped or not; `-` is the standard input.

    Raises:
        RecordingError: it cannot be opened or unpacked.
    """
    try:
        raw: BinaryIO = sys.stdin.buffer if path == "-" else open(path, "rb")  # noqa: SIM115
        with raw, io.BufferedReader(cast("io.RawIOBase", raw)) as buffered:
            if buffered.peek(2)[:2] == _GZIP_MAGIC:
                with gzip.GzipFile(fileobj=buffered) as unpacked:
                    yield unpacked
            else:
                yield buffered
    except (OSError, EOFError) as error:
        raise RecordingError(path, 0, f"cannot be read: {error}", "a readable file") from error
