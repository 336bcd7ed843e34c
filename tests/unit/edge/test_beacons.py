"""`POST /v1/batch` where the log has no room."""

from __future__ import annotations

import asyncio

import pytest

import edge.http
from tests.unit.edge.stand_ins import batch, http, running_edge


async def test_a_batch_without_room_is_sent_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(edge.http, "_APPEND_WITHIN_S", 0.05)
    async with running_edge() as edge_, http(edge_) as ask:
        edge_.mesh.writer.full = True
        refused = await ask.post("/v1/batch", content=batch(frames=2))
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "3")
        assert refused.json() == {"error": "slow"}
        assert edge_.mesh.accepted == []
        edge_.mesh.writer.make_room()
        taken = await ask.post("/v1/batch", content=batch(frames=2))
        assert (taken.status_code, taken.json()["acked"]) == (200, 2)


async def test_a_batch_waits_a_moment_for_room():
    async with running_edge() as edge_, http(edge_) as ask:
        edge_.mesh.writer.full = True
        asking = asyncio.create_task(ask.post("/v1/batch", content=batch(frames=2)))
        await asyncio.sleep(0.1)
        assert edge_.mesh.accepted == []
        edge_.mesh.writer.make_room()
        assert (await asking).json()["acked"] == 2
