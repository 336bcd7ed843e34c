"""The HTML of the READMEs, pasted into a page as it stands there, and the key that it needs."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, WebSocketRoute, async_playwright

from tests.documents import README, ROOT, fenced, spans
from tests.integration.identity_service import MESH, running_service

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SDK = ROOT / "sdk" / "js" / "dist" / "sentientiq.js"
SITE = "https://your-site.example/"


class Edge:
    """Notes what the SDK says; welcomes whoever says hello."""

    def __init__(self) -> None:
        self.url = ""
        self.frames: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def accept(self, socket: WebSocketRoute) -> None:
        """Take a connection."""
        self.url = socket.url

        def hear(data: str | bytes) -> None:
            frame: dict[str, Any] = json.loads(data)
            self.frames.put_nowait(frame)
            if frame["type"] == "hello":
                welcome = {"type": "welcome", "session": "s", "resume": "r", "acked": 0}
                socket.send(json.dumps({**welcome, "clock": frame["clock"], "config": {}}))

        socket.on_message(hear)

    async def heard(self, kind: str) -> dict[str, Any]:
        """The next frame of a kind."""
        async with asyncio.timeout(20):
            while (frame := await self.frames.get())["type"] != kind:
                pass
            return frame


@pytest_asyncio.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield await browser.new_page()
        await browser.close()


@pytest.mark.e2e
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium: run `make browser`")
@pytest.mark.parametrize("document", ["README.md", "sdk/js/README.md"])
async def test_the_snippet_starts_the_sdk(document: str, page: Page):
    (snippet,) = fenced(ROOT / document, "html")
    endpoint = re.search(r'data-endpoint="([^"]+)"', snippet)
    assert endpoint
    edge, errors = Edge(), list[str]()
    page.on("pageerror", lambda error: errors.append(str(error)))

    async def serve(route: Route) -> None:
        if route.request.url.endswith("/sentientiq.js"):
            await route.fulfill(path=SDK, content_type="text/javascript")
        else:
            await route.fulfill(
                body=f"<!doctype html><meta charset=utf-8>{snippet}", content_type="text/html"
            )

    await page.route("**/*", serve)
    await page.route_web_socket(re.compile("^wss:"), edge.accept)
    await page.goto(SITE)
    if "identify(" not in snippet:
        await page.evaluate("SentientIQ.identify({ userId: 'u-17', token: 'signed' })")

    hello = await edge.heard("hello")
    assert edge.url.startswith(endpoint[1])
    assert hello["key"] == "pk_live_…"
    identify = await edge.heard("identify")
    assert identify["user_id"] == "u-17"
    assert identify["token"]
    assert errors == []


async def test_the_command_that_makes_a_key_makes_one(
    postgres_url: str, log_url: str, tmp_path: Path
):
    (command,) = [
        span for span in spans(README.read_text()) if span.startswith("sentientiq keys create T")
    ]
    async with running_service(postgres_url, log_url, tmp_path) as service:
        tenant = await service.make_tenant()
        words = [tenant if word == "TENANT" else word for word in shlex.split(command)[1:]]
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "cli.main", *words),
            env={
                **os.environ,
                "PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}",
                "SIQ_IDENTITY_ADDR": service.settings.listen,
                "SIQ_MESH_SECRET": MESH,
            },
            stdout=asyncio.subprocess.PIPE,
            cwd=tmp_path,
        )
        output, _ = await child.communicate()
    assert child.returncode == 0
    assert re.fullmatch(rb"pk_live_[0-9a-f]{24,}\n", output)
