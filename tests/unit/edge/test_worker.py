"""The edge worker, without its engines."""

from __future__ import annotations

import pytest

import edge.worker
from edge.places import place_of
from edge.settings import Settings
from edge.streams import StreamRecord
from edge.worker import Worker
from services.common.log import BEHAVIOR


async def test_what_sessions_counted_survives_them_and_is_counted_once():
    nowhere = "unix:///nonexistent.sock"
    worker = Worker(Settings(mesh_secret="m" * 32, state_url=nowhere, log_url=nowhere))
    for _ in range(3):
        worker.new_session(None).receive('{"type": "events"}', 0.0)
    assert worker.session_counters["bad_message"] == 3
    await worker.close()


async def test_a_drain_ends_though_the_log_is_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(edge.worker, "_FLUSHED_WITHIN_S", 0.05)
    nowhere = "unix:///nonexistent.sock"
    worker = Worker(Settings(mesh_secret="m" * 32, state_url=nowhere, log_url=nowhere, drain_s=0.0))
    worker.writer.put(BEHAVIOR, place_of("t", "s"), b"x" * 50, seq=1, stream=StreamRecord())

    async def closed() -> None:
        """No socket is open."""

    await worker.drain(closed)
    assert "stopping without the log" in "".join(capsys.readouterr())
    assert worker.writer.buffered_bytes > 50
    await worker.close()
