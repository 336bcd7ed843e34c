"""What somebody at a real mouse and keyboard does on the zoo's pages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from playwright.async_api import Page

Visit = Callable[[Page], Awaitable[None]]
# Four presses at this pace within a second are anger, if nothing answers.
_PACE_S = 0.17


async def point(page: Page, selector: str, frame: str = "") -> None:
    """Move to the middle of something, by way of some places."""
    found = page.frame_locator(frame).locator(selector) if frame else page.locator(selector)
    await found.scroll_into_view_if_needed()
    box = await found.bounding_box()
    assert box is not None, selector
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=6)


async def press(page: Page, selector: str, times: int = 1, *, frame: str = "") -> None:
    """Press something so many times in a row."""
    await point(page, selector, frame)
    for _ in range(times):
        await page.mouse.down()
        await asyncio.sleep(0.04)
        await page.mouse.up()
        await asyncio.sleep(_PACE_S - 0.04)


def presses(selector: str, times: int, frame: str = "") -> Visit:
    """A visit that presses one thing."""

    async def visit(page: Page) -> None:
        await press(page, selector, times, frame=frame)

    return visit


async def fills_in(page: Page) -> None:
    """Fill in the form, and send it."""
    await press(page, "#name")
    await page.keyboard.type("Dana", delay=90)
    await press(page, "#terms")
    await page.select_option("#size", "M")
    await press(page, "#send")


async def goes_around(page: Page) -> None:
    """Follow routes of a single-page application, and come back."""
    await press(page, "#a")
    await asyncio.sleep(0.4)
    await press(page, "#b")
    await asyncio.sleep(0.4)
    await page.go_back()


async def selects_text(page: Page) -> None:
    """Select a paragraph by pressing three times."""
    await point(page, "#text")
    for count in (1, 2, 3):
        await page.mouse.down(click_count=count)
        await page.mouse.up(click_count=count)
        await asyncio.sleep(0.12)


async def writes(page: Page) -> None:
    """Write in an editor."""
    await press(page, "#editor")
    await page.keyboard.type("Some lines", delay=80)
    await page.keyboard.press("Backspace")
    await press(page, "#text")


async def presses_twice(page: Page) -> None:
    """Press twice, from habit."""
    await point(page, "#works")
    for count in (1, 2):
        await page.mouse.down(click_count=count)
        await page.mouse.up(click_count=count)
        await asyncio.sleep(0.12)


async def uses_the_keyboard(page: Page) -> None:
    """Never touch the mouse."""
    await page.locator("#works").focus()
    # The first sign loads what sees answers, which may take longer than to press a key.
    await page.wait_for_function("!!document.querySelector('script[src*=more]')?.siq")
    for _ in range(5):
        await page.keyboard.press("Enter")
        await asyncio.sleep(_PACE_S)


async def presses_in_a_new_frame(page: Page) -> None:
    """Open a frame that was not there, and press what does nothing in it."""
    await press(page, "#add")
    await page.frame_locator("#added").locator("#dead").wait_for()
    await press(page, "#dead", 5, frame="#added")


class Scene(NamedTuple):
    """A visit of a page, and whether it is one of rage."""

    page: str
    visit: Visit
    rage: bool = False
    daily: bool = False
    """Part of `make test`."""


SCENES: dict[str, Scene] = {
    "static_dead": Scene("static", presses("#dead", 5), rage=True, daily=True),
    "static_works": Scene("static", presses("#works", 5)),
    "static_opens": Scene("static", presses("#opener", 4)),
    "static_form": Scene("static", fills_in, daily=True),
    "static_keyboard": Scene("static", uses_the_keyboard),
    "static_text": Scene("static", selects_text, daily=True),
    "static_double": Scene("static", presses_twice, daily=True),
    "react_dead": Scene("react", presses("#dead", 5), rage=True),
    "react_works": Scene("react", presses("#works", 5)),
    "react_late": Scene("react", presses("#late", 2)),
    "vue_dead": Scene("vue", presses("#dead", 5), rage=True),
    "vue_works": Scene("vue", presses("#works", 5)),
    "vue_late": Scene("vue", presses("#late", 2)),
    "spa_routes": Scene("spa", goes_around, daily=True),
    "spa_dead": Scene("spa", presses("#dead", 5), rage=True),
    "shadow_dead": Scene("shadow", presses("#dead", 5), rage=True),
    "shadow_works": Scene("shadow", presses("#works", 5)),
    "frames_dead": Scene("frames", presses("#dead", 5, "#frame"), rage=True, daily=True),
    "frames_works": Scene("frames", presses("#works", 5, "#frame"), daily=True),
    "frames_added": Scene("frames", presses_in_a_new_frame, rage=True),
    "frames_elsewhere": Scene("frames", presses("#dead", 5, "#elsewhere")),
    "datepicker_pages": Scene("datepicker", presses("#next-month", 6), daily=True),
    "stepper_plus": Scene("stepper", presses("#plus", 6), daily=True),
    "stepper_state": Scene("stepper", presses("#plus-state", 6)),
    "carousel_next": Scene("carousel", presses("#next-slide", 6), daily=True),
    "canvas_plays": Scene("canvas", presses("#game", 7), daily=True),
    "video_plays": Scene("video", presses("#play", 4)),
    "video_itself": Scene("video", presses("#film", 5)),
    "editor_writes": Scene("editor", writes),
    "table_sorts": Scene("table", presses("#sort", 3)),
    "strict_dead": Scene("strict", presses("#dead", 5), rage=True),
    "strict_works": Scene("strict", presses("#works", 5)),
}
