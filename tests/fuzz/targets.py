"""What is fuzzed: each target takes any bytes and must neither crash nor say nonsense.

A target fails by an exception that its subject does not promise, by an assertion, or by what the
sanitizers report.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

import msgspec
from nacl.public import PrivateKey
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch
from websockets.frames import Frame, Opcode
from websockets.protocol import SERVER, Protocol

from edge import protocol
from edge.seal import Sealer
from edge.session import BEHAVIOR
from hotpath.columns import ColumnsError, WireError, from_wire, to_wire, validate
from hotpath.detector import Detector, SnapshotError
from hotpath.model import Model
from hotpath.websocket import pong_frame, read_frames, text_frame
from tests import visits
from tests.unit.edge.session_client import NOW, Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T0: Final = 1_700_000_000_000
FURTHEST: Final = 1 << 52
"""The highest time that a batch may name."""
MODEL: Final = Model()
"""One for all: a detector that makes its own reads files."""
TEXTS: Final = ("/shop", "{}", '{"a":[1,"b"]}', "no JSON", "[" * 2000, "ß" * 9, "")


def columns(data: bytes) -> None:
    """Bytes as columns, to wire arrays and back: what is readable says the same ever after."""
    targets = [(f"button#{i}", i) for i in range(data[0] if data else 0)]
    strings = [TEXTS[i % len(TEXTS)] for i in range(data[1] if len(data) > 1 else 0)]
    blob = data[2:]
    try:
        count = validate(blob, len(targets), len(strings))
        events = to_wire(blob, targets, strings)
        assert len(events) == count
        first = from_wire(events, dict(enumerate(targets, 1)))
    except (ColumnsError, WireError):
        return
    said = to_wire(first.blob, first.targets, first.strings)
    second = from_wire(said, dict(enumerate(first.targets, 1)))
    assert second.blob == first.blob
    assert second.strings == first.strings


def joined(pieces: list[bytes]) -> bytes:
    """Pieces in one input, each after its length."""
    return b"".join(len(piece).to_bytes(2, "little") + piece for piece in pieces)


def pieces_of(data: bytes) -> Iterator[bytes]:
    """The pieces of an input; the last one ends where the input does."""
    at = 0
    while at + 2 <= len(data):
        size = int.from_bytes(data[at : at + 2], "little")
        yield data[at + 2 : at + 2 + size]
        at += 2 + size


def messages(data: bytes) -> None:
    """Serialized batches, some in one list, for a detector that soon evicts."""
    options, batches = (data[0] if data else 0), list(pieces_of(data[1:]))
    detector = Detector(1 + options % 8, model=MODEL)
    detector.configure("t1", {"rage": 70}, ["button#save"])
    step = 1 + options // 8
    for start in range(0, len(batches), step):
        some = batches[start : start + step]
        refused = [place for place, _ in detector.apply_encoded(some)]
        assert refused == sorted(set(refused) & set(range(len(some))))
    to_the_end(detector)


RECORD: Final = struct.Struct("<BIBBB5f")
"""Kind, dt, three indexes and five numbers."""
_BATCH, _ADVANCE, _RESTORE, _EVICT, _SESSION = range(251, 256)
"""Kinds that are no event but something that is done between batches."""


@cache
def tables() -> tuple[list[tuple[str, int]], list[str]]:
    """Targets and strings that visits name, as many as a byte can number."""
    batches = [BehaviorBatch.FromString(b) for b in visits.mixed(visits.labelled()[:60])]
    targets = dict.fromkeys((t.descriptor, t.flags) for b in batches for t in b.targets)
    strings = dict.fromkeys(text for b in batches for text in b.strings)
    return list(targets)[:255], list(strings)[:255]


def events(data: bytes) -> None:
    """Events of any kind with any numbers, always in valid columns: straight at the kernels."""
    targets, strings = tables()
    detector = Detector(1 + (data[0] if data else 0) % 8, model=MODEL)
    batch: list[tuple[float, ...]] = []
    t, seq, session = T0, 0, 0
    for kind, dt, *rest in RECORD.iter_unpack(data[1 : 1 + len(data[1:]) // 28 * 28]):
        if kind < _BATCH:
            batch.append((kind, dt, *rest))
            if len(batch) < 64:
                continue
        seq += 1
        blob = packed(batch, len(targets), len(strings))
        detector.apply(
            "t", f"s{session}", "p", seq, min(t, FURTHEST), session % 3, "", blob, targets, strings
        )
        t += int(sum(event[1] for event in batch))
        batch = []
        if kind == _ADVANCE:
            t += dt
            detector.advance("t", f"s{session}", "p", t)
        elif kind == _RESTORE:
            detector.drain()
            detector.restore(detector.snapshot())
        elif kind == _EVICT:
            detector.evict_idle(t - dt)
        elif kind == _SESSION:
            session = rest[0]
    detector.apply("t", "s0", "p", seq + 1, min(t, FURTHEST), 0, "", packed(
        batch, len(targets), len(strings)), targets, strings)  # fmt: skip
    to_the_end(detector)


def packed(batch: list[tuple[float, ...]], targets: int, strings: int) -> bytes:
    """Records as columns with every section; indexes and numbers are made to pass the checks."""
    count = len(batch)
    kinds, dts, *sections = zip(*batch, strict=True) if batch else [()] * 10
    out = struct.pack(f"<HH{count}B{count}I", count, 0xFF, *kinds, *dts)
    for place, section in enumerate(sections[:3]):
        room = (strings if place else targets) + 1
        out += struct.pack(f"<{count}H", *(index % room for index in section))
    for section in sections[3:]:
        finite = (x if abs(x) != float("inf") else float("nan") for x in section)
        out += struct.pack(f"<{count}f", *finite)
    return out


def snapshots(data: bytes) -> None:
    """Bytes as the body of a snapshot whose checksum is right; then the visits go on."""
    detector = Detector(4, model=MODEL)
    try:
        detector.restore(sealed(data))
    except SnapshotError:
        return
    names = msgspec.msgpack.decode(data)[0][:4]
    for hours in (1, 24 * 30):
        for tenant, session, stream in names:
            for b in _continuation():
                detector.apply(
                    tenant, session, stream, 0, b.t0_ms + hours * 3_600_000, b.pointer, b.page,
                    b.columns, [(t.descriptor, t.flags) for t in b.targets], b.strings,
                )  # fmt: skip
    to_the_end(detector)


def sealed(body: bytes) -> bytes:
    """A snapshot with that body."""
    empty = Detector(1, model=MODEL).snapshot()
    version, size, _ = msgspec.msgpack.decode(empty[9 : 9 + empty[8]])
    head = msgspec.msgpack.encode([version, size, crc32(body)])
    return empty[:8] + bytes([len(head)]) + head + body


@cache
def _continuation() -> list[BehaviorBatch]:
    return [BehaviorBatch.FromString(b) for visit in visits.labelled()[20:26] for b in visit]


_SEALER: Final = Sealer(bytes(PrivateKey.generate().public_key))
_MAY_REFUSE: Final = ("t0 ", "seq ")
"""The session core leaves times and numbers as wide as JSON has them."""


def frames(data: bytes) -> None:
    """Lines as a client's frames: what the edge accepts, detection accepts."""
    client, detector, accepted = Client(sealer=_SEALER).hello(), Detector(4, model=MODEL), 0
    for number, line in enumerate(data.split(b"\n")):
        with suppress(protocol.BadMessage, protocol.UnknownType):
            protocol.decode(line)
        if client.closed is not None:
            client, accepted = Client(sealer=_SEALER).hello(), 0
        client.say_raw(line.decode(errors="replace"), NOW + 1000 * number)
        for effect in client.accepted[accepted:]:
            if effect.topic == BEHAVIOR:
                for _, why in detector.apply_encoded([effect.value]):
                    assert why.startswith(_MAY_REFUSE), why
        accepted = len(client.accepted)
    to_the_end(detector)


LIMIT: Final = 6_000
"""Most bytes of a WebSocket message: some lie on the stack, some are too long for it."""


def sockets(data: bytes) -> None:
    """Bytes as a client's WebSocket, whole and in pieces: `websockets` reads the same there."""
    size, stream = 1 + (data[0] if data else 0), data[1:]
    messages, taken, strange = read_frames(stream, LIMIT)
    told: list[str | bytes | None] = []
    rest, odd = b"", False
    for at in range(0, len(stream), size):
        rest += stream[at : at + size]
        some, used, odd = read_frames(rest, LIMIT)
        told, rest = told + some, rest[used:]
        if odd:
            break
    assert (told, odd) == (messages, strange)
    assert stream[taken:].startswith(rest)

    library = Protocol(SERVER, max_size=LIMIT)
    library.receive_data(stream[:taken])
    expected: list[str | bytes | None] = []
    for frame in library.events_received():
        assert isinstance(frame, Frame)
        own = bytes(frame.data)
        if frame.opcode is Opcode.PONG:
            expected.append(None)
        else:
            expected.append(own.decode() if frame.opcode is Opcode.TEXT else own)
    assert messages == expected
    if not strange:  # then the rest is the beginning of a frame, to the library too
        library.receive_data(stream[taken:])
        assert not library.events_received()
    assert library.parser_exc is None

    for message in messages:
        if message is None:
            continue
        if isinstance(message, str):
            frame, made = Frame(Opcode.TEXT, message.encode()), text_frame(message)
        else:
            frame, made = Frame(Opcode.PONG, message), pong_frame(message)
        assert made == frame.serialize(mask=False)


def to_the_end(detector: Detector) -> None:
    """Fire the timers, take a snapshot and go on from it, forget everything."""
    wakes = detector.wakes()[-20:]
    for wake in wakes:
        detector.advance(*wake)
    detector.drain()
    copy, second = Detector(1, model=MODEL), Detector(1, model=MODEL)
    copy.restore(detector.snapshot())
    # Not the first one's: the places of visits in memory are in it, and are given anew.
    second.restore(copy.snapshot())
    assert second.snapshot() == copy.snapshot()
    for tenant, session, stream, due in copy.wakes()[:20]:
        assert copy.advance(tenant, session, stream, due) == detector.advance(
            tenant, session, stream, due
        )
        assert copy.scores(tenant, session) == detector.scores(tenant, session)
    assert copy.drain() == detector.drain()
    held = len(detector)
    assert detector.evict_idle(2 * FURTHEST) == held


class Target(NamedTuple):
    """A target and how long its inputs may be."""

    run: Callable[[bytes], None]
    longest: int


TARGETS: Final = {
    "columns": Target(columns, 4096),
    "messages": Target(messages, 16_384),
    "events": Target(events, 1 + 600 * RECORD.size),
    "snapshots": Target(snapshots, 32_768),
    "frames": Target(frames, 16_384),
    "sockets": Target(sockets, 16_384),
}
