"""The numpy view of columns, against the way back that hotpath has."""

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


def test_absent_sections_are_left_out() -> None:
    columns = from_wire([[2, 5, 1, 2]], {})
    arrays = read_columns(columns.blob, 0, 0)
    assert arrays.indexes == {}
    assert sorted(arrays.numbers) == [Column.A, Column.B]


@given(st.lists(st.tuples(st.integers(0, 1000), _SMALL, _SMALL, st.booleans()), max_size=60))
def test_reads_what_hotpath_wrote(presses: list[tuple[int, float, float, bool]]) -> None:
    events: list[list[object]] = [[3, dt, x, y, 7 if hit else 0] for dt, x, y, hit in presses]
    columns = from_wire([*events, *VISIT], BUTTON)
    arrays = read_columns(columns.blob, len(columns.targets), len(columns.strings))
    back: list[list[Any]] = to_wire(columns.blob, columns.targets, columns.strings)
    assert arrays.kind.tolist() == [event[0] for event in back]
    assert arrays.dt.tolist() == [event[1] for event in back]
    for row, event in enumerate(back):
        fields = EVENTS[event[0]]
        for field, value in zip(fields, [*event[2:], *[None] * 6], strict=False):
            if field.column in arrays.numbers:
                number = float(arrays.numbers[field.column][row])
                assert math.isnan(number) if value is None else number == value
            elif field.kind is FieldKind.TARGET:
                assert (value or 0) == int(arrays.indexes[field.column][row])
            elif field.kind is FieldKind.TEXT and value is not None:
                assert columns.strings[int(arrays.indexes[field.column][row]) - 1] == value


@given(st.binary(max_size=200))
def test_any_bytes_are_columns_or_refused(blob: bytes) -> None:
    try:
        arrays = read_columns(blob, 3, 3)
    except ColumnsError:
        return
    assert len(arrays.kind) == len(arrays.dt)


def test_truncated_blob_is_refused() -> None:
    blob = from_wire(VISIT, BUTTON).blob
    with pytest.raises(ColumnsError):
        read_columns(blob[:-1], 1, 3)
