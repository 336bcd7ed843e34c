"""Frames of the page's own origin are seen like the page itself; those of others are left alone."""

from __future__ import annotations

import asyncio
import html
import json
from typing import Any

import pytest
from playwright.async_api import Page

from tests.e2e.sdk_page import CHROMIUM, SITE, TAG, Site, open_site

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: run `make browser`"),
]

INSIDE = (
    "<button id=dead>Dead</button><button id=works onclick=textContent+='!'>Works</button>"
    "<input id=name><p id=text>Some text to select</p>"
)
STYLE = "width:400px;height:150px;margin:30px 0 0 50px;border:7px solid"


def frame_of(inside: str = INSIDE, attributes: str = "id=frame") -> str:
    return f'<iframe {attributes} style="{STYLE}" srcdoc="{html.escape(inside)}"></iframe>'


LEAD = "src => new Promise((onload) => Object.assign(frame, { onload, src }))"
BODY = f"<button id=outside onclick=textContent+='!'>Outside</button>{frame_of()}"


async def ready(site: Site, page: Page, address: str = SITE) -> None:
    """Open the page, and wait until presses are observed."""
    site.headers = {}
    await page.goto(address)
    await site.until(lambda: site.frames)
    await page.hover("#outside")
    await page.wait_for_function("!!document.querySelector('script[src*=more]')?.siq")


async def press(page: Page, selector: str, frame: str = "#frame") -> tuple[float, float]:
    """Press something in a frame; where that is in the page."""
    box = await page.frame_locator(frame).locator(selector).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await page.mouse.move(x, y, steps=4)
    await page.mouse.down()
    await page.mouse.up()
    return x, y


def pressed(site: Site) -> list[tuple[str, int]]:
    """What was pressed, with its flags, in order."""
    found: list[tuple[str, int]] = []
    for stream in site.frames.values():
        for seq in sorted(stream):
            targets = {t[0]: (t[1], t[2]) for t in stream[seq].get("targets", [])}
            events: list[list[Any]] = stream[seq].get("events", [])
            found += [targets[event[4]] for event in events if event[0] == 3]
    return found


def reactions(site: Site) -> list[list[Any]]:
    """What answered which press."""
    return [event[2:4] for event in site.events() if event[0] == 4]


async def test_presses_keys_and_answers_in_a_frame_are_seen_where_they_are():
    async with open_site(BODY) as (site, page):
        await ready(site, page)
        x, y = await press(page, "#works")
        await site.until(lambda: reactions(site) == [[0, 1]])
        (click,) = [event for event in site.events() if event[0] == 3]
        assert abs(click[2] - x) <= 1
        assert abs(click[3] - y) <= 1
        async with asyncio.timeout(10):
            while [2, round(x), round(y)] not in [[e[0], *e[2:4]] for e in site.events()]:
                # Each place for longer than a sample is apart, or one might never be sampled.
                for off in (1, 0):
                    await page.mouse.move(round(x), round(y) + off)
                    await asyncio.sleep(0.1)
        await press(page, "#dead")
        await site.until(lambda: site.presses() == 2)
        await press(page, "#name")
        await page.keyboard.type("Dana")
        await press(page, "#text")
        await site.until(lambda: {7, 8, 9} <= {event[0] for event in site.events()})
        assert {of for _, of in reactions(site)} == {1, 3}
        await page.click("#outside")
        await site.until(lambda: site.presses() == 5)
        names = [name for name, _ in pressed(site)]
        assert names[:3] == ["button#works", "button#dead", "input#name"]
        assert names[4] == "button#outside"
        assert not any(flags & 1 << 20 for _, flags in pressed(site))
        await site.until(lambda: [0, 5] in reactions(site))
        # Times are the page's, whenever a frame's own began.
        assert all(0 <= event[1] < 20_000 for event in site.events())
        # Leaving a frame is not leaving the page.
        assert 19 not in {event[0] for event in site.events()}
        assert site.errors == []


async def test_requests_and_selections_in_a_frame_answer_too():
    inside = "<button id=asks onclick=fetch('/api')>Ask</button><p id=text>Some text to select</p>"
    async with open_site(f"<p id=outside>Out</p>{frame_of(inside)}") as (site, page):
        await ready(site, page)
        await press(page, "#asks")
        await site.until(lambda: reactions(site) == [[6, 1]])
        box = await page.frame_locator("#frame").locator("#text").bounding_box()
        assert box is not None
        await page.mouse.click(box["x"] + 20, box["y"] + 5, click_count=2)
        await site.until(lambda: [3, 3] in reactions(site))
        await site.until(lambda: 14 in {event[0] for event in site.events()})
        assert site.errors == []


async def test_frames_that_come_later_or_lead_elsewhere_are_seen():
    async with open_site("<p id=outside>Out</p>") as (site, page):
        site.pages["/other"] = "<button id=other>Other</button>"
        site.pages["/nest"] = frame_of("<button id=deep>Deep</button>", "id=inner")
        await ready(site, page)
        await page.evaluate(
            "html => outside.insertAdjacentHTML('afterend', html)",
            frame_of("<button id=added>Added</button>"),
        )
        await page.frame_locator("#frame").locator("#added").wait_for()
        await press(page, "#added")
        await site.until(lambda: site.presses() == 1)
        await page.evaluate("frame.removeAttribute('srcdoc')")
        await page.evaluate(LEAD, "/other")
        await press(page, "#other")
        await site.until(lambda: site.presses() == 2)
        await page.evaluate(LEAD, "/nest")
        inner = page.frame_locator("#frame").frame_locator("#inner").locator("#deep")
        box = await inner.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        await page.mouse.click(x, y)
        await site.until(lambda: site.presses() == 3)
        assert [name for name, _ in pressed(site)] == [
            "button#added",
            "button#other",
            "button#deep",
        ]
        deep = [event for event in site.events() if event[0] == 3][-1]
        assert abs(deep[2] - x) <= 1
        assert abs(deep[3] - y) <= 1
        assert site.errors == []


async def test_a_frame_of_another_origin_is_left_alone_and_breaks_nothing():
    frame = f'<iframe id=frame style="{STYLE}" src="https://other.example/inside"></iframe>'
    async with open_site(f"<button id=outside>Out</button>{frame}") as (site, page):
        site.pages["/inside"] = INSIDE
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        await ready(site, page)
        await press(page, "#works")
        await page.click("#outside")
        await site.until(site.presses)
        assert [name for name, _ in pressed(site)] == ["button#outside"]
        assert site.errors == []
        assert said == []


async def test_with_the_page_we_leave_its_frames():
    async with open_site(BODY) as (site, page):
        await ready(site, page)
        await press(page, "#dead")
        await site.until(site.presses)
        native = "frames[0].fetch.toString().includes('native code')"
        assert not await page.evaluate(native)
        await page.evaluate("SentientIQ.optOut()")
        assert await page.evaluate(native)
        await press(page, "#dead")
        await page.evaluate("SentientIQ.optIn()")
        await press(page, "#works")
        await site.until(lambda: site.presses() == 2)
        assert [name for name, _ in pressed(site)] == ["button#dead", "button#works"]


async def test_a_frame_that_observes_itself_is_not_observed_twice():
    frame = f'<iframe id=frame style="{STYLE}" src="/inside"></iframe>'
    async with open_site(f"<button id=outside>Out</button>{frame}") as (site, page):
        site.pages["/inside"] = INSIDE + TAG
        await ready(site, page)
        await site.until(lambda: len(site.frames) == 2)
        await press(page, "#dead")
        await page.click("#outside")
        await site.until(lambda: site.presses() == 2)
        assert sorted(name for name, _ in pressed(site)) == ["button#dead", "button#outside"]


@pytest.mark.parametrize(
    ("attribute", "seen"),
    [("data-siq-ignore", ["button#outside"]), ("data-siq-mask", ["button[masked]"])],
)
async def test_what_hides_a_frame_hides_what_is_in_it(attribute: str, seen: list[str]):
    body = f"<button id=outside>Out</button><div {attribute}>{frame_of()}</div>"
    async with open_site(body) as (site, page):
        await ready(site, page)
        await press(page, "#dead")
        await page.click("#outside")
        await site.until(lambda: "button#outside" in [name for name, _ in pressed(site)])
        assert [name for name, _ in pressed(site)][: len(seen)] == seen


async def test_a_card_is_not_over_what_was_pressed_in_a_frame():
    async with open_site(f"<p id=outside>Out</p>{'<br>' * 12}{frame_of()}") as (site, page):
        await page.set_viewport_size({"width": 500, "height": 640})
        await ready(site, page)
        _, y = await press(page, "#text")
        await site.until(site.presses)
        help_ = {"type": "intervention", "id": "i1", "intervention": "chat", "template": "t"}
        payload = {"title": "Hello", "body": "Can we help?"}
        site.sockets[-1].send(json.dumps({**help_, "expires_at": 9e15, "payload": payload}))
        box = await page.locator("siq-intervention").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < y
        assert site.errors == []
