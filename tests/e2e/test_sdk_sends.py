"""What the SDK sends arrives once, in order: server away, sockets or storage blocked, CSP."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from playwright.async_api import Page

from tests.e2e.sdk_page import CHROMIUM, POLICY, SITE, open_site

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: run `make browser`"),
]

BUTTON = "<button id=dead>Press</button><input id=name><input id=secret type=password>"


async def holds(page: Page, expression: str) -> None:
    """Wait until something holds in a page whose policy forbids Playwright's own waiting."""
    async with asyncio.timeout(10):
        while not await page.evaluate(expression):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "trusted_types",
    [
        "",
        "; require-trusted-types-for 'script'; trusted-types sentientiq",
        # Ours is not named, and nothing requires it.
        "; trusted-types theirs",
    ],
)
async def test_a_page_under_a_strict_policy_loads_the_rest_with_the_first_sign(trusted_types: str):
    async with open_site(BUTTON) as (site, page):
        site.headers = {"Content-Security-Policy": POLICY + trusted_types}
        await page.goto(SITE)
        await site.until(lambda: site.frames)
        assert "/sentientiq-more.js" not in site.fetched
        await page.hover("#dead")
        await holds(page, "!!document.querySelector('script[src*=more]')?.siq")
        await page.click("#dead")
        await page.evaluate("dead.ariaPressed = 'true'")
        await site.until(lambda: any(event[0] == 4 for event in site.events()))
        (press,) = [event for event in site.events() if event[0] == 3]
        flags = {
            target[0]: target[2]
            for frame in next(iter(site.frames.values())).values()
            for target in frame.get("targets", [])
        }
        assert flags[press[4]] & 1 << 20 == 0
        assert await page.evaluate("Object.keys(window).filter(n => /siq|sentient/i.test(n))") == [
            "SentientIQ"
        ]
        assert site.errors == []


async def test_without_the_rest_presses_say_that_nothing_was_seen():
    async with open_site(BUTTON) as (site, page):
        await page.route("**/sentientiq-more.js", lambda route: route.abort())
        await page.goto(SITE)
        await page.click("#dead")
        await site.until(site.presses)
        (frame,) = [f for f in next(iter(site.frames.values())).values() if f.get("targets")][:1]
        assert all(target[2] & 1 << 20 for target in frame["targets"] if "dead" in target[1])
        socket = site.sockets[0]
        help_ = {"id": "i1", "intervention": "chat", "template": "t", "expires_at": 9e15}
        socket.send(json.dumps({**help_, "type": "intervention", "payload": {"title": "t"}}))
        await site.until(lambda: site.outcomes())
        assert site.outcomes() == ["failed"]
        assert site.errors == []


async def test_a_press_by_the_keyboard_says_so():
    async with open_site(BUTTON) as (site, page):
        await page.goto(SITE)
        await site.until(lambda: site.frames)
        await page.focus("#dead")
        for _ in range(3):
            await page.keyboard.press("Enter")
        await page.click("#dead")
        await site.until(lambda: site.presses() == 4)
        assert [event[6] for event in site.events() if event[0] == 3] == [0, 0, 0, 4]
        assert site.errors == []


async def test_what_happens_while_the_server_is_away_arrives_once_and_in_order():
    async with open_site(BUTTON) as (site, page):
        await page.goto(SITE)
        await page.click("#dead")
        await site.until(site.presses)
        await site.go_away()
        for _ in range(5):
            await page.click("#dead")
        site.away = False
        await site.until(lambda: site.presses() == 6)
        (frames,) = site.frames.values()
        assert sorted(frames) == list(range(1, len(frames) + 1))
        assert site.errors == []


async def test_what_a_page_could_not_send_the_next_one_does():
    async with open_site(BUTTON) as (site, page):
        await page.goto(SITE)
        await site.until(lambda: site.frames)
        (stream,) = site.frames
        await site.go_away()
        for _ in range(3):
            await page.click("#dead")
        await page.goto("about:blank")
        assert site.presses() == 0
        site.away = False
        await page.goto(SITE + "/next")
        await site.until(lambda: site.presses(stream) == 3)
        await site.until(lambda: len(site.frames) == 2)
        kept = next(hello for hello in reversed(site.hellos) if hello["stream"] == stream)
        assert (kept["session"], kept["resume"]) == ("s1", "r1")
        posts = site.posts
        # It is settled: a third page has nothing to send again.
        await page.goto(SITE + "/third")
        await site.until(lambda: len(site.frames) == 3)
        keys = await page.evaluate("Object.keys(localStorage)")
        assert not [key for key in keys if stream in key]
        assert site.presses(stream) == 3
        assert site.posts >= posts
        assert site.errors == []


async def test_two_tabs_share_a_visit_and_lose_nothing_to_each_other():
    async with open_site(BUTTON) as (site, page):
        await page.goto(SITE)
        await site.until(lambda: site.frames)
        await holds(page, "Object.keys(localStorage).length")
        other = await page.context.new_page()
        await other.goto(SITE + "/other")
        await site.until(lambda: len(site.frames) == 2)
        assert site.hellos[-1]["session"] == "s1"
        await site.go_away()
        for tab in (page, other):
            await tab.bring_to_front()
            await tab.click("#dead")
        site.away = False
        await site.until(lambda: site.presses() == 2)
        assert [site.presses(stream) for stream in site.frames] == [1, 1]
        assert site.errors == []


async def test_the_visitors_saved_data_is_asked_for_less():
    saver = "Object.defineProperty(navigator, 'connection', { value: { saveData: true } })"
    async with open_site(BUTTON, saver) as (site, page):
        await page.goto(SITE)
        await site.until(lambda: site.frames)
        for step in range(40):
            await page.mouse.move(100 + step, 200)
            await page.wait_for_timeout(25)
        await page.click("#dead")
        await site.until(site.presses)
        moves = [event for event in site.events() if event[0] == 2]
        assert 1 <= len(moves) <= 10


async def test_where_sockets_are_blocked_requests_carry_one_session():
    async with open_site(BUTTON, "Math.random = () => 0.01") as (site, page):
        site.sockets_blocked = True
        await page.goto(SITE)
        await page.click("#dead")
        await site.until(site.presses)
        await page.click("#dead")
        await site.until(lambda: site.presses() == 2)
        assert [hello.get("session") for hello in site.hellos][:2] == [None, "s1"]
        assert site.repeated == 0
        assert site.errors == []


async def test_where_storage_is_blocked_all_goes_on():
    blocked = "Object.defineProperty(window, 'localStorage', { get() { throw new Error('no'); } })"
    async with open_site(BUTTON, blocked) as (site, page):
        await page.goto(SITE)
        await page.click("#dead")
        await site.until(site.presses)
        await site.go_away()
        await page.click("#dead")
        site.away = False
        await site.until(lambda: site.presses() == 2)
        assert site.errors == []


async def test_a_first_field_is_not_missed_and_a_secret_stays_one():
    async with open_site(BUTTON) as (site, page):
        await page.goto(SITE)
        await page.focus("#name")
        await page.keyboard.type("Dana")
        await page.focus("#secret")
        await page.keyboard.type("hunter2")
        await page.focus("#dead")
        await site.until(lambda: [event[0] for event in site.events()].count(8) == 2)
        kinds = [event[0] for event in site.events() if event[0] in (7, 8, 9)]
        assert kinds == [7, 9, 8, 7, 8]
        (typed,) = [event for event in site.events() if event[0] == 9]
        assert typed[3:5] == [4, 0]
        left = [event[3] for event in site.events() if event[0] == 8]
        assert left == [1, None]
        assert "hunter2" not in json.dumps([site.frames, site.hellos])
        assert "Dana" not in json.dumps([site.frames, site.hellos])
        assert site.errors == []


OLD = """() => {
    const [entry] = Object.keys(localStorage).filter((name) => !name.slice(4).includes(":"));
    const visit = JSON.parse(localStorage[entry]);
    localStorage[entry] = JSON.stringify({...visit, l: visit.l - 3600e3, a: visit.a - 3600e3});
}"""


async def test_a_browser_whose_visit_is_over_is_known_until_somebody_else_is_in_front_of_it():
    async with open_site(BUTTON) as (site, page):
        await page.goto(SITE)
        await site.until(lambda: site.frames)
        await holds(page, "Object.keys(localStorage).length")
        site.pages["/without"] = ""
        await page.goto(SITE + "/without")
        await page.evaluate(OLD)
        await page.goto(SITE + "/later")

        def hellos() -> list[dict[str, Any]]:
            return [hello for hello in site.hellos if hello["page"] == "/later"]

        await site.until(hellos)
        (later,) = hellos()
        assert (later.get("session"), later["resume"]) == (None, "r1")
        await site.until(lambda: site.frames.get(later["stream"]))
        await page.evaluate("SentientIQ.reset()")
        await site.until(lambda: {hello["stream"] for hello in hellos()} > {later["stream"]})
        after = hellos()[-1]
        assert (after.get("session"), after.get("resume")) == (None, None)
        assert after["stream"] != later["stream"]
