"""What somebody at a real mouse and keyboard does on the zoo's pages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from itertools import repeat
from typing import NamedTuple

from playwright.async_api import Page

Visit = Callable[[Page], Awaitable[None]]
# Four presses at this pace within a second are anger, if nothing answers.
_PACE_S = 0.17
_HELD_S = 0.04
_PAIR_S = 0.12
_LATE_S = 0.12


class TooSlow(Exception):
    """This machine did not press at the pace it was told to: a visit of somebody else."""


async def point(page: Page, selector: str, frame: str = "") -> None:
    """Move to the middle of something, by way of some places."""
    found = page.frame_locator(frame).locator(selector) if frame else page.locator(selector)
    await found.scroll_into_view_if_needed()
    box = await found.bounding_box()
    assert box is not None, selector
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=6)


async def _noticed(page: Page) -> None:
    """Wait for what the first sign loads, to see answers: it may take longer than to press."""
    await page.wait_for_function("!!document.querySelector('script[src*=more]')?.siq")


async def _press(page: Page, count: int, pace_s: float) -> None:
    await page.mouse.down(click_count=count)
    await asyncio.sleep(_HELD_S)
    await page.mouse.up(click_count=count)
    await asyncio.sleep(pace_s - _HELD_S)


async def _burst(page: Page, counts: Iterable[int], pace_s: float) -> None:
    await _noticed(page)
    for count in counts:
        began = time.monotonic()
        await _press(page, count, pace_s)
        if time.monotonic() - began > pace_s + _LATE_S:
            raise TooSlow(f"{time.monotonic() - began:.2f} s for a press of {pace_s} s")


async def press(page: Page, selector: str, times: int = 1, *, frame: str = "") -> None:
    """Press something so many times in a row."""
    await point(page, selector, frame)
    for _ in range(times):
        await _press(page, 1, _PACE_S)


def presses(selector: str, times: int, frame: str = "") -> Visit:
    """A visit that presses one thing, and is too slow if it does so at another pace."""

    async def visit(page: Page) -> None:
        await point(page, selector, frame)
        await _burst(page, repeat(1, times), _PACE_S)

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
    await _burst(page, (1, 2, 3), _PAIR_S)


async def sorts(page: Page) -> None:
    """Sort a table that takes its time."""
    await press(page, "#sort", 3)


async def writes(page: Page) -> None:
    """Write in an editor."""
    await press(page, "#editor")
    await page.keyboard.type("Some lines", delay=80)
    await page.keyboard.press("Backspace")
    await press(page, "#text")


async def presses_twice(page: Page) -> None:
    """Press twice, from habit."""
    await point(page, "#works")
    await _burst(page, (1, 2), _PAIR_S)


async def uses_the_keyboard(page: Page) -> None:
    """Never touch the mouse."""
    await page.locator("#works").focus()
    await _noticed(page)
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
    "table_sorts": Scene("table", sorts),
    "strict_dead": Scene("strict", presses("#dead", 5), rage=True),
    "strict_works": Scene("strict", presses("#works", 5)),
}
