"""Frames to rows."""

from __future__ import annotations

from typing import Any

import pytest

from hotpath.events import EventKind
from services.pipeline.decode import MalformedMessage, decode_frame
from services.pipeline.event_rows import event_rows
from tests.unit.services.pipeline.messages import T0_MS, VISIT, batch, delivered


def rows(*batches: Any, offset: int = 1) -> list[dict[str, Any]]:
    deliveries = [delivered(item, decode_frame, offset=offset) for item in batches]
    found: list[dict[str, Any]] = event_rows(deliveries, T0_MS + 9_000).to_pylist()
    return found


def test_one_row_an_event_but_ticks() -> None:
    found = rows(batch(1))
    assert [(row["idx"], row["type"]) for row in found] == [
        (0, "page_view"),
        (1, "pointer_move"),
        (2, "click"),
        (3, "click"),
        (4, "track"),
        (6, "scroll"),
    ]
    assert [row["t"].timestamp() * 1000 - T0_MS for row in found] == [0, 40, 140, 190, 200, 215]


def test_fields_of_the_events() -> None:
    view, move, click, second, track, scroll = rows(batch(1))
    assert (view["page"], view["text"]) == ("/pricing", "/pricing")
    assert (move["a"], move["b"], move["c"], move["target"]) == (10.5, 20, None, "")
    assert (click["target"], click["target_flags"], click["c"]) == ("button#buy", 3, None)
    assert (second["c"], second["d"]) == (0, 2)
    assert (track["text"], track["text2"]) == ("sale", '{"plan":"pro"}')
    assert (scroll["a"], scroll["b"], scroll["target_flags"]) == (400, 2000, 0)


def test_page_is_the_frames_until_a_page_view_and_not_beyond_it() -> None:
    found = rows(
        batch(1, [[15, 0], [1, 5, "/cart", 1], [15, 5]], page="/shop"),
        batch(2, [[15, 0]], page="/help"),
    )
    assert [row["page"] for row in found] == ["/shop", "/cart", "/cart", "/help"]


def test_frames_keep_their_own_tables_and_times() -> None:
    found = rows(
        batch(1, [[10, 5, 1], [13, 5, "e"]], targets={1: ("a", 1)}),
        batch(2, [[10, 7, 1], [10, 1, 2]], targets={1: ("b", 2), 2: ("a", 4)}, session="s2"),
    )
    assert [(row["session_id"], row["seq"], row["idx"]) for row in found] == [
        ("s1", 1, 0),
        ("s1", 1, 1),
        ("s2", 2, 0),
        ("s2", 2, 1),
    ]
    assert [(row["target"], row["target_flags"], row["text"]) for row in found] == [
        ("a", 1, ""),
        ("", 0, "e"),
        ("b", 2, ""),
        ("a", 4, ""),
    ]
    assert [row["t"].timestamp() * 1000 - T0_MS for row in found] == [5, 10, 7, 8]


def test_frames_of_the_edge_itself_are_told_apart_by_their_place_in_the_log() -> None:
    ends: list[list[object]] = [[25, 0]]
    found = rows(batch(0, ends), batch(0, ends), offset=7) + rows(batch(0, ends), offset=8)
    keys = {(row["seq"], row["edge_offset"], row["idx"]) for row in found}
    assert keys == {(0, 7, 0), (0, 7, 500), (0, 8, 0)}
    assert rows(batch(5, ends), offset=8)[0]["edge_offset"] == 0


def test_kind_of_a_newer_edge_keeps_its_number() -> None:
    frame = batch(1, [[15, 0]])
    frame.columns = frame.columns[:4] + bytes([99]) + frame.columns[5:]
    assert rows(frame)[0]["type"] == "kind_99"


def test_only_ticks_make_no_rows() -> None:
    assert rows(batch(0, [[26, 0]])) == []
    assert rows() == []


def test_when_received_is_null_if_not_live() -> None:
    assert rows(batch(1))[0]["received_at"] is None
    live = rows(batch(1, received_at_ns=T0_MS * 1_000_000))[0]
    assert live["received_at"].timestamp() * 1000 == T0_MS


def test_every_known_kind_has_its_name() -> None:
    for kind in EventKind:
        frame = batch(1, [[15, 0]])
        frame.columns = frame.columns[:4] + bytes([kind]) + frame.columns[5:]
        expected = [] if kind is EventKind.TICK else [kind.name.lower()]
        assert [row["type"] for row in rows(frame)] == expected


@pytest.mark.parametrize("field", ["tenant_id", "session_id", "stream_id"])
def test_frame_without_a_name_is_malformed(field: str) -> None:
    frame = batch(1, VISIT)
    frame.ClearField(field)  # type: ignore[arg-type]
    with pytest.raises(MalformedMessage, match=field):
        decode_frame(frame.SerializeToString())


@pytest.mark.parametrize("t0_ms", [-1, 5_000_000_000_000])
def test_frame_of_a_wild_clock_is_malformed(t0_ms: int) -> None:
    with pytest.raises(MalformedMessage):
        decode_frame(batch(1, t0_ms=t0_ms).SerializeToString())
