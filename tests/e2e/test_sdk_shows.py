"""Help in the page: one card, never over what is in use, never again what was waved away."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from playwright.async_api import Route

from tests.e2e.sdk_page import CHROMIUM, SITE, TAG, Site, open_site

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: run `make browser`"),
]

BODY = f"<h1>Shop</h1>{'<br>' * 20}<button id=dead>Pay</button>"
HELP = {
    "type": "intervention",
    "intervention": "escalation",
    "expires_at": 9e15,
    "payload": {
        "title": "A person is on it",
        "body": "We call you back.",
        "actions": [
            {"id": "ok", "label": "Good"},
            {"id": "run", "label": "Bad", "url": "javascript:window.ran=1"},
            {"id": "away", "label": "Read", "url": "https://other.example/x"},
        ],
    },
}
CARD = "siq-intervention"


def send(site: Site, name: str, template: str = "t1", **more: Any) -> None:
    site.sockets[-1].send(json.dumps({**HELP, "id": name, "template": template, **more}))


async def test_one_card_at_a_time_and_none_that_was_waved_away():
    async with open_site(BODY) as (site, page):
        await page.goto(SITE)
        await site.until(lambda: site.frames)
        assert "/sentientiq-more.js" not in site.fetched
        await page.evaluate("void SentientIQ.on('action', (e) => (window.acted = e.action.id))")
        send(site, "i1")
        send(site, "i2", "t2")
        await site.until(lambda: site.outcomes() == ["shown", "shown"])
        assert await page.locator(CARD).count() == 1
        await page.keyboard.press("Escape")
        await site.until(lambda: site.outcomes()[2:] == ["dismissed"])
        assert await page.locator(CARD).count() == 0
        send(site, "i3", "t2")
        await site.until(lambda: site.outcomes()[3:] == ["dismissed"])
        assert await page.locator(CARD).count() == 0
        # The same once more says nothing; a late one neither.
        send(site, "i3", "t9")
        send(site, "i4", "t4", expires_at=1)
        send(site, "i5", "t5")
        await site.until(lambda: site.outcomes()[4:] == ["shown"])
        await page.click(f"{CARD} >> text=Good")
        await site.until(lambda: site.outcomes()[5:] == ["clicked"])
        assert await page.evaluate("acted") == "ok"
        assert site.errors == []


async def test_a_card_covers_nothing_in_use_and_takes_no_focus():
    async with open_site(BODY) as (site, page):
        await page.set_viewport_size({"width": 400, "height": 640})
        await page.goto(SITE)
        await page.click("#dead")
        await site.until(site.presses)
        send(site, "i1")
        await page.locator(CARD).wait_for()
        assert await page.evaluate("document.activeElement.id") == "dead"
        assert await page.evaluate(
            """() => {
              const card = document.querySelector('siq-intervention').getBoundingClientRect();
              return card.bottom < dead.getBoundingClientRect().top;
            }"""
        )
        for control in await page.locator(f"{CARD} button, {CARD} a").all():
            box = await control.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 24
        assert await page.locator(f"{CARD} a").count() == 1
        link = page.locator(f"{CARD} a")
        assert await link.get_attribute("target") == "_blank"
        await page.click(f"{CARD} >> text=Bad")
        assert await page.evaluate("window.ran") is None
        assert site.errors == []


async def test_a_card_is_not_over_what_was_pressed_and_takes_no_focus():
    body = BODY.replace("<button id=dead>Pay</button>", "<span id=dead data-siq=pay>Pay</span>")
    async with open_site(body) as (site, page):
        await page.set_viewport_size({"width": 400, "height": 640})
        await page.goto(SITE)
        await page.hover("#dead")
        await site.until(lambda: "/sentientiq-more.js" in site.fetched)
        for _ in range(3):
            await page.click("#dead")
        await site.until(lambda: site.presses() == 3)
        assert await page.evaluate("document.activeElement == document.body")
        send(site, "i1")
        await page.locator(CARD).wait_for()
        assert await page.evaluate(
            """() => {
              const card = document.querySelector('siq-intervention').getBoundingClientRect();
              return card.bottom < dead.getBoundingClientRect().top;
            }"""
        )
        assert site.errors == []


async def test_a_clock_that_is_none_takes_no_card_away():
    async with open_site(BODY) as (site, page):
        await page.goto(SITE)
        await site.until(lambda: site.frames)
        welcome: dict[str, Any] = {
            "type": "welcome",
            "session": "s1",
            "resume": "r1",
            "acked": 0,
            "config": {},
        }
        site.sockets[-1].send(json.dumps({**welcome, "clock": {}}))
        send(site, "i1")
        await site.until(lambda: site.outcomes() == ["shown"])
        await page.evaluate("new Promise((done) => setTimeout(done, 20))")
        assert await page.locator(CARD).count() == 1
        assert site.errors == []


async def test_help_that_comes_before_the_body_waits_for_it():
    arrives = asyncio.Event()

    async def head(route: Route) -> None:
        html = f"<!doctype html><head>{TAG}<script src=/late.js></script></head><body>{BODY}"
        await route.fulfill(body=html, content_type="text/html")

    async def late(route: Route) -> None:
        await arrives.wait()
        await route.fulfill(body="", content_type="text/javascript")

    async with open_site(BODY) as (site, page):
        await page.route(f"{SITE}/", head)
        await page.route("**/late.js", late)
        await page.goto(SITE, wait_until="commit")
        await site.until(lambda: site.frames)
        assert await page.evaluate("document.body") is None
        async with page.expect_response("**/sentientiq-more.js"):
            send(site, "i1")
        await asyncio.sleep(0.2)
        assert site.outcomes() == []
        arrives.set()
        await site.until(lambda: site.outcomes() == ["shown"])
        assert await page.locator(CARD).count() == 1
        assert site.errors == []


async def test_help_that_was_not_shown_yet_is_shown_when_it_comes_again():
    async def never(route: Route) -> None:
        await route.abort()

    async with open_site(BODY) as (site, page):
        await page.route("**/sentientiq-more.js", never)
        await page.goto(SITE)
        await site.until(lambda: site.frames)
        async with page.expect_request("**/sentientiq-more.js"):
            send(site, "i1")
        await site.until(lambda: site.outcomes() == ["failed"])
        await page.unroute("**/sentientiq-more.js")
        await page.goto(SITE)
        await site.until(lambda: len(site.frames) == 2)
        send(site, "i1")
        await site.until(lambda: site.outcomes() == ["failed", "shown"])
        # The same once more, shown already, leaves it where it is.
        send(site, "i1")
        await page.evaluate("new Promise((done) => setTimeout(done, 200))")
        assert await page.locator(CARD).count() == 1
        assert site.outcomes() == ["failed", "shown"]
        assert site.errors == []


async def test_a_page_renders_help_itself_if_it_wants():
    async with open_site(BODY) as (site, page):
        await page.goto(SITE)
        await site.until(lambda: site.frames)
        handler = "e => (e.preventDefault(), e.report('clicked', 'a'))"
        await page.evaluate(f"void SentientIQ.on('intervention', {handler})")
        send(site, "i1")
        await site.until(lambda: site.outcomes() == ["clicked"])
        assert await page.locator(CARD).count() == 0


async def test_reset_begins_a_stream_in_which_all_is_forgotten():
    async with open_site(BODY) as (site, page):
        await page.goto(SITE)
        await site.until(lambda: site.frames)
        send(site, "i1")
        await site.until(lambda: site.outcomes() == ["shown"])
        await page.keyboard.press("Escape")
        await site.until(lambda: site.outcomes()[1:] == ["dismissed"])
        await page.evaluate("SentientIQ.reset()")
        await site.until(lambda: len(site.frames) == 2)
        assert site.hellos[-1].get("session") is None
        send(site, "i1")
        await site.until(lambda: site.outcomes()[2:] == ["shown"])
        await page.evaluate("SentientIQ.optOut()")
        assert await page.locator(CARD).count() == 0
        keys = await page.evaluate("Object.keys(localStorage)")
        assert keys == ["siq:optout"]
