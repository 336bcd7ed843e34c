"""Every event type, all the way round, unchanged.

SDK frame → edge → protobuf → log entry → kernel, and the same batch → recording line → reader →
columns → kernel: both kernels see the same columns and say the same.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.public import PrivateKey
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch, Target

from edge import session as core
from edge.effects import Accept, Admit
from edge.seal import Sealer
from edge.streams import StreamMemory
from edge.tenants import Grant
from edge.tokens import ResumeTokens
from hotpath.columns import from_wire, to_wire
from hotpath.detector import Detector, Emission
from hotpath.events import EventKind, FieldKind, TargetFlag
from hotpath.fields import EVENTS, LOG_ONLY, NOT_FROM_CLIENTS, Field
from hotpath.recording import Reader, line_of_event
from services.common.log import Record
from services.common.log.port import decode_entry, encode_entry

NOW_MS = 1_700_000_000_000
TARGETS = {
    1: ("button#pay", TargetFlag.BUTTON | TargetFlag.CTA),
    2: ("input[name=email]", TargetFlag.TEXT_FIELD),
    3: ("canvas", TargetFlag.CANVAS | TargetFlag.UNOBSERVED),
}
WIRE_TS = (Path(__file__).parents[2] / "sdk" / "js" / "src" / "wire.ts").read_text()

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=40)
_VALUES: dict[FieldKind, st.SearchStrategy[Any]] = {
    FieldKind.NUMBER: st.floats(-1e6, 1e6, width=32),
    FieldKind.COUNT: st.integers(0, 1 << 20),
    FieldKind.FLAG: st.integers(0, 1),
    FieldKind.BITS: st.integers(0, 15),
    FieldKind.TEXT: _TEXT,
    FieldKind.TARGET: st.sampled_from(sorted(TARGETS)),
    FieldKind.PROPS: st.dictionaries(_TEXT, st.integers(0, 99) | _TEXT, max_size=3),
}


def _value(field: Field) -> st.SearchStrategy[Any]:
    if field.kind == FieldKind.CHOICE:
        return st.integers(0, len(field.names) - 1)
    return _VALUES[field.kind]


def event_of(kind: EventKind) -> st.SearchStrategy[list[Any]]:
    """Wire arrays of a kind, with every field that it can have."""
    values = [_value(field) for field in EVENTS[kind]]
    return st.tuples(st.integers(0, 1_500), *values).map(lambda row: [int(kind), *row])


FROM_CLIENTS = [kind for kind in EventKind if kind not in NOT_FROM_CLIENTS]
RECORDED = [kind for kind in EventKind if kind not in LOG_ONLY]


def through_the_edge(events: list[list[Any]]) -> BehaviorBatch:
    """What the session core makes of a frame."""
    session = core.Session(
        memory=StreamMemory(),
        resume=ResumeTokens("secret"),
        sealer=Sealer(bytes(PrivateKey.generate().public_key)),
        origin=None,
    )
    hello = {"type": "hello", "key": "pk", "stream": "p1", "clock": NOW_MS, "page": "/start"}
    (admit,) = session.receive(json.dumps(hello), NOW_MS)
    assert isinstance(admit, Admit)
    session.admit(admit.hello, Grant("acme", ("*",), {}, False), NOW_MS)
    targets = [[index, name, int(flags)] for index, (name, flags) in TARGETS.items()]
    frame = {"type": "events", "seq": 1, "t0": NOW_MS, "targets": targets, "events": events}
    accept = session.receive(json.dumps(frame), NOW_MS)[0]
    assert isinstance(accept, Accept), accept
    return BehaviorBatch.FromString(accept.value)


def through_the_log(batch: BehaviorBatch) -> BehaviorBatch:
    """What a reader of the log gets."""
    blob = encode_entry([Record(b"acme\x00s", batch.SerializeToString(), {"schema": "x"})])
    return BehaviorBatch.FromString(decode_entry(0, 1, blob).records[0].value)


def table_of(batch: BehaviorBatch) -> list[tuple[str, int]]:
    return [(target.descriptor, target.flags) for target in batch.targets]


def wire_of(batch: BehaviorBatch) -> list[list[Any]]:
    """The events of a batch with their targets spelled out."""
    return spelled(to_wire(batch.columns, table_of(batch), batch.strings), table_of(batch))


def spelled(events: list[list[Any]], table: list[tuple[str, int]]) -> list[list[Any]]:
    """Replace target indexes, which differ from table to table, by what they mean."""
    rows: list[list[Any]] = []
    for event in events:
        row = list(event)
        for place, field in enumerate(EVENTS[EventKind(event[0])], start=2):
            if field.kind == FieldKind.TARGET and place < len(row):
                row[place] = table[row[place] - 1] if row[place] else None
        rows.append(row)
    return rows


def lines_of(batch: BehaviorBatch) -> list[bytes]:
    """The batch as a recording."""
    table = dict(enumerate(table_of(batch), start=1))
    t, lines = batch.t0_ms, list[bytes]()
    for event in to_wire(batch.columns, table_of(batch), batch.strings):
        t += int(str(event[1]))
        line = {"session": "s", "stream": "p1", "t": t, **line_of_event(event, table)}
        if not lines:
            line.setdefault("page", batch.page)
        lines.append(json.dumps(line).encode())
    return lines


def verdicts(*batches: tuple[int, int, str, bytes, list[tuple[str, int]], list[str]]) -> Any:
    detector = Detector()
    for seq, t0_ms, page, columns, table, strings in batches:
        detector.apply("acme", "s", "p1", seq, t0_ms, 0, page, columns, table, strings)
    emissions: list[Emission] = detector.drain()
    return [emission._replace(evidence=[]) for emission in emissions]


def check(batch: BehaviorBatch) -> None:
    """The way over a recording changes neither the events nor the verdict."""
    expected = wire_of(batch)
    recorded = list(Reader(lines_of(batch), "test"))
    found: list[list[Any]] = []
    t = batch.t0_ms
    for part in recorded:
        columns = part.columns
        rows = to_wire(columns.blob, columns.targets, columns.strings)
        rows[0][1] = part.t0_ms - t + int(str(rows[0][1]))
        t = part.t0_ms + columns.duration_ms
        found += spelled(rows, columns.targets)
    assert found == expected
    direct = verdicts(
        (1, batch.t0_ms, batch.page, batch.columns, table_of(batch), list(batch.strings))
    )
    assert direct == verdicts(
        *(
            (p.seq, p.t0_ms, p.page, p.columns.blob, p.columns.targets, p.columns.strings)
            for p in recorded
        )
    )


@pytest.mark.parametrize("kind", FROM_CLIENTS)
@settings(max_examples=25)
@given(data=st.data())
def test_each_type_from_a_page(kind: EventKind, data: st.DataObject):
    event = data.draw(event_of(kind))
    batch = through_the_log(through_the_edge([event]))
    assert wire_of(batch) == spelled([event], list(TARGETS.values()))
    check(batch)


@pytest.mark.parametrize("kind", sorted(set(RECORDED) - set(FROM_CLIENTS)))
@settings(max_examples=25)
@given(data=st.data())
def test_each_type_that_only_files_and_the_log_carry(kind: EventKind, data: st.DataObject):
    columns = from_wire([data.draw(event_of(kind))], TARGETS)
    check(
        through_the_log(
            BehaviorBatch(
                t0_ms=NOW_MS,
                count=columns.count,
                columns=columns.blob,
                targets=[Target(descriptor=name, flags=bits) for name, bits in columns.targets],
                strings=columns.strings,
            )
        )
    )


@settings(max_examples=150)
@given(st.lists(st.sampled_from(FROM_CLIENTS).flatmap(event_of), min_size=1, max_size=40))
def test_whole_frames(events: list[list[Any]]):
    batch = through_the_log(through_the_edge(events))
    assert wire_of(batch) == spelled(events, list(TARGETS.values()))
    check(batch)


def test_the_sdk_speaks_the_same_codes():
    body = re.search(r"const enum Code \{(.*?)\}", WIRE_TS, re.DOTALL)
    assert body is not None
    names = [word.split("=")[0].strip() for word in body[1].split(",") if word.strip()]
    snake = [re.sub(r"(?<!^)([A-Z])", r"_\1", name).upper() for name in names]
    assert snake == [kind.name for kind in FROM_CLIENTS]


def test_the_sdk_speaks_the_same_flags():
    flags = re.search(r'FLAGS =\s+"([a-z_ ]+)"', WIRE_TS)
    assert flags is not None
    bits = {name: 1 << bit for bit, name in enumerate(flags[1].split())}
    assert bits == {flag.name.lower(): int(flag) for flag in TargetFlag}
