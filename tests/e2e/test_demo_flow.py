"""The promise of the README, performed: a dead button, help in the page, a text, an act.

Nothing here is a stand-in but the SMS provider: `sentientiq up` runs the whole mesh, and Chromium
is the customer and the CEO.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect
from sentientiq.accountability.v1 import accountability_service_pb2 as accountability
from sentientiq.accountability.v1.accountability_service_pb2_grpc import AccountabilityServiceStub

from services.common.auth import make_token
from services.common.channels import connect

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SHOTS = os.environ.get("SIQ_SCREENSHOTS")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(180),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: run `make browser`"),
]

# Measured in the page, on its own clock: from a press to the card that answers it.
WATCH = """
() => {
  window.times = { presses: [], help: [] };
  addEventListener('pointerup', event => {
    if (event.target.closest('#pay-now')) window.times.presses.push(performance.now());
  }, true);
  SentientIQ.on('intervention', () => window.times.help.push(performance.now()));
  SentientIQ.on('emotion', event => (window.times.emotion = window.times.emotion || event));
  new MutationObserver(() => {
    if (document.querySelector('#ceo-phone .text-message') && !window.times.text)
      window.times.text = performance.now();
  }).observe(document.body, { subtree: true, childList: true });
}
"""


def open_mesh(data: Path) -> dict[str, Any]:
    """What the running mesh says of itself."""
    found: dict[str, Any] = json.loads((data / "mesh.json").read_text())
    return found


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """`sentientiq up` in a folder of its own, on free ports."""
    data = tmp_path_factory.mktemp("up") / "data"
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "up", "--data", str(data), "--ports", "free"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    output: list[str] = []
    for line in process.stdout:
        output.append(line)
        if re.search(r"http://127\.0\.0\.1:\d+", line) and (data / "mesh.json").exists():
            break
    else:
        pytest.fail("`sentientiq up` ended:\n" + "".join(output[-60:]))
    # Keep the pipe from filling up; the log is shown if the test fails.
    reader = threading.Thread(target=lambda: output.extend(process.stdout or ()), daemon=True)
    reader.start()
    try:
        yield data
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(30)
        reader.join(5)
        process.stdout.close()
        print("".join(output[-200:]))
    assert code == 0, "Ctrl-C must end with exit code 0"


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-background-networking", "--disable-component-update"],
        )
        yield launched
        await launched.close()


async def shoot(page: Page, name: str) -> None:
    """Keep a picture where SIQ_SCREENSHOTS names a folder."""
    if SHOTS:
        await page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


async def test_rage_brings_help_a_text_and_an_act(mesh: Path, browser: Browser):
    found = open_mesh(mesh)
    shop = await browser.new_page(viewport={"width": 1280, "height": 800})
    errors: list[str] = []
    shop.on("pageerror", lambda error: errors.append(str(error)))
    await shop.goto(found["urls"]["shop"])
    await shop.click("#sign-in")
    await expect(shop.locator("#account")).to_contain_text("Dana")
    await shop.evaluate(WATCH)
    await shop.goto(found["urls"]["shop"] + "/#/cart")
    await expect(shop.locator("#pay-now")).to_be_visible()
    await expect(shop.locator("#connection")).to_have_attribute("data-state", "open")

    # The working stepper first: answered presses are no rage.
    stepper = shop.locator("[data-siq-flags*=stepper], .stepper button, button.plus").first
    for _ in range(6):
        await stepper.click(delay=20)
        await shop.wait_for_timeout(120)
    assert await shop.evaluate("times.help.length") == 0

    for _ in range(5):
        await shop.click("#pay-now", delay=30)
        await shop.wait_for_timeout(180)
    await expect(shop.locator("siq-intervention")).to_be_attached(timeout=5_000)
    await expect(shop.locator("#ceo-phone .text-message").first).to_be_visible(timeout=5_000)
    await shoot(shop, "flow")

    times = await shop.evaluate("times")
    evidence = max(press for press in times["presses"] if press < times["help"][0])
    assert times["help"][0] - evidence < 300, times
    assert times["text"] - evidence < 3_000, times

    link = await shop.locator("#ceo-phone .text-message a").first.get_attribute("href")
    assert link is not None
    phone = await browser.new_page(viewport={"width": 390, "height": 844})
    await phone.goto(link)
    for word in ("Dana Reyes", "Acme Robotics", "$100,000", "/#/cart"):
        await expect(phone.locator("body")).to_contain_text(word)
    await shoot(phone, "intervene")
    await phone.get_by_role("button", name=re.compile("offer", re.IGNORECASE)).first.click()

    await expect(shop.locator("siq-intervention")).to_contain_text(
        re.compile("offer|%|discount", re.IGNORECASE), timeout=5_000
    )
    await shoot(shop, "offer")
    await expect_acted(mesh, found)
    assert errors == []


async def expect_acted(mesh: Path, found: dict[str, Any]) -> None:
    """The one recommendation of the demo ends as acted."""
    secret = json.loads((mesh / "secrets.json").read_text())["mesh"]
    address = found["env"]["SIQ_ACCOUNTABILITY_ADDR"]
    async with connect(address, make_token(secret, subject="e2e")) as channel:
        stub: Any = AccountabilityServiceStub(channel)
        request = accountability.ListRecommendationsRequest(tenant_id="demo")
        async with asyncio.timeout(10):
            while True:
                records = (await stub.ListRecommendations(request)).recommendations
                states = [record.state for record in records]
                if states == [accountability.RECOMMENDATION_STATE_ACTED]:
                    steps = [step.state for step in records[0].transitions]
                    assert accountability.RECOMMENDATION_STATE_DELIVERED in steps
                    assert accountability.RECOMMENDATION_STATE_SEEN in steps
                    return
                await asyncio.sleep(0.1)
