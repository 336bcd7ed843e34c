"""`python -m benchmarks sdk`."""

from __future__ import annotations

import asyncio
import json
import math
import time
from typing import TYPE_CHECKING, Any, Final, cast

import click
from playwright.async_api import async_playwright

from benchmarks.bots.shop import open_shop
from benchmarks.chromium import find_chromium
from benchmarks.sdk.profile import cost_of

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Page

HZ: Final = 60
WARM_UP_S: Final = 5.0
SAMPLE_US: Final = 100
SCRIPT: Final = "sentientiq"
BODY: Final = """<!doctype html><meta charset=utf-8><title>Table</title>
<script>window.SentientIQ = { q: [["init", ["pk_bots", %s]]], init() {} };</script>
<script async src="/sentientiq.js"></script><table><tbody id=rows></tbody></table>
<script>document.querySelector('#rows').innerHTML = Array.from({ length: 2000 }, (_, i) =>
  `<tr><td>${i}</td><td><button>Row ${i}</button></td><td><a href="#r${i}">Link</a></td></tr>`
).join('');</script>"""


async def _move(page: Page, seconds: float) -> None:
    """Move in large figures over the page, 60 times a second."""
    began = time.monotonic()
    step = 0
    while (passed := time.monotonic() - began) < seconds:
        x, y = 500 + 400 * math.sin(passed * 2.1), 400 + 350 * math.sin(passed * 3.3)
        await page.mouse.move(x, y)
        step += 1
        await asyncio.sleep(max(0.0, began + step / HZ - time.monotonic()))


async def _heap_bytes(cdp: CDPSession) -> int:
    """What the page holds, after the collector has run."""
    await cdp.send("HeapProfiler.collectGarbage")
    usage = cast("Any", await cdp.send("Runtime.getHeapUsage"))
    return int(usage["usedSize"])


async def measure(seconds: float, minutes: float) -> dict[str, float]:
    """Profile so many seconds of movement, then let it go on for so many minutes.

    Raises:
        click.ClickException: there is no Chromium.
    """
    path = find_chromium()
    async with open_shop() as shop, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1000, "height": 800})
        options = json.dumps(
            {"endpoint": shop.url.replace("http", "ws", 1) + "/table", "httpEndpoint": shop.url}
        )
        shop.pages["/table"] = BODY % options
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(shop.url + "/table")
        await shop.heard("table", b'"page_view"')
        cdp = await page.context.new_cdp_session(page)
        nodes = int(await page.evaluate("document.querySelectorAll('*').length"))
        await _move(page, WARM_UP_S)
        await cdp.send("Profiler.enable")
        await cdp.send("Profiler.setSamplingInterval", {"interval": SAMPLE_US})
        await cdp.send("Profiler.start")
        await _move(page, seconds)
        stopped = cast("Any", await cdp.send("Profiler.stop"))
        await cdp.send("Profiler.disable")
        cost = cost_of(stopped["profile"], SCRIPT)
        before = await _heap_bytes(cdp)
        await _move(page, minutes * 60)
        after = await _heap_bytes(cdp)
        await browser.close()
        return {
            "nodes": nodes,
            "main_thread_share": round(cost.share, 5),
            "longest_ms": round(cost.longest_ms, 3),
            "heap_growth_bytes": after - before,
            "minutes": minutes,
            "moves_sent": sum(b'"pointer_move"' in line for line in shop.lines["table"]),
            "errors": len(errors),
        }


@click.command("sdk")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--seconds", default=20.0, show_default=True, help="Of movement to profile.")
@click.option("--minutes", default=10.0, show_default=True, help="Of movement for the heap.")
def command(as_json: bool, seconds: float, minutes: float) -> None:
    """What the SDK takes of a page's main thread and heap while the pointer moves."""
    result = asyncio.run(measure(seconds, minutes))
    if as_json:
        click.echo(json.dumps(result))
        return
    for name, value in result.items():
        click.echo(f"{name}: {value}")
