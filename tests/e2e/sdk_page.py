"""A page with the SDK in a real browser, and an edge that can be away: what was sent, and how."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Page, Route, WebSocketRoute, async_playwright

from tests.documents import ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DIST = ROOT / "sdk" / "js" / "dist"
SITE = "https://shop.example"
TAG = (
    '<script nonce="n1" src="/sentientiq.js" data-key="pk_live_test-key-0001"'
    ' data-endpoint="wss://edge.example"></script>'
)
POLICY = (
    "default-src 'none'; script-src 'nonce-n1'; connect-src wss://edge.example https://edge.example"
)


class Site:
    """Serves pages and the SDK, and takes what it sends."""

    def __init__(self, body: str) -> None:
        self.body = body
        self.headers = {"Content-Security-Policy": POLICY}
        self.pages: dict[str, str] = {}
        """By path, what is there instead of the body and our script."""
        self.away = False
        """Nobody answers, by socket or request."""
        self.sockets_blocked = False
        self.frames: dict[str, dict[int, dict[str, Any]]] = {}
        """By stream and seq."""
        self.repeated = 0
        self.hellos: list[dict[str, Any]] = []
        self.posts = 0
        self.fetched: list[str] = []
        self.errors: list[str] = []
        self.sockets: list[WebSocketRoute] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.changed = asyncio.Condition()

    async def serve(self, route: Route) -> None:
        """Answer a request of the page."""
        path = re.sub(r"^https://[^/]+", "", route.request.url).split("?")[0]
        self.fetched.append(path)
        if path == "/v1/batch":
            await self._batch(route)
        elif path.endswith(".js"):
            headers = {"Access-Control-Allow-Origin": "*", "Content-Type": "text/javascript"}
            await route.fulfill(path=DIST / path[1:], headers=headers)
        else:
            body = self.pages.get(path, self.body + TAG)
            html = f"<!doctype html><meta charset=utf-8><body>{body}"
            await route.fulfill(body=html, content_type="text/html", headers=self.headers)

    async def _batch(self, route: Route) -> None:
        if self.away:
            await route.abort()
            return
        self.posts += 1
        body = json.loads(route.request.post_data or "")
        self.hellos.append(body["hello"])
        acked = max(self._take(body["hello"]["stream"], frame) for frame in body["messages"])
        await self._tell()
        answer: dict[str, Any] = {"acked": acked, "session": "s1", "resume": "r1", "config": {}}
        await route.fulfill(
            json={**answer, "clock": body["hello"]["clock"]},
            headers={"Access-Control-Allow-Origin": "*"},
        )

    def accept(self, socket: WebSocketRoute) -> None:
        """Take a connection, if anybody is there."""
        if self.away or self.sockets_blocked:
            self._later(socket.close(code=1013))
            return
        self.sockets.append(socket)
        stream = ""

        def hear(data: str | bytes) -> None:
            nonlocal stream
            frame: dict[str, Any] = json.loads(data)
            if frame["type"] == "hello":
                stream = frame["stream"]
                self.hellos.append(frame)
                acked = max(self.frames.get(stream, {0: {}}))
                welcome = {"type": "welcome", "session": "s1", "resume": "r1", "acked": acked}
                socket.send(json.dumps({**welcome, "clock": frame["clock"], "config": {}}))
            elif "seq" in frame:
                socket.send(json.dumps({"type": "ack", "seq": self._take(stream, frame)}))
            self._later(self._tell())

        socket.on_message(hear)

    def _take(self, stream: str, frame: dict[str, Any]) -> int:
        frames = self.frames.setdefault(stream, {})
        self.repeated += frame["seq"] in frames
        frames[frame["seq"]] = frame
        return frame["seq"]

    def _later(self, doing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(doing)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds of what has come."""
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(lambda: holds())

    async def go_away(self) -> None:
        """Close all connections and take none."""
        self.away = True
        for socket in self.sockets:
            await socket.close(code=1012)
        self.sockets.clear()

    def events(self, stream: str | None = None) -> list[list[Any]]:
        """What has come, in the order of seq; of all streams if none is named."""
        names = [stream] if stream else list(self.frames)
        return [
            event
            for name in names
            for seq in sorted(self.frames[name])
            for event in self.frames[name][seq].get("events", [])
        ]

    def presses(self, stream: str | None = None) -> int:
        """How many presses have come."""
        return sum(event[0] == 3 for event in self.events(stream))

    def outcomes(self) -> list[str]:
        """What has become of interventions."""
        frames = [frame for stream in self.frames.values() for frame in stream.values()]
        return [frame["kind"] for frame in frames if frame["type"] == "outcome"]


@asynccontextmanager
async def open_site(body: str, script: str = "") -> AsyncGenerator[tuple[Site, Page]]:
    """A site, and a page that is not there yet; `script` runs before each page."""
    site = Site(body)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = await browser.new_context()
        if script:
            await context.add_init_script(script)
        await context.route("**/*", site.serve)
        await context.route_web_socket(re.compile("^wss:"), site.accept)
        page = await context.new_page()
        page.on("pageerror", lambda error: site.errors.append(str(error)))
        yield site, page
        await browser.close()
