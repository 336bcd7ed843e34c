"""The intervene page on a phone: reachable with a thumb, readable by everybody, honest."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from services.common import state
from services.common.state import where_key
from tests.e2e.sdk_page import CHROMIUM
from tests.integration.intervention_line import Directory, Line, Ports, link_of, process

AXE = Path(__file__).parent / "zoo" / "node_modules" / "axe-core" / "axe.min.js"
SHOTS = os.environ.get("SIQ_SCREENSHOTS")
PHONE: Any = {"width": 390, "height": 844}
THUMB = 44

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(180),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: run `make browser`"),
]

# A page that nobody looks at: opened in the background, or by something that renders previews.
HIDDEN = """
Object.defineProperty(document, 'visibilityState', {
  get: () => window.lookedAt ? 'visible' : 'hidden',
});
"""


@pytest.fixture(scope="module")
def ports(
    postgres_url: str, state_url: str, log_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ports]:
    """The service and the sandbox as processes."""
    made = Ports()
    environment = made.environment(postgres_url, state_url, log_url)
    sandbox = {"SIQ_HTTP_LISTEN": f"127.0.0.1:{made.sandbox}"}
    folder: Path = tmp_path_factory.mktemp("phone")
    with (
        process("services.sandbox", sandbox, folder / "sandbox.log"),
        process("services.intervention", environment, folder / "intervention.log"),
    ):
        yield made


@pytest_asyncio.fixture
async def line(ports: Ports, log_url: str) -> AsyncGenerator[Line, None]:
    """A tenant of its own, and the directory it is in."""
    directory = Directory()
    server = await directory.serve(ports.directory)
    made = Line(ports, directory, log_url)
    await directory.watched.wait()
    yield made
    await made.close()
    await server.stop(None)


@pytest_asyncio.fixture
async def browser() -> AsyncGenerator[Browser, None]:
    """Chromium."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-background-networking", "--disable-component-update"],
        )
        yield launched
        await launched.close()


async def texted(line: Line) -> str:
    """Somebody with a colleague is told of a rage; returns the link."""
    line.person(("sms", "+15550009999"), role="support")
    line.person()
    await line.decide(line.emotion("s1"), line.identity("s1"))
    path = link_of((await line.one_message())["body"])
    return f"http://127.0.0.1:{line.ports.http}{path}"


async def phone(browser: Browser, scheme: Any = "light") -> tuple[BrowserContext, Page, list[str]]:
    """A phone, and what its page fetched or complained of."""
    context = await browser.new_context(
        viewport=PHONE, color_scheme=scheme, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    page = await context.new_page()
    heard: list[str] = []
    page.on("pageerror", lambda error: heard.append(f"error {error}"))
    page.on("console", lambda message: heard.append(f"console {message.text}"))
    page.on("request", lambda request: heard.append(f"{request.method} {request.url}"))
    return context, page, heard


async def shoot(page: Page, name: str) -> None:
    """Keep a picture where SIQ_SCREENSHOTS names a folder."""
    if SHOTS:
        await page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


async def check(page: Page) -> None:
    """Nothing that axe finds, nothing wider than the phone, nothing smaller than a thumb."""
    await page.evaluate(AXE.read_text())
    found: Any = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert [
        (one["id"], [node["target"] for node in one["nodes"]]) for one in found["violations"]
    ] == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    small = await page.evaluate(
        "[...document.querySelectorAll('button')].filter(one => one.offsetParent)"
        ".map(one => [one.textContent, one.getBoundingClientRect().height])"
    )
    assert [one for one in small if one[1] < THUMB] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_page_is_usable_by_everybody_in_every_state(
    line: Line, browser: Browser, scheme: str
) -> None:
    link = await texted(line)
    context, page, heard = await phone(browser, scheme)
    await page.goto(link)
    offer = page.get_by_role("button", name="Send an offer")
    await expect(offer).to_be_enabled()
    for words in ("Dana Reyes", "Acme Robotics", "$100,000 USD", "$90,000 to $120,000", "92%"):
        await expect(page.locator("main")).to_contain_text(words)
    await expect(page.locator("main")).to_contain_text(
        "8 presses on button#pay-now: the page did not answer."
    )
    await expect(page.get_by_role("img", name="8 events led to it, in order.")).to_be_visible()
    for name in ("Send an offer", "Start a chat", "Offer a call", "Hand over", "Done", "Not now"):
        box = await page.get_by_role("button", name=name).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= PHONE["height"], f"{name} needs scrolling"
    await check(page)
    await shoot(page, f"intervene-{scheme}")

    await page.get_by_role("button", name="Hand over").tap()
    await expect(page.get_by_role("dialog")).to_contain_text("Robin")
    await check(page)
    await page.get_by_role("button", name="Back", exact=True).tap()

    await offer.tap()
    done = page.locator("#done")
    await expect(done).to_contain_text("It goes by e-mail in")
    await expect(page.get_by_role("button", name="Undo")).to_be_visible()
    await check(page)
    await shoot(page, f"intervene-waiting-{scheme}")
    await page.get_by_role("button", name="Undo").tap()
    await expect(done).to_contain_text("taken back")
    await expect(offer).to_be_visible()

    await page.get_by_role("button", name="Not now").tap()
    await check(page)
    await page.get_by_role("button", name="False alarm").tap()
    await expect(done).to_contain_text("Noted as a false alarm")
    await expect(page.locator("#acts")).to_be_hidden()
    await check(page)
    host = f"http://127.0.0.1:{line.ports.http}/"
    assert [one for one in heard if not one.split(" ", 1)[1].startswith(host)] == []
    await context.close()


async def test_page_that_nobody_looks_at_has_been_seen_by_nobody(
    line: Line, browser: Browser
) -> None:
    link = await texted(line)
    context, page, heard = await phone(browser)
    await page.add_init_script(HIDDEN)
    await page.goto(link)
    await expect(page.locator("#felt")).to_contain_text("ago")
    assert [one for one in heard if one.startswith("POST")] == []
    await page.evaluate("lookedAt = true; document.dispatchEvent(new Event('visibilitychange'))")
    await expect(page.get_by_role("button", name="Send an offer")).to_be_enabled()
    assert [one for one in heard if one.startswith("POST")] == [f"POST {link}/seen"]
    await context.close()


async def test_page_follows_the_visitor(line: Line, browser: Browser, state_url: str) -> None:
    link = await texted(line)
    store: Any = state.connect(state_url)
    where = where_key(line.tenant, "s1")
    await store.hset(where, "p1", f"w1 {time.time() * 1000:.0f}")
    context, page, _ = await phone(browser)
    await page.goto(link)
    live = page.locator("#live")
    await expect(live).to_contain_text("Still here")
    await expect(page.locator("[data-says=offer]")).to_contain_text("On their screen at once")
    await store.delete(where)
    await expect(live).to_contain_text("Left")
    await expect(page.locator("[data-says=offer]")).to_contain_text("By e-mail")
    await store.aclose()
    await context.close()


async def test_link_is_closed_on_its_page_and_says_so(line: Line, browser: Browser) -> None:
    link = await texted(line)
    context, page, _ = await phone(browser)
    await page.goto(link)
    await expect(page.get_by_role("button", name="Send an offer")).to_be_enabled()
    shut = page.locator("#shut")
    await shut.tap()
    await expect(shut).to_contain_text("Tap again")
    await shut.tap()
    await expect(page.locator("#problem")).to_contain_text("closed")
    await page.goto(link)
    await expect(page.locator("h1")).to_contain_text("This link has been closed")
    await check(page)
    await shoot(page, "intervene-closed")
    await context.close()
