"""Visits of the shop by somebody who looks around, opens the cart and hammers its dead button.

The errand is the same for all; only who moves the mouse differs. `hand` moves as a person does:
submovements of minimum jerk, corrections, tremor, times by Fitts' law, log-normal rests
(benchmarks/visitors). `straight` is Playwright's own `mouse.move(x, y, steps=n)`.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from benchmarks.visitors.motion import draw_hand, reach
from benchmarks.visitors.timing import log_normal

if TYPE_CHECKING:
    from numpy.random import Generator
    from playwright.async_api import Browser, Page

    from benchmarks.bots.shop import Shop

KINDS: Final = ("hand", "straight")
VIEW: Final = (1280, 800)
PRESSES: Final = 5
"""On the dead button, at the end."""
LISTEN_S: Final = 0.6
"""After the last press: longer than a press waits for an answer before it counts as unanswered."""
THINGS: Final = """() =>
  [...document.querySelectorAll('.shop .product, .shop button, .shop .line, .shop h1')]
    .map(el => el.getBoundingClientRect())
    .filter(b => b.width && b.top > 0 && b.bottom < innerHeight)
    .map(b => [b.x, b.y, b.width, b.height])"""

Box = tuple[float, float, float, float]


class Mouse(Protocol):
    """Who moves the mouse."""

    async def go(self, x: float, y: float, width: float) -> None:
        """Move to about (x, y), which is `width` px across."""
        ...

    async def rest(self) -> None:
        """Look at what is there."""
        ...


class HandMouse:
    """As a hand moves, as far as anybody knows."""

    def __init__(self, page: Page, rng: Generator) -> None:
        self._page = page
        self._rng = rng
        self._hand = draw_hand(rng)
        self._at = (float(rng.uniform(200, 900)), float(rng.uniform(150, 650)))

    async def go(self, x: float, y: float, width: float) -> None:
        """Play a path in real time; who falls behind leaves positions out, as a browser does."""
        path = reach(self._rng, self._hand, self._at, (x, y), width)
        began = time.monotonic()
        last = len(path.t) - 1
        place = -1
        while place < last:
            behind = (time.monotonic() - began) * 1000
            place = max(place + 1, int(np.searchsorted(path.t, behind)))
            place = min(place, last)
            await asyncio.sleep(max(0.0, began + path.t[place] / 1000 - time.monotonic()))
            # A mouse reports whole pixels.
            await self._page.mouse.move(round(path.x[place]), round(path.y[place]))
        self._at = (float(path.x[-1]), float(path.y[-1]))

    async def rest(self) -> None:
        """Rest for a log-normal time."""
        await asyncio.sleep(min(log_normal(self._rng, 150, 0.6), 600) / 1000)


class StraightMouse:
    """As scripts move: in equal steps along a line."""

    def __init__(self, page: Page, rng: Generator) -> None:
        self._page = page
        self._rng = rng

    async def go(self, x: float, y: float, width: float) -> None:
        """Let Playwright move, in 10 to 60 steps."""
        del width
        await self._page.mouse.move(x, y, steps=int(self._rng.integers(10, 61)))

    async def rest(self) -> None:
        """Wait for nothing, as scripts do."""


async def visit(browser: Browser, shop: Shop, name: str, rng: Generator, seconds: float) -> None:
    """Look around for so many seconds, then press the dead button."""
    context = await browser.new_context(viewport={"width": VIEW[0], "height": VIEW[1]})
    try:
        await context.route(
            "**/demo.json",
            lambda route: route.fulfill(body=shop.config(name), content_type="application/json"),
        )
        page = await context.new_page()
        await page.goto(shop.url + "/")
        await shop.heard(name, b'"page_view"')
        mouse: Mouse = (HandMouse if name.startswith("hand") else StraightMouse)(page, rng)
        await _look_around(page, mouse, rng, seconds / 2)
        await _open_cart(page, mouse, rng)
        await _look_around(page, mouse, rng, seconds / 2)
        await _into(mouse, rng, await _box(page, "[data-siq=more-lidar]"))
        await _press(page)
        await _into(mouse, rng, await _box(page, "#pay-now"))
        for _ in range(PRESSES):
            await _press(page)
        # The shop hears of it last: then it has heard everything.
        await asyncio.sleep(LISTEN_S)
        await page.evaluate("SentientIQ.track('errand_done')")
        await shop.heard(name, b'"errand_done"')
    finally:
        await context.close()


async def _open_cart(page: Page, mouse: Mouse, rng: Generator) -> None:
    for _ in range(5):  # a hand may miss
        await _into(mouse, rng, await _box(page, "nav a[href='#/cart']"))
        await _press(page)
        if await page.locator("#pay-now").count():
            return
    raise RuntimeError("the cart does not open")


async def _press(page: Page) -> None:
    await page.mouse.down()
    await asyncio.sleep(0.06)
    await page.mouse.up()
    await asyncio.sleep(0.2)


async def _box(page: Page, selector: str) -> Box:
    box = await page.locator(selector).bounding_box()
    if box is None:
        raise RuntimeError(f"{selector} is not to be seen in the shop")
    return box["x"], box["y"], box["width"], box["height"]


async def _into(mouse: Mouse, rng: Generator, box: Box) -> None:
    left, top, width, height = box
    x = left + width * float(rng.uniform(0.4, 0.6))
    y = top + height * float(rng.uniform(0.4, 0.6))
    await mouse.go(x, y, min(width, height) / 2)


async def _look_around(page: Page, mouse: Mouse, rng: Generator, seconds: float) -> None:
    """Go from thing to thing."""
    until = time.monotonic() + seconds
    boxes: list[Box] = await page.evaluate(THINGS)
    while time.monotonic() < until:
        await _into(mouse, rng, boxes[int(rng.integers(len(boxes)))])
        await mouse.rest()
