"""Recordings: lines to events and back, what is skipped, and what is refused."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from hotpath.columns import to_wire
from hotpath.recording import KINDS, Reader, RecordingError, line_of_event, open_lines
from hotpath.recording_schema import schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EXAMPLES: list[dict[str, object]] = [
    {"type": "page_view", "page": "/p", "referrer": "/q", "nav": "back_forward", "vw": 900},
    {"type": "pointer_move", "x": 1, "y": 2},
    {"type": "click", "x": 10, "y": 20, "target": "button#buy", "flags": ["button", "cta"],
     "detail": 1, "modifiers": ["shift", "meta"]},
    {"type": "reaction", "kind": "dialog", "of": 1, "after": 40},
    {"type": "scroll", "y": 5, "max_y": 900},
    {"type": "hover", "target": "a.more", "flags": ["link"], "ms": 1200, "open": True},
    {"type": "focus", "target": "input", "flags": ["text_field"]},
    {"type": "blur", "target": "input", "flags": [], "filled": False, "ms": 900},
    {"type": "input", "target": "input", "flags": [], "keys": 3, "deletes": 1, "paste": True},
    {"type": "change", "target": "select", "flags": []},
    {"type": "submit", "target": "form", "flags": ["form"]},
    {"type": "invalid", "target": "input", "flags": [], "reason": "required"},
    {"type": "error", "source": "app.js"},
    {"type": "select", "chars": 4},
    {"type": "copy"},
    {"type": "drag", "px": 30},
    {"type": "press_cancel", "target": "button", "flags": []},
    {"type": "visibility", "state": "visible"},
    {"type": "pointer_exit", "edge": "right", "vx": 900, "vy": -20},
    {"type": "resize", "vw": 800, "vh": 600},
    {"type": "track", "name": "cart", "props": {"total": 12}},
    {"type": "identify", "user_id": "u1"},
    {"type": "consent", "analytics": True, "interventions": False},
    {"type": "reset"},
    {"type": "session_end"},
]  # fmt: skip


def _lines(lines: Iterable[Mapping[str, object]]) -> list[bytes]:
    return [
        json.dumps({"session": "s", "t": 1000 + 10 * i, **line}).encode() + b"\n"
        for i, line in enumerate(lines)
    ]


def _refuse(*lines: bytes) -> RecordingError:
    with pytest.raises(RecordingError) as caught:
        list(Reader(lines, "visit.ndjson"))
    return caught.value


def test_examples_cover_every_type() -> None:
    assert {example["type"] for example in EXAMPLES} == set(KINDS)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["type"]))
def test_line_round_trip(example: dict[str, object]) -> None:
    (batch,) = Reader(_lines([example]), "f")
    assert line_of_event(batch.events[0], batch.targets) == example
    (wire,) = to_wire(batch.columns.blob, batch.columns.targets, batch.columns.strings)
    table = dict(enumerate(batch.columns.targets, 1))
    assert line_of_event(wire, table) == example


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["type"]))
def test_schema_accepts_what_the_reader_accepts(example: dict[str, object]) -> None:
    validator: Any = Draft202012Validator(schema())
    line: dict[str, object] = {"session": "s", "t": 5, **example}
    validator.validate(line)
    for name in set(example) - {"type", "flags"}:
        missing = {key: value for key, value in line.items() if key != name}
        try:
            refused = False
            list(Reader([json.dumps(missing).encode()], "f"))
        except RecordingError:
            refused = True
        assert refused is not validator.is_valid(missing)


def test_batches_hold_consecutive_events_of_one_stream() -> None:
    move: dict[str, object] = {"type": "pointer_move", "x": 1, "y": 1}
    lines = _lines([move, move, {**move, "stream": "b"}, move, {**move, "t": 4},
                    {**move, "t": 9, "page": "/x"}, {**move, "ptr": "touch", "t": 9}])  # fmt: skip
    batches = list(Reader(lines, "f"))
    told = [(b.stream, b.seq, b.t0_ms, b.page, b.pointer, b.lines) for b in batches]
    assert told == [
        ("1", 1, 1000, "", 0, [1, 2]),
        ("b", 1, 1020, "", 0, [3]),
        ("1", 2, 1030, "", 0, [4]),
        ("1", 3, 4, "", 0, [5]),
        ("1", 4, 9, "/x", 0, [6]),
        ("1", 5, 9, "", 1, [7]),
    ]


def test_unknown_things_are_skipped_and_counted() -> None:
    reader = Reader(
        _lines(
            [
                {"type": "telepathy"},
                {"type": "click", "x": 1, "y": 1, "target": "a", "flags": ["link", "new"], "z": 1},
                {"type": "reaction", "kind": "smell"},
            ]
        ),
        "f",
    )
    (batch,) = reader
    assert batch.targets == {1: ("a", 1)}
    assert len(batch.events) == 1
    assert dict(reader.skipped) == {"type": 1, "field": 1, "flag": 1, "word": 1}
    assert reader.events == 3


def test_flags_can_be_stripped() -> None:
    line = {"type": "click", "x": 1, "y": 1, "target": "a", "flags": ["link", "unobserved"]}
    (batch,) = Reader(_lines([line]), "f", strip=1 << 20)
    assert batch.targets == {1: ("a", 1)}


def test_active_time_leaves_out_long_gaps() -> None:
    lines = _lines([{"type": "copy", "t": t} for t in (0, 10_000, 40_000, 70_001, 70_002)])
    reader = Reader(lines, "f")
    list(reader)
    assert reader.active_ms == 10_000 + 30_000 + 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not JSON"),
        (b"[1]", "not an object"),
        (b'{"t":1,"type":"copy"}', "`session`"),
        (b'{"session":"s","type":"copy"}', "`t`"),
        (b'{"session":"s","t":"1","type":"copy"}', "`t`"),
        (b'{"session":"s","t":-1,"type":"copy"}', "`t`"),
        (b'{"session":"s","t":1}', "`type`"),
        (b'{"session":"s","t":1,"type":"copy","stream":4}', "`stream`"),
        (b'{"session":"s","t":1,"type":"scroll","y":4}', "`max_y` is missing"),
        (b'{"session":"s","t":1,"type":"scroll","y":4,"max_y":"9"}', "bad_number"),
        (b'{"session":"s","t":1,"type":"click","x":1,"y":1,"target":{}}', "`target`"),
    ],
)
def test_unusable_lines_are_named(line: bytes, reason: str) -> None:
    error = _refuse(b'{"session":"s","t":1,"type":"copy"}', b"\n", line)
    assert (error.file, error.line) == ("visit.ndjson", 3)
    assert reason in str(error)
    assert "docs/contracts.md" in str(error)


def test_gzip_is_read_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"".join(_lines([{"type": "copy"}] * 3))
    packed = tmp_path / "visit.ndjson.gz"
    packed.write_bytes(gzip.compress(text))
    plain = tmp_path / "visit.ndjson"
    plain.write_bytes(text)
    for path in (packed, plain):
        with open_lines(str(path)) as lines:
            assert b"".join(lines) == text

        class Input:
            buffer = io.BytesIO(path.read_bytes())

        monkeypatch.setattr("sys.stdin", Input)
        with open_lines("-") as lines:
            assert b"".join(lines) == text


def test_broken_files_are_named(tmp_path: Path) -> None:
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(b"x" * 100_000)[:60])
    for path in (cut, tmp_path / "nothing", tmp_path):
        with pytest.raises(RecordingError, match=str(path)), open_lines(str(path)) as lines:
            list(lines)
