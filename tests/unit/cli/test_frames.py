"""Recordings cut into frames: nothing lost, times exact, urgent things at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cli.replay.frames import Frame, read_sessions


def recording(tmp_path: Path, *lines: dict[str, Any]) -> str:
    path = tmp_path / "r.ndjson"
    path.write_text("".join(json.dumps({"session": "s", **line}) + "\n" for line in lines))
    return str(path)


def times(frame: Frame) -> list[int]:
    t, found = frame.t0_ms, list[int]()
    for event in frame.events:
        t += event[1]
        found.append(t)
    return found


def move(t: int) -> dict[str, Any]:
    return {"t": t, "type": "pointer_move", "x": 1, "y": 2}


def press(t: int) -> dict[str, Any]:
    return {"t": t, "type": "click", "x": 1, "y": 2, "target": "button#b", "flags": ["button"]}


def test_a_press_goes_at_once_and_moves_wait_at_most_a_second(tmp_path: Path) -> None:
    path = recording(tmp_path, move(1000), press(1200), move(1300), move(2200), move(2400))
    (session,) = read_sessions([path])
    assert [times(frame) for frame in session.frames] == [[1000, 1200], [1300, 2200], [2400]]
    assert [frame.due_ms for frame in session.frames] == [1200, 2200, 2400]
    assert session.start_ms == 1000


def test_what_is_a_message_of_its_own_leaves_the_events(tmp_path: Path) -> None:
    path = recording(
        tmp_path,
        move(1000),
        {"t": 1100, "type": "identify", "user_id": "u"},
        {"t": 1200, "type": "consent", "analytics": True, "interventions": False},
        move(1300),
        {"t": 1400, "type": "session_end"},
    )
    (session,) = read_sessions([path])
    assert [frame.kind for frame in session.frames] == [
        "events",
        "identify",
        "consent",
        "events",
        "session_end",
    ]
    assert session.frames[1].fields == {"user_id": "u"}
    assert session.frames[2].fields == {"analytics": True, "interventions": False}
    assert times(session.frames[3]) == [1300]


def test_a_frame_too_large_for_the_socket_is_halved_in_order(tmp_path: Path) -> None:
    tracks = [
        {"t": 1000 + n, "type": "track", "name": "x" * 500, "props": {"k": "v" * 1500}}
        for n in range(60)
    ]
    (session,) = read_sessions([recording(tmp_path, *tracks)])
    assert len(session.frames) > 1
    assert [t for frame in session.frames for t in times(frame)] == list(range(1000, 1060))
    for frame in session.frames:
        assert len(json.dumps([frame.events, frame.targets])) < 64 * 1024


def test_same_session_name_in_two_files_is_two_visits(tmp_path: Path) -> None:
    path = recording(tmp_path, move(1000))
    other = tmp_path / "other.ndjson"
    other.write_text(Path(path).read_text())
    assert len(read_sessions([path, str(other)])) == 2
