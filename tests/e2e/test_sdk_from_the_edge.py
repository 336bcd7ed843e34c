"""The snippet of docs/operations.md in a real browser: another origin's script, and its hash."""

from __future__ import annotations

import re
import shutil

import pytest
from playwright.async_api import async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from edge.sdk import load_sdk
from services.common.http import HttpServer
from tests.documents import ROOT, fenced
from tests.unit.edge.stand_ins import http, running_edge

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.e2e
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium: run `make browser`")
async def test_a_browser_runs_what_has_the_integrity_and_nothing_else():
    sdk = load_sdk("")
    assert sdk is not None
    (snippet,) = fenced(ROOT / "docs" / "operations.md", "html")
    async with running_edge() as edge, http(edge, sdk) as ask:

        async def page(request: Request) -> Response:
            wrong = "sha384-" + "A" * 64
            integrity = wrong if "broken" in request.query_params else sdk.core.integrity
            body = re.sub(r'src="[^"]+"', f'src="{ask.base_url.join(sdk.path)}"', snippet)
            body = body.replace("sha384-…", integrity)
            # The strictest of pages: nothing of other origins that does not allow it.
            strict = {"Cross-Origin-Embedder-Policy": "require-corp"}
            return HTMLResponse(f"<!doctype html><meta charset=utf-8>{body}", headers=strict)

        site = HttpServer(Starlette(routes=[Route("/", page)]), "127.0.0.1:0", grace_s=1)
        await site.start()
        try:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=CHROMIUM, args=["--no-sandbox"]
                )
                tab = await browser.new_page()
                ran: dict[str, str] = {}
                for query in ("", "?broken=1"):
                    await tab.goto(f"http://127.0.0.1:{site.port}/{query}", wait_until="load")
                    ran[query] = await tab.evaluate("typeof window.SentientIQ?.init")
                await browser.close()
        finally:
            await site.stop()
    assert ran == {"": "function", "?broken=1": "undefined"}
