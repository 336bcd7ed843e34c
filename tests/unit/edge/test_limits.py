"""Limits of one worker: the buckets themselves, and who is refused on a real socket."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.frames import Frame, Opcode

from edge import limits
from edge.limits import BURST_S, Rates, Seats
from edge.settings import Settings
from services.common.settings import SettingsError, load
from tests.unit.edge.stand_ins import acked, batch, clicks, closed_with, hello, http, running_edge


def taken(rates: Rates, name: str, now_s: float, tries: int = 1_000) -> int:
    return sum(rates.take(name, now_s) for _ in range(tries))


def test_a_burst_then_the_rate():
    rates = Rates(10)
    assert taken(rates, "a", 100.0) == 30
    assert taken(rates, "a", 100.5) == 5
    assert taken(rates, "a", 100.5) == 0
    assert taken(rates, "a", 100.5 + BURST_S) == 30


@pytest.mark.parametrize("pause_s", [0.04, 0.1, 0.7, 2.9, 3.1, 100.0])
def test_over_time_nobody_gets_more_than_the_rate(pause_s: float):
    """Also across the rounds in which names are forgotten."""
    rates, now_s, got = Rates(10), 1_000.0, 0
    for _ in range(200):
        got += taken(rates, "a", now_s, 40)
        now_s += pause_s
    allowed = 30 + 200 * min(pause_s * 10, 30)
    assert allowed - 35 <= got <= allowed + 1


def test_one_name_does_not_use_up_anothers():
    rates = Rates(10)
    assert taken(rates, "hot", 1.0) == 30
    assert taken(rates, "other", 1.0) == 30


def test_many_at_once_are_taken_whole_or_not_at_all():
    rates = Rates(1_000, burst_s=10.0)
    assert rates.wait_s("k", 0.0, 10_000) == 0.0
    assert rates.wait_s("k", 0.0, 500) == pytest.approx(0.5)
    assert rates.wait_s("other", 0.0, 500) == 0.0
    assert rates.wait_s("k", 0.4, 500) == pytest.approx(0.1)  # what is refused costs nothing
    assert rates.wait_s("k", 0.5, 500) == 0.0
    assert rates.wait_s("k", 1_000.0, 10_000) == 0.0
    assert rates.wait_s("k", 1_000.0, 1) > 0


def test_turns_are_a_rate_apart_and_who_has_none_costs_nothing():
    rates = Rates(10, line_s=2.0)
    assert [rates.turn_s("k", 5.0) for _ in range(30)] == [0.0] * 30
    waits = [rates.turn_s("k", 5.0) for _ in range(40)]
    assert waits[:20] == pytest.approx([0.1 * turn for turn in range(1, 21)])
    assert waits[20:] == pytest.approx([2.1] * 20)
    assert rates.wait_s("k", 5.0, 1) == pytest.approx(2.1)  # whoever does not wait has none
    assert rates.turn_s("other", 5.0) == 0.0
    # What is owed is not forgotten while nothing is heard.
    assert rates.turn_s("k", 9.9) == pytest.approx(0.0)
    assert taken(rates, "k", 9.9) == 28


@pytest.mark.parametrize("pause_s", [0.04, 0.7, 4.9])
def test_over_time_turns_come_at_the_rate(pause_s: float):
    rates, now_s = Rates(10, line_s=2.0), 1_000.0
    turns: list[float] = []
    for _ in range(200):
        waits = [rates.turn_s("k", now_s) for _ in range(40)]
        turns += [now_s + wait_s for wait_s in waits if wait_s <= 2.0]
        now_s += pause_s
    for begin, end in zip(turns, turns[31:], strict=False):
        assert end - begin >= 0.1 - 1e-6
    assert turns == sorted(turns)


def test_zero_limits_nobody():
    assert taken(Rates(0), "a", 1.0) == 1_000
    seats = Seats(0)
    for _ in range(10):
        seats.take("a")
    assert not seats.full("a")


def test_idle_names_are_forgotten():
    rates = Rates(10)
    for name in range(1_000):
        rates.take(str(name), 1.0)
    assert len(rates) == 1_000
    rates.take("a", 1.0 + BURST_S)
    rates.take("a", 1.0 + 2 * BURST_S)
    assert len(rates) == 2  # one name, in this round and the one before


def test_a_flood_of_names_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "MOST_NAMES", 100)
    rates = Rates(10)
    for name in range(10_000):
        rates.take(str(name), 1.0)
    assert len(rates) <= 200


def test_seats_are_given_back():
    seats = Seats(2)
    seats.take("a")
    seats.take("a")
    assert (seats.full("a"), seats.full("b")) == (True, False)
    seats.free("a")
    assert not seats.full("a")
    seats.free("a")
    assert len(seats) == 0


def test_a_negative_limit_is_refused_by_name():
    required = {"SIQ_MESH_SECRET": "s", "SIQ_STATE_URL": "u", "SIQ_LOG_URL": "u"}
    with pytest.raises(SettingsError, match="SIQ_FRAMES_PER_S_PER_KEY=-1 is not usable: 0"):
        load(Settings, {**required, "SIQ_FRAMES_PER_S_PER_KEY": "-1"})


# -- on a socket ----------------------------------------------------------------------------------


def flood(page: ClientConnection) -> None:
    """Far more frames than any limit here, at once."""
    page.transport.write(
        b"".join(
            Frame(Opcode.TEXT, clicks(seq).encode()).serialize(mask=True) for seq in range(1, 100)
        )
    )


async def test_w62_too_many_sockets_of_one_address():
    async with running_edge(max_connections_per_ip=2) as edge:
        first = await edge.connect()
        await edge.page()
        with pytest.raises(InvalidStatus) as raised:
            await edge.connect()
        assert raised.value.response.status_code == 429
        assert raised.value.response.headers["Retry-After"] == "10"
        assert edge.mesh.limits.refused == {"connections_per_ip": 1}
        first.transport.abort()
        await first.wait_closed()
        async with asyncio.timeout(5):
            while len(edge.mesh.sockets) > 1:
                await asyncio.sleep(0)
        await edge.page()  # its seat is free again


async def test_w63_too_many_sockets_of_one_tenant():
    async with running_edge(max_connections_per_tenant=1) as edge:
        page = await edge.page()
        refused = await edge.connect()
        await refused.send(hello())
        assert await closed_with(refused) == 4429
        assert edge.mesh.limits.refused == {"connections_per_tenant": 1}
        await edge.page("pk-of-another")
        await page.send(clicks(1))
        assert await acked(page) == 1
        await page.close()
        await edge.page()  # its seat is free again


async def test_a_page_that_comes_again_takes_its_own_place():
    async with running_edge(max_connections_per_tenant=1) as edge:
        page = await edge.connect()
        await page.send(hello())
        welcome = json.loads(await page.recv())
        again = await edge.connect()
        await again.send(hello(session=welcome["session"], resume=welcome["resume"]))
        assert json.loads(await again.recv())["session"] == welcome["session"]
        assert await closed_with(page) == 1000
        assert edge.mesh.limits.of_tenant.full("acme")
        await again.close()
        assert not edge.mesh.limits.of_tenant.full("acme")


async def test_w64_too_many_hellos_of_one_address():
    async with running_edge(hellos_per_s_per_ip=1) as edge:
        pages = [await edge.connect() for _ in range(50)]
        for page in pages:
            await page.send(hello())
        assert await closed_with(pages[-1]) == 4429
        assert edge.mesh.limits.refused.keys() == {"hellos_per_ip"}
        assert json.loads(await pages[0].recv())["type"] == "welcome"


async def test_w65_too_many_frames_of_one_address():
    async with running_edge(frames_per_s_per_ip=5) as edge:
        page, another = await edge.page(), await edge.page("pk-of-another")
        flood(page)
        assert await closed_with(page) == 4429
        flood(another)  # of the same address, it has none left either
        assert await closed_with(another) == 4429
        assert edge.mesh.limits.refused == {"frames_per_ip": 2}


async def frames_until(page: ClientConnection, seq: int) -> list[dict[str, Any]]:
    """What a page is told until a message is acknowledged."""
    told: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        while not told or told[-1].get("seq", 0) < seq:
            told.append(json.loads(await page.recv()))
    return told


async def test_w66_too_many_frames_of_one_key():
    async with running_edge(frames_per_s_per_key=5) as edge:
        hot, another = await edge.page(), await edge.page("pk-of-another")
        for seq in range(1, 20):
            await hot.send(clicks(seq))
        # Three seconds' worth at once, the rest as the rate lets them in.
        began_s = time.monotonic()
        told = await frames_until(hot, 15)
        await another.send(clicks(1))
        assert await acked(another) == 1
        told += await frames_until(hot, 19)
        assert time.monotonic() - began_s > 0.6
        slow = [one for one in told if one["type"] == "error"]
        assert {one["code"] for one in slow} == {"slow"}
        assert all(100 < one["retry_after_ms"] <= 200 for one in slow)
        assert not edge.mesh.limits.refused


async def test_who_comes_a_moment_before_its_time_is_asked_again(monkeypatch: pytest.MonkeyPatch):
    # The event loop's timers are of whole milliseconds, and so may be over early. A page that is
    # not asked then sends for a whole turn, and thousands of them did.
    sleep = asyncio.sleep

    async def early(delay_s: float) -> None:
        await sleep(max(0.0, delay_s - 0.001))

    monkeypatch.setattr(asyncio, "sleep", early)
    async with running_edge(frames_per_s_per_key=5) as edge:
        hot = await edge.page()
        for seq in range(1, 20):
            await hot.send(clicks(seq))
        told = await frames_until(hot, 19)
        assert [one["code"] for one in told if one["type"] == "error"] == ["slow"] * 4


async def test_a_turn_that_is_too_far_away_is_none():
    async with running_edge(frames_per_s_per_key=1) as edge:
        pages = [await edge.page() for _ in range(9)]
        for page in pages:
            await page.send(clicks(1))
            await asyncio.sleep(0.01)  # in this order
        for page in pages[:3]:
            assert await acked(page) == 1
        assert await closed_with(pages[8]) == 4429
        assert edge.mesh.limits.refused == {"frames_per_key": 1}
        assert not [page for page in pages[:8] if page.close_code]


async def test_what_was_said_before_leaving_is_heard_in_its_turn():
    async with running_edge(frames_per_s_per_key=1) as edge:
        page = await edge.page()
        for seq in range(1, 5):
            await page.send(clicks(seq))
        await frames_until(page, 3)
        await page.close()
        await asyncio.sleep(1.2)
        assert [one.seq for one in edge.mesh.accepted] == [1, 2, 3, 4]
        assert edge.mesh.counters["unexpected"] == 0


async def test_a_key_is_not_used_up_by_who_is_not_let_in():
    async with running_edge(frames_per_s_per_key=1) as edge:
        for _ in range(10):
            stranger = await edge.connect()
            await stranger.send(
                hello(key="pk", consent={"analytics": False, "interventions": True})
            )
            await stranger.close()
        page = await edge.page()
        await page.send(clicks(1))
        assert await acked(page) == 1


async def test_what_one_connection_may_send_is_counted_too():
    async with running_edge() as edge:
        page = await edge.page()
        for _ in range(5):
            flood(page)
        with pytest.raises(ConnectionClosedError):
            async for _ in page:  # so many acks do not wait in the client's queue
                pass
        assert page.close_code == 4429
        assert edge.mesh.limits.refused == {"frames_per_connection": 1}


# -- over HTTP ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "setting", ["frames_per_s_per_ip", "frames_per_s_per_key", "hellos_per_s_per_ip"]
)
async def test_batches_over_a_limit_are_refused(setting: str):
    async with running_edge(None, **{setting: 1}) as edge, http(edge) as ask:
        assert (await ask.post("/v1/batch", content=batch(frames=1))).status_code == 200
        answers = [await ask.post("/v1/batch", content=batch(frames=9)) for _ in range(6)]
        (reason,) = edge.mesh.limits.refused
        assert answers[-1].status_code == 429
        assert answers[-1].headers["Retry-After"] == "3"
        assert answers[-1].json()["error"] == f"over the limit: {reason}"
        assert setting.startswith(reason.partition("_")[0])


async def test_h16_a_batch_over_the_rate_of_its_key():
    async with running_edge(frames_per_s_per_key=1) as edge, http(edge) as ask:
        hot = await ask.post("/v1/batch", content=batch(frames=50))
        assert (hot.status_code, hot.headers["Retry-After"]) == (429, "3")
        other = await ask.post("/v1/batch", content=batch("pk-of-another", frames=1))
        assert (other.status_code, other.json()["acked"]) == (200, 1)
