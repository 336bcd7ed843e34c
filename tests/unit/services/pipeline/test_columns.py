"""Joined columns as numpy arrays, against the way back that hotpath has."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.columns import ColumnsError, from_wire, to_wire
from hotpath.fields import EVENTS, Column, FieldKind
from services.pipeline.columns import read_columns
from tests.unit.services.pipeline.messages import BUTTON, VISIT

_SMALL = st.floats(-1e4, 1e4, width=32)
_PRESSES = st.lists(st.tuples(st.integers(0, 1000), _SMALL, _SMALL, st.booleans()), max_size=20)


def test_no_batches_are_no_events() -> None:
    joined = read_columns([])
    assert (len(joined.lengths), len(joined.kind), len(joined.numbers[Column.A])) == (0, 0, 0)


@given(st.lists(st.tuples(_PRESSES, st.booleans()), max_size=6))
def test_reads_what_hotpath_wrote(
    batches: list[tuple[list[tuple[int, float, float, bool]], bool]],
) -> None:
    written = [
        from_wire(
            [
                *([3, dt, x, y, 7 if hit else 0] for dt, x, y, hit in presses),
                *(VISIT if whole else []),
            ],
            BUTTON,
        )
        for presses, whole in batches
    ]
    joined = read_columns([columns.blob for columns in written])
    assert joined.lengths.tolist() == [columns.count for columns in written]
    row = 0
    for columns in written:
        back: list[list[Any]] = to_wire(columns.blob, columns.targets, columns.strings)
        for event in back:
            assert (joined.kind[row], joined.dt[row]) == (event[0], event[1])
            fields = EVENTS[event[0]]
            for field, value in zip(fields, [*event[2:], *[None] * 6], strict=False):
                if field.column in joined.numbers:
                    number = float(joined.numbers[field.column][row])
                    assert math.isnan(number) if value is None else number == value
                elif field.kind is FieldKind.TARGET:
                    assert (value or 0) == int(joined.indexes[field.column][row])
                elif field.kind is FieldKind.TEXT and value is not None:
                    assert columns.strings[int(joined.indexes[field.column][row]) - 1] == value
            row += 1
    assert row == len(joined.kind) == len(joined.dt)


@given(st.lists(st.binary(max_size=200), max_size=3))
def test_any_bytes_are_columns_or_refused(blobs: list[bytes]) -> None:
    try:
        joined = read_columns(blobs)
    except ColumnsError:
        return
    assert len(joined.kind) == len(joined.dt) == joined.lengths.sum()


def test_a_truncated_blob_is_refused() -> None:
    blob = from_wire(VISIT, BUTTON).blob
    with pytest.raises(ColumnsError):
        read_columns([blob, blob[:-1]])
