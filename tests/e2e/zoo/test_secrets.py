"""What people type, choose and are shown never leaves their browser."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Request, WebSocket

from tests.e2e.sdk_page import CHROMIUM
from tests.e2e.zoo.keeper import open_zoo
from tests.e2e.zoo.visits import point, press

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(120),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: run `make browser`"),
]

FIELDS = (
    "text", "email", "password", "search", "tel", "url", "card", "code", "area", "rich",
)  # fmt: skip


async def test_of_secrets_in_every_kind_of_field_nothing_leaves():
    async with open_zoo() as zoo:
        page = await zoo.open("other")
        left: list[str] = []

        def asked(request: Request) -> None:
            if not request.is_navigation_request():
                left.append(request.url + (request.post_data or ""))

        def opened(socket: WebSocket) -> None:
            left.append(socket.url)
            socket.on("framesent", lambda frame: left.append(str(frame)))

        page.on("request", asked)
        page.on("websocket", opened)
        before = len(zoo.edge.mesh.accepted)
        await page.goto(f"{zoo.url}/private?session=SECRET-in-address#SECRET-fragment")
        await zoo.heard("page_view", before)
        for field in FIELDS:
            await press(page, f"#{field}")
            await page.keyboard.type(f"SECRET-{field}", delay=5)
        await press(page, "#number")
        await page.keyboard.type("4929112233445566", delay=5)
        await page.select_option("#choice", index=1)
        await page.evaluate("navigator.clipboard?.writeText('SECRET-copied').catch(() => {})")
        await press(page, "#text")
        await page.keyboard.press("Control+A")
        await page.keyboard.press("Control+C")
        await press(page, "#send")  # refused: that is no address
        await page.evaluate("document.querySelector('#form').noValidate = true")
        await press(page, "#send")
        await point(page, "#link")
        await asyncio.sleep(1.5)
        before = len(zoo.edge.mesh.accepted)
        await press(page, "#link")
        await zoo.heard("page_view", before)
        await asyncio.sleep(0.5)
        said = "\n".join(left)
        kinds = {line["type"] for line in zoo.lines()}
        assert {
            "focus", "input", "blur", "invalid", "submit", "error", "click", "hover",
        } <= kinds  # fmt: skip
        assert "ws://" in said
        for secret in ("SECRET", "secret", "4929", "112233"):
            assert secret not in said, said[max(0, said.index(secret) - 200) :][:400]
            for accepted in zoo.edge.mesh.accepted:
                assert secret.encode() not in accepted.value
