"""Inputs to begin with, made from the labelled visits of tests/cases."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

from sentientiq.behavior.v1.types_pb2 import BehaviorBatch
from websockets.frames import Frame, Opcode

from hotpath import fields
from hotpath.columns import to_wire
from hotpath.detector import Detector
from hotpath.events import EventKind, TargetFlag
from tests import visits
from tests.fuzz import targets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ODD = (float("nan"), -1.0, 0.5, 255.5, -3e38, 3e38, 2.0**31, -(2.0**31) - 512, -0.0, 1e-45)
"""Numbers that no client sends: what kernels once left to the machine is tried by every run."""
VISITS = 60
"""Of the visits, so many; spread over all of them."""


def write(folder: Path) -> None:
    """Write each target's seeds into a folder of its name."""
    labelled = visits.labelled()
    some = labelled[:: max(1, len(labelled) // VISITS)]
    for name, made in _made(some).items():
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        for old in place.iterdir():
            old.unlink()
        longest = targets.TARGETS[name].longest
        for number, seed in enumerate(seed for seed in made if len(seed) <= longest):
            (place / f"{number:04}").write_bytes(seed)


def _made(some: list[list[bytes]]) -> dict[str, list[bytes]]:
    parsed = [[BehaviorBatch.FromString(blob) for blob in visit] for visit in some]
    turns = visits.mixed(some)
    return {
        "columns": [
            bytes([min(len(b.targets), 255), min(len(b.strings), 255)]) + b.columns
            for visit in parsed for b in visit[:2]
        ],
        "messages": [
            *(bytes([255]) + targets.joined(visit[:30]) for visit in some),
            *(bytes([9]) + targets.joined(turns[at : at + 12]) for at in range(0, 600, 12)),
        ],
        "events": [
            *(b"\7" + _odd(number) for number in ODD),
            *(b"\7" + b"".join(map(_records, visit)) for visit in parsed),
        ],
        "snapshots": list(_bodies(some)),
        "frames": [*_other_frames(), *(b"\n".join(_frames(visit)) for visit in parsed)],
        "sockets": [
            *(bytes([number]) + b"".join(_odd_wire(number)) for number in range(12)),
            *(b"\xfe" + b"".join(map(_on_the_wire, _frames(visit[:4]))) for visit in parsed),
        ],
    }  # fmt: skip


def _odd(number: float) -> bytes:
    """Each kind of event with that number in all places, then in one place after the other.

    Each follows a press: some numbers are only looked at after one. On a text field, then on a
    button.
    """
    known, _ = targets.tables()
    places = [
        next(place for place, (_, flags) in enumerate(known, 1) if flags & flag)
        for flag in (TargetFlag.TEXT_FIELD, TargetFlag.BUTTON)
    ]
    usual: list[float] = [1, 1, 20, 1, 1]
    numbers = [[number] * 5, *([*usual[:at], number, *usual[at + 1 :]] for at in range(4))]
    press = targets.RECORD.pack(EventKind.CLICK, 90, places[1], 0, 0, 5, 5, 0, 1, 0)
    answer = targets.RECORD.pack(EventKind.REACTION, 5, 0, 0, 0, 0, 1, number, 0, 0)
    return (
        press
        + answer
        + b"".join(
            press + targets.RECORD.pack(kind, 200, place, 1, 1, *some)
            for place in places
            for some in numbers
            for kind in fields.EVENTS
        )
    )


def _records(batch: BehaviorBatch) -> bytes:
    """A batch's events as records; its targets and strings by their place in the fixed tables."""
    known, texts = targets.tables()
    own = [(t.descriptor, t.flags) for t in batch.targets]
    count, mask = struct.unpack_from("<HH", batch.columns)
    at = 4 + 5 * count
    rows = [
        list(pair)
        for pair in zip(
            batch.columns[4 : 4 + count],
            struct.unpack_from(f"<{count}I", batch.columns, 4 + count),
            strict=True,
        )
    ]
    for section in range(8):
        form, missing = ("H", 0) if section < 3 else ("f", float("nan"))
        values: tuple[float, ...] = (missing,) * count
        if mask >> section & 1:
            values = struct.unpack_from(f"<{count}{form}", batch.columns, at)
            at += count * (2 if section < 3 else 4)
        for row, value in zip(rows, values, strict=True):
            if section < 3 and value:
                if section == 0:
                    found = own[int(value) - 1]
                    value = known.index(found) + 1 if found in known else 0
                else:
                    text = batch.strings[int(value) - 1]
                    value = texts.index(text) + 1 if text in texts else 0
            row.append(value)  # type: ignore[arg-type]
    return b"".join(targets.RECORD.pack(*row) for row in rows)


def _bodies(some: list[list[bytes]]) -> Iterator[bytes]:
    for at in range(0, len(some), 2):
        detector = Detector(4)
        for visit in some[at : at + 2]:
            detector.apply_encoded(visit[: len(visit) * 2 // 3 + 1])
        detector.drain()
        blob = detector.snapshot()
        yield blob[9 + blob[8] :]


def _frames(visit: list[BehaviorBatch]) -> Iterator[bytes]:
    for seq, b in enumerate(visit[:20], 1):
        own = [(t.descriptor, t.flags) for t in b.targets]
        frame = {
            "type": "events",
            "seq": seq,
            "t0": b.t0_ms,
            "targets": [[i, name, flags] for i, (name, flags) in enumerate(own, 1)],
            "events": to_wire(b.columns, own, list(b.strings)),
        }
        yield json.dumps(frame, separators=(",", ":")).encode()


def _on_the_wire(payload: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=True)


def _odd_wire(number: int) -> Iterator[bytes]:
    """What nearly no client sends, between frames as they all send them."""
    odd = (
        _on_the_wire(b"\0", Opcode.BINARY),
        _on_the_wire(b"half", fin=False) + _on_the_wire(b"rest", Opcode.CONT),
        _on_the_wire(b"\x03\xe8", Opcode.CLOSE),
        _on_the_wire(b"\xff\xfe"),
        _on_the_wire(b"x" * 5_000),
        _on_the_wire(b"x" * (targets.LIMIT + 1)),
        b"\x81\xff" + bytes(8) + b"mask",
        b"\x89\xfe\0\x7e" + bytes(130),
        b"\xc1\x81mask?",
        b"\x81\x01?",
        b"\x81\xfe\0\x05mask12345",
        b"\x8a\x80mask",
    )
    yield _on_the_wire(b"ping", Opcode.PING)
    yield _on_the_wire("ß€😀".encode())
    yield odd[number]
    yield _on_the_wire(b"pong", Opcode.PONG)


def _other_frames() -> Iterator[bytes]:
    lines: list[dict[str, object]] = [
        {"type": "identify", "seq": 1, "t": 5, "user_id": "u", "traits": {"plan": ["a", 1, None]}},
        {"type": "outcome", "seq": 2, "intervention": "i-1", "kind": "seen", "action": "x"},
        {"type": "consent", "seq": 3, "analytics": True, "interventions": False},
        {"type": "reset", "seq": 4, "t": 1.5},
        {"type": "new", "seq": 5},
        {"type": "bye"},
        {"type": "hello", "key": "pk", "stream": "p", "consent": {"analytics": False}},
    ]
    yield b"\n".join(json.dumps(line).encode() for line in lines)
