"""The edge worker, without its engines."""

from __future__ import annotations

from edge.settings import Settings
from edge.worker import Worker


async def test_what_sessions_counted_survives_them_and_is_counted_once():
    nowhere = "unix:///nonexistent.sock"
    worker = Worker(Settings(mesh_secret="m" * 32, state_url=nowhere, log_url=nowhere))
    for _ in range(3):
        worker.new_session(None).receive('{"type": "events"}', 0.0)
    assert worker.session_counters["bad_message"] == 3
    await worker.close()
