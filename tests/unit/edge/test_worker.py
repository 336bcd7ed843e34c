"""The edge worker, without its engines."""

from __future__ import annotations

from edge.settings import Settings
from edge.worker import Worker


async def test_what_a_session_counted_survives_it():
    nowhere = "unix:///nonexistent.sock"
    worker = Worker(Settings(mesh_secret="m" * 32, state_url=nowhere, log_url=nowhere))
    worker.counters["bad_message"] = 5
    session = worker.new_session(None)
    session.receive('{"type": "events"}', 0.0)
    worker.absorb(session)
    assert worker.counters["bad_message"] == 6
    await worker.close()
