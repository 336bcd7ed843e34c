"""The zoo's keeper: serves its pages and our SDK, and keeps what our edge takes from them.

The edge is the real one from its sockets to its session core; the mesh behind it is not there
(tests/unit/edge/stand_ins.py). What it accepts becomes lines as `sentientiq detect` reads them.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from difflib import ndiff
from pathlib import Path
from typing import Any, cast

import httpx
from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from benchmarks.accuracy.verdicts import Verdict, run
from benchmarks.bots.shop import lines_of
from services.common.http import HttpServer
from services.common.log import BEHAVIOR
from tests.e2e.sdk_page import CHROMIUM, DIST
from tests.unit.edge import stand_ins

ZOO = Path(__file__).parent
PAGES = ZOO / "pages"
GOLDEN = ZOO / "golden"
LIBRARIES = ZOO / "node_modules"
REWRITE = os.environ.get("SIQ_GOLDEN") == "write"
"""Write what was sent as the new golden recordings, to be read before they are committed."""

# What differs from run to run: where the pointer was on its way, and for how long.
_FLEETING = frozenset({"pointer_move", "hover", "visibility", "pointer_exit", "resize", "scroll"})
_NUMBERS = frozenset(
    {"t", "ms", "x", "y", "after", "duration", "dwell", "width", "height", "page_height"}
)
_STUB = """<script>window.SentientIQ = { q: [] };
for (const name of "init identify track on reset consent optOut optIn flush".split(" "))
  SentientIQ[name] = (...args) => SentientIQ.q.push([name, args]);
window.troubles = [];
addEventListener("error", (e) => troubles.push(e.message));
addEventListener("unhandledrejection", (e) => troubles.push(String(e.reason)));</script>"""


class Keeper:
    """A zoo that is open."""

    def __init__(self, edge: stand_ins.Edge, http: str, site: HttpServer, browser: Browser) -> None:
        self.edge = edge
        self.http = http
        self.url = f"http://127.0.0.1:{site.port}"
        self.browser = browser

    @property
    def http_port(self) -> int:
        """Where the edge speaks HTTP."""
        return int(self.http.rpartition(":")[2])

    def lines(self, start: int = 0) -> list[dict[str, Any]]:
        """What the edge has accepted, from its nth message on."""
        found: list[dict[str, Any]] = []
        for accepted in self.edge.mesh.accepted[start:]:
            if accepted.topic == BEHAVIOR:
                batch = BehaviorBatch.FromString(accepted.value)
                for line in lines_of(batch, batch.session_id):
                    found.append({**json.loads(line), "stream": batch.stream_id})
        return found

    def verdict(self) -> Verdict:
        """What the detector says of the only session there is."""
        lines = [json.dumps(line).encode() + b"\n" for line in self.lines()]
        (verdict,) = run(lines, "zoo").values()
        return verdict

    async def open(self, name: str, context: BrowserContext | None = None, **query: int) -> Page:
        """Open a page of the zoo in a tab of its own and wait until it is observed.

        Args:
            name: of the page.
            context: the browser's, if it is not a fresh one.
            query: `ws` and `http` say by which ports the page reaches the edge.
        """
        context = context or await self.browser.new_context(viewport={"width": 1000, "height": 800})
        page = await context.new_page()
        before = len(self.edge.mesh.accepted)
        await page.goto(f"{self.url}/{name}?{httpx.QueryParams(query)}")
        await self.heard("page_view", before)
        return page

    async def heard(self, kind: str, start: int = 0, count: int = 1) -> None:
        """Wait until so many events of a kind have come.

        Raises:
            TimeoutError: they have not within 15 s.
        """
        async with asyncio.timeout(15):
            while sum(line["type"] == kind for line in self.lines(start)) < count:
                await asyncio.sleep(0.02)

    async def done(self, page: Page) -> None:
        """Wait until everything a page has seen is here; it must not have failed meanwhile."""
        # Longer than an answer to the last press may take.
        await asyncio.sleep(0.6)
        await page.evaluate("SentientIQ.track('done')")
        await self.heard("track")
        assert await page.evaluate("window.troubles || []") == []


def told(lines: list[dict[str, Any]]) -> list[str]:
    """Lines without what differs from run to run, as a person reads them."""
    found: list[str] = []
    for line in lines:
        if line["type"] in _FLEETING or line.get("name") == "done":
            continue
        rest = [
            f"{key}={_word(value)}"
            for key, value in line.items()
            if key not in {"session", "stream", "type", "page", "ptr", *_NUMBERS}
            and value not in ([], 0, "")
        ]
        found.append(" ".join([line["type"], *rest]))
    return found


def _word(value: Any) -> str:
    return ",".join(cast("list[str]", value)) if isinstance(value, list) else str(value)


def check_golden(name: str, lines: list[dict[str, Any]]) -> None:
    """What was sent is what the golden recording says."""
    file = GOLDEN / f"{name}.txt"
    said = told(lines)
    if REWRITE:
        file.write_text("\n".join(said) + "\n")
    expected = file.read_text().splitlines()
    assert said == expected, "\n".join(ndiff(expected, said))


def _site(edge_port: int, http_port: int) -> Starlette:
    async def page(request: Request) -> Response:
        name = request.path_params["name"]
        file = PAGES / f"{name}.html"
        if not file.exists():
            return Response(status_code=404)
        ws_port = request.query_params.get("ws", edge_port)
        options = json.dumps(
            {
                "endpoint": f"ws://127.0.0.1:{ws_port}",
                "httpEndpoint": f"http://127.0.0.1:{request.query_params.get('http', http_port)}",
            }
        )
        nonce = "bm9uY2U"
        start = (
            f'<script>SentientIQ.init("pk", {options})</script>'
            '<script async src="/sentientiq.js"></script>'
        )
        body = file.read_text().replace("<head>", f"<head>{_STUB}{start}", 1)
        headers: dict[str, str] = {}
        if name == "strict":
            body = body.replace("<script", f'<script nonce="{nonce}"')
            headers["Content-Security-Policy"] = (
                f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}';"
                f" connect-src ws://127.0.0.1:{edge_port} http://127.0.0.1:{http_port}"
            )
        return HTMLResponse(body, headers=headers)

    async def script(request: Request) -> Response:
        return FileResponse(
            DIST / f"{request.path_params['name']}.js", media_type="text/javascript"
        )

    async def library(request: Request) -> Response:
        return FileResponse(LIBRARIES / request.path_params["path"], media_type="text/javascript")

    async def slow(request: Request) -> Response:
        await asyncio.sleep(float(request.query_params.get("s", "0.05")))
        return JSONResponse({"ok": True}, int(request.query_params.get("status", "200")))

    return Starlette(
        routes=[
            Route("/{name:str}.js", script),
            Route("/lib/{path:path}", library),
            Route("/api", slow, methods=["GET", "POST"]),
            Route("/{name:str}", page),
        ]
    )


@asynccontextmanager
async def open_zoo() -> AsyncGenerator[Keeper]:
    """Open the zoo on free ports."""
    grant = replace(stand_ins.GRANT, origins=("*",))
    stand_ins.GRANTS["pk"], before = grant, stand_ins.GRANTS["pk"]
    try:
        async with stand_ins.running_edge() as edge, stand_ins.http(edge) as ask:
            site = HttpServer(_site(edge.port, ask.base_url.port or 0), "127.0.0.1:0", grace_s=1)
            await site.start()
            try:
                async with async_playwright() as playwright:
                    browser = await playwright.chromium.launch(
                        executable_path=CHROMIUM,
                        args=["--no-sandbox"],
                        ignore_default_args=["--disable-back-forward-cache"],
                    )
                    try:
                        yield Keeper(edge, str(ask.base_url), site, browser)
                    finally:
                        await browser.close()
            finally:
                await site.stop()
    finally:
        stand_ins.GRANTS["pk"] = before
