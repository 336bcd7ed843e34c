"""Networks, storage and servers as they are out there: all arrives, once, in order."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from playwright.async_api import Page
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.e2e.sdk_page import CHROMIUM
from tests.e2e.zoo.keeper import Keeper, open_zoo
from tests.e2e.zoo.visits import press
from tests.engines.fault_proxy import fault_proxy

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(240),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: run `make browser`"),
]

NOWHERE = ("127.0.0.1", 9)
NO_STORAGE = """const get = () => { throw new DOMException("no", "SecurityError"); };
for (const name of ["localStorage", "sessionStorage", "indexedDB"])
  Object.defineProperty(window, name, { get });
Object.defineProperty(Document.prototype, "cookie", { get });"""


def clicks(zoo: Keeper, stream: str = "") -> list[dict[str, Any]]:
    return [
        line
        for line in zoo.lines()
        if line["type"] == "click" and (not stream or line["stream"] == stream)
    ]


async def arrived(zoo: Keeper, count: int, within_s: float = 90.0) -> None:
    """Wait for so many presses; more must not come."""
    async with asyncio.timeout(within_s):
        while len(clicks(zoo)) < count:
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    assert len(clicks(zoo)) == count
    for stream in {line["stream"] for line in zoo.lines()}:
        moments = [line["t"] for line in clicks(zoo, stream)]
        assert moments == sorted(moments)


async def calm(page: Page) -> None:
    assert await page.evaluate("troubles") == []


@pytest.mark.parametrize(
    "away_s", [pytest.param(3, id="short"), pytest.param(60, id="long", marks=pytest.mark.long)]
)
async def test_a_server_that_is_away_costs_nothing_but_time(away_s: int):
    async with open_zoo() as zoo, fault_proxy(("127.0.0.1", zoo.edge.port)) as proxy:
        page = await zoo.open("static", ws=proxy.port)
        await press(page, "#works", 3)
        home, proxy.target = proxy.target, NOWHERE
        assert proxy.reset_peers()
        await press(page, "#works", 4)
        await press(page, "#name")
        await page.keyboard.type("Dana")
        await asyncio.sleep(away_s)
        await press(page, "#terms")
        proxy.target = home
        await press(page, "#works", 2)
        await arrived(zoo, 11)
        assert len({line["stream"] for line in zoo.lines()}) == 1
        assert [line["keys"] for line in zoo.lines() if line["type"] == "input"] == [4]
        assert [line["of"] for line in zoo.lines() if line["type"] == "reaction"] == [*range(1, 12)]
        await calm(page)


async def test_a_browser_that_is_offline_sends_later():
    async with open_zoo() as zoo:
        context = await zoo.browser.new_context()
        page = await zoo.open("static", context)
        await context.set_offline(True)
        await press(page, "#works", 3)
        await context.set_offline(False)
        await press(page, "#works", 2)
        await arrived(zoo, 5)
        await calm(page)


async def test_two_tabs_are_one_session_and_lose_nothing_to_each_other():
    async with open_zoo() as zoo:
        context = await zoo.browser.new_context()
        first = await zoo.open("static", context)
        second = await zoo.open("react", context)
        for _ in range(3):
            await first.bring_to_front()
            await press(first, "#works", 2)
            await second.bring_to_front()
            await press(second, "#works", 1)
        await first.close(run_before_unload=False)
        await press(second, "#works", 1)
        await arrived(zoo, 10)
        streams = {line["stream"] for line in zoo.lines()}
        assert {len(clicks(zoo, stream)) for stream in streams} == {6, 4}
        assert len({line["session"] for line in zoo.lines()}) == 1
        await calm(second)


async def test_without_storage_and_cookies_all_goes_on():
    async with open_zoo() as zoo:
        context = await zoo.browser.new_context()
        await context.add_init_script(NO_STORAGE)
        page = await zoo.open("static", context)
        await press(page, "#dead", 4)
        await arrived(zoo, 4)
        await calm(page)


async def test_a_page_that_comes_back_goes_on():
    async with open_zoo() as zoo:
        page = await zoo.open("static")
        await press(page, "#works", 2)
        await page.goto(f"{zoo.url}/other")
        # Playwright waits for a load that the back-forward cache makes needless.
        await page.evaluate("history.back()")
        await page.wait_for_selector("#works")
        await press(page, "#works", 2)
        await arrived(zoo, 4)
        views = [line["nav"] for line in zoo.lines() if line["type"] == "page_view"]
        assert views == ["load", "load", "back_forward"]
        await calm(page)


KEEP_CARD = """new MutationObserver(() => {
  const host = document.querySelector("siq-intervention");
  if (host) queueMicrotask(() => { window.card = host.shadowRoot.innerHTML; });
}).observe(document, { subtree: true, childList: true });"""
CARD = (
    '{"type": "intervention", "id": "y", "expires_at": 9e15, "intervention": "discount",'
    ' "payload": {"title": "<img src=x onerror=alert(1)>", "body": "b",'
    ' "actions": [{"id": "a", "label": "go", "url": "javascript:alert(1)"}]}}'
)
HOSTILE = [
    "",
    "nonsense",
    "null",
    "[]",
    "7",
    '{"type": null}',
    '{"type": "welcome"}',
    '{"type": "welcome", "acked": "x", "config": 7, "clock": {}, "session": [], "resume": null}',
    '{"type": "ack", "seq": -1}',
    '{"type": "ack", "seq": 1e309}',
    '{"type": "config", "config": {"coalesce_ms": -5, "sampling": "no"}}',
    '{"type": "emotion"}',
    '{"type": "intervention", "id": "x", "expires_at": 9e15, "payload": null}',
    '{"type": "__proto__", "__proto__": {"polluted": 1},'
    ' "constructor": {"prototype": {"polluted": 1}}}',
    "x" * 200_000,
    '{"type": "drain", "after_ms": "never"}',
]


async def test_a_hostile_server_breaks_no_page():
    async def torment(socket: ServerConnection) -> None:
        with_welcome = json.dumps(
            {"type": "welcome", "session": "s", "resume": "r", "acked": 0, "clock": 0, "config": {}}
        )
        try:
            await socket.recv()
            await socket.send(with_welcome)
            await socket.send(CARD)
            while '"shown"' not in str(await socket.recv()):
                pass
            for frame in HOSTILE:
                await socket.send(frame)
            await socket.send(b"\x00\x01")
            await socket.wait_closed()
        except ConnectionClosed:
            pass

    async with (
        open_zoo() as zoo,
        serve(torment, "127.0.0.1", 0, subprotocols=[Subprotocol("sentientiq.v1")]) as server,
    ):
        port = next(iter(server.sockets)).getsockname()[1]
        context = await zoo.browser.new_context()
        await context.add_init_script(KEEP_CARD)
        page = await context.new_page()
        asked: list[str] = []
        page.on("dialog", lambda dialog: asked.append(dialog.message))
        await page.goto(f"{zoo.url}/static?ws={port}")
        # The help without content that comes next takes the card away at once, and leaves none.
        kept = await page.wait_for_function("window.card")
        await press(page, "#works", 3)
        assert await page.text_content("#count") == "3"
        assert await page.evaluate("({}).polluted === undefined")
        markup = await kept.json_value()
        assert "&lt;img" in markup
        assert "<img" not in markup
        assert "javascript:" not in markup
        assert asked == []
        assert await page.locator("siq-intervention").count() == 0
        await calm(page)
