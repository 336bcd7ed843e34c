"""Columns: wire arrays in, wire arrays out, and nothing unsafe in between."""

from __future__ import annotations

import struct
import timeit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotpath import fields
from hotpath.columns import ColumnsError, WireError, from_wire, to_wire, validate
from hotpath.detector import Detector
from hotpath.events import EventKind, FieldKind

TABLE = {7: ("button#buy", 2), 9: ("a.more", 1)}
_f32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


def _value(field: fields.Field) -> st.SearchStrategy[object]:
    match field.kind:
        case FieldKind.NUMBER:
            return _f32
        case FieldKind.COUNT:
            return st.one_of(st.integers(0, 1 << 24), _f32.filter(lambda x: x >= 0))
        case FieldKind.CHOICE:
            return st.integers(0, len(field.names) - 1)
        case FieldKind.FLAG:
            return st.integers(0, 1)
        case FieldKind.BITS:
            return st.integers(0, (1 << len(field.names)) - 1)
        case FieldKind.TARGET:
            return st.sampled_from([0, 7, 9])
        case FieldKind.TEXT:
            return st.text(max_size=40)
        case FieldKind.PROPS:
            return st.dictionaries(st.text(max_size=5), st.integers(), max_size=3)


@st.composite
def _event(draw: st.DrawFn) -> list[object]:
    kind = draw(st.sampled_from(list(fields.EVENTS)))
    event: list[object] = [int(kind), draw(st.integers(0, fields.MAX_DT_MS))]
    for field in fields.EVENTS[kind]:
        missing = field.optional and draw(st.booleans())
        event.append(None if missing else draw(_value(field)))
    while len(event) > 2 and event[-1] is None:
        event.pop()
    return event


_events = st.lists(_event(), max_size=20)


@settings(max_examples=300, deadline=None)
@given(_events)
def test_wire_round_trip(events: list[list[object]]) -> None:
    columns = from_wire(events, TABLE)
    back = to_wire(columns.blob, columns.targets, columns.strings)
    position = {
        kind: [field.kind for field in table].index(FieldKind.TARGET) + 2
        for kind, table in fields.EVENTS.items()
        if FieldKind.TARGET in [field.kind for field in table]
    }
    for event, again in zip(events, back, strict=True):
        at = position.get(EventKind(int(str(event[0]))))
        if at is not None and event[at]:
            place = int(str(again[at]))
            assert columns.targets[place - 1] == TABLE[int(str(event[at]))]
            again[at] = event[at]
        assert again == event
    assert (
        columns.count
        == validate(columns.blob, len(columns.targets), len(columns.strings))
        == len(events)
    )
    assert columns.duration_ms == sum(int(str(event[1])) for event in events)
    assert columns.kinds == sum(1 << kind for kind in {int(str(event[0])) for event in events})


def test_sections_nobody_uses_take_no_room() -> None:
    assert len(from_wire([[15, 5]] * 10, {}).blob) == 4 + 10 * 5
    assert len(from_wire([[2, 5, 1, 2]] * 10, {}).blob) == 4 + 10 * (5 + 8)


def test_unknown_kinds_are_skipped_and_keep_their_time() -> None:
    columns = from_wire([[2, 10, 1, 2], [77, 5, "?"], [78, 7], [15, 3]], {})
    assert to_wire(columns.blob, [], []) == [[2, 10, 1, 2], [15, 15]]
    assert (columns.skipped, columns.duration_ms) == (2, 25)


@pytest.mark.parametrize("kind", sorted(fields.NOT_FROM_CLIENTS))
def test_clients_cannot_write_what_the_edge_writes(kind: int) -> None:
    event: list[object] = [int(kind), 0, *([1, 1] if kind == EventKind.CONSENT else [])]
    assert from_wire([event], {}).count == 1
    assert from_wire([event], {}, client=True).skipped == 1


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("no list", "bad_event"),
        ([], "bad_arity"),
        ([2], "bad_arity"),
        ([2, 0, 1], "bad_arity"),
        ([2, 0, 1, 2, 3], "bad_arity"),
        ([2, 0, None, 2], "bad_arity"),
        (["2", 0, 1, 2], "bad_kind"),
        ([2.5, 0, 1, 2], "bad_kind"),
        ([-1, 0], "bad_kind"),
        ([2, -1, 1, 2], "bad_dt"),
        ([2, 86_400_001, 1, 2], "bad_dt"),
        ([2, float("nan"), 1, 2], "bad_dt"),
        ([2, True, 1, 2], "bad_dt"),
        ([2, 0, float("inf"), 2], "bad_number"),
        ([2, 0, float("nan"), 2], "bad_number"),
        ([2, 0, 1e39, 2], "bad_number"),
        ([2, 0, 10**400, 2], "bad_number"),
        ([2, 0, "1", 2], "bad_number"),
        ([2, 0, False, 2], "bad_number"),
        ([4, 0, 10], "bad_number"),
        ([4, 0, 0.5], "bad_number"),
        ([8, 0, 0, 2, 5], "bad_number"),
        ([14, 0, -1], "bad_number"),
        ([3, 0, 1, 2, 8], "bad_target"),
        ([3, 0, 1, 2, -1], "bad_target"),
        ([3, 0, 1, 2, "7"], "bad_target"),
        ([3, 0, 1, 2, True], "bad_target"),
        ([3, 0, 1, 2, 10**30], "bad_target"),
        ([13, 0, 5], "bad_string"),
        ([13, 0, "x" * 513], "bad_string"),
        ([13, 0, "\ud800"], "bad_string"),
        ([21, 0, "buy", [1]], "bad_props"),
        ([21, 0, "buy", {"a": float("nan")}], "bad_props"),
        ([21, 0, "buy", {"a": "x" * 2048}], "bad_string"),
    ],
)
def test_what_breaks_the_protocol_is_named(event: list[object], reason: str) -> None:
    with pytest.raises(WireError) as caught:
        from_wire([[15, 0], event], TABLE)
    assert (caught.value.index, caught.value.reason) == (1, reason)


def test_more_than_500_events_are_refused() -> None:
    assert from_wire([[15, 0]] * 500, {}).count == 500
    with pytest.raises(WireError, match="too_many"):
        from_wire([[15, 0]] * 501, {})


@settings(max_examples=500, deadline=None)
@given(_events, st.data())
def test_corrupt_blobs_never_crash(events: list[list[object]], data: st.DataObject) -> None:
    columns = from_wire(events, TABLE)
    blob = bytearray(columns.blob)
    for _ in range(data.draw(st.integers(1, 4))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(blob))))
    damaged = bytes(blob[:cut])
    detector = Detector(4)
    for use in (
        lambda: to_wire(damaged, columns.targets, columns.strings),
        lambda: detector.apply(
            "t", "s", "p", 1, 5, 0, "", damaged, columns.targets, columns.strings
        ),
    ):
        try:
            use()
        except ColumnsError:
            assert len(detector) == 0
    detector.advance("t", "s", "p", 1 << 50)


@pytest.mark.parametrize("text", ["no JSON", "[" * 100_000])
def test_properties_that_are_not_json_are_a_damaged_batch(text: str) -> None:
    columns = from_wire([[21, 0, "buy", {"a": 1}]], TABLE)
    with pytest.raises(ColumnsError, match="not JSON"):
        to_wire(columns.blob, columns.targets, [columns.strings[0], text])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_never_crash(blob: bytes) -> None:
    for read in (lambda: validate(blob), lambda: to_wire(blob, [], [])):
        try:
            read()
        except ColumnsError:
            continue


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\x01\x00\x00",
        struct.pack("<HH", 501, 0) + bytes(501 * 5),
        struct.pack("<HH", 0, 1 << 8),
        struct.pack("<HH", 1, 0) + bytes(6),
        struct.pack("<HH", 1, 0) + bytes(4),
        struct.pack("<HHBIH", 1, 1, 3, 0, 4096),
        struct.pack("<HHBIf", 1, 8, 14, 0, float("inf")),
    ],
)
def test_validate_refuses(blob: bytes) -> None:
    with pytest.raises(ColumnsError):
        validate(blob)


@pytest.mark.parametrize("count", range(1, 20))
def test_an_infinite_number_or_a_stray_index_is_found_at_every_place(count: int) -> None:
    head = struct.pack("<HH", count, 1 | 1 << 3 | 1 << 4) + bytes([14] * count) + bytes(4 * count)
    for place in range(count):
        indexes = [3] * count
        numbers = [float("nan"), 3e38, -1.0, 0.0] * count
        fine = struct.pack(f"<{count}H{2 * count}f", *indexes, *numbers[: 2 * count])
        assert validate(head + fine, 3) == count
        indexes[place] = 4
        stray = struct.pack(f"<{count}H{2 * count}f", *indexes, *numbers[: 2 * count])
        with pytest.raises(ColumnsError, match="index"):
            validate(head + stray, 3)
        for at in (place, count + place):
            changed = numbers[: 2 * count]
            changed[at] = float("-inf") if place % 2 else float("inf")
            with pytest.raises(ColumnsError, match="infinite"):
                validate(head + struct.pack(f"<{count}H{2 * count}f", *[0] * count, *changed), 3)


def test_a_frame_of_ten_events_is_read_in_microseconds() -> None:
    events: list[list[object]] = [[2, 50, i, i] for i in range(10)]
    best = min(timeit.repeat(lambda: from_wire(events, {}), number=1000, repeat=5)) / 1000
    assert best < 50e-6  # about 1.5 µs; a bound for a crowded machine
