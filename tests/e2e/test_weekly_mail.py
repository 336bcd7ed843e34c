"""The weekly mail in Chromium: at 600 and 390 px, light and dark. Legible, and nothing sticks out.

`docs/images/weekly-*.png` are these pictures as they were last looked at by a person: with
SIQ_SCREENSHOTS=docs/images this test writes them anew.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from services.accountability.weekly.letter import Letter
from services.accountability.weekly.render import render
from tests.weekly.letters import executive_letter, links_for, person_letter

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SHOTS = os.environ.get("SIQ_SCREENSHOTS")
KEPT = Path(__file__).parents[2] / "docs" / "images"

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: run `make browser`"),
]

# WCAG 2.2, contrast of text and what is behind it: 4.5, of large text 3.
FAINT = """
() => {
  const channel = value =>
    (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    const text = walk.currentNode.textContent.replace(/\\u00a0/g, ' ').trim();
    if (!text || !element.checkVisibility() || !element.getClientRects().length) continue;
    const style = getComputedStyle(element), size = parseFloat(style.fontSize);
    if (!size || style.maxHeight === '0px') continue;
    const pair = [luminance(parse(style.color)), luminance(behind(element))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    const large = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5) || size < 13) found.push([text, ratio, size]);
  }
  return found;
}
"""
WIDE = """
() => [...document.querySelectorAll('body *')]
  .filter(element => element.getBoundingClientRect().right > innerWidth + 0.5)
  .map(element => element.tagName + ' ' + element.textContent.trim().slice(0, 40))
"""
BARS = """
() => [...document.querySelectorAll('[role=figure]')].map(figure => [
  figure.getAttribute('aria-label'),
  [...figure.querySelectorAll('.bar')].map(bar => Math.round(bar.getBoundingClientRect().width))])
"""


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-background-networking", "--disable-component-update"],
        )
        yield launched
        await launched.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [600, 390])
@pytest.mark.parametrize(
    ("name", "letter"), [("own", person_letter()), ("team", executive_letter())]
)
async def test_it_is_legible(
    browser: Browser, name: str, letter: Letter, width: int, scheme: Literal["light", "dark"]
) -> None:
    requests: list[str] = []
    context = await browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    page = await context.new_page()
    page.on("request", lambda request: requests.append(request.url))
    await page.set_content(render(letter, links_for(letter)).html)
    assert await page.evaluate(FAINT) == []
    assert await page.evaluate(WIDE) == []
    figures: list[tuple[str, list[int]]] = await page.evaluate(BARS)
    assert [alt for alt, _ in figures] == [chart.alt for chart in letter.charts]
    for (_, widths), chart in zip(figures, letter.charts, strict=True):
        shares = [bar.share for bar in chart.bars if bar.share]
        assert [w / max(widths) for w in widths] == pytest.approx(shares, abs=0.03)
    dark = await page.evaluate("getComputedStyle(document.querySelector('.sheet')).backgroundColor")
    assert dark == ("rgb(27, 26, 33)" if scheme == "dark" else "rgb(255, 255, 255)")
    # Nothing is fetched: mail readers block it, and senders should not see who reads.
    assert requests == []
    shot = f"weekly-{width}-{scheme}.png"
    if SHOTS and name == "own":
        await page.screenshot(path=str(Path(SHOTS) / shot), full_page=True)
    assert (KEPT / shot).read_bytes().startswith(b"\x89PNG")
    await context.close()


async def test_links_can_be_told_by_keyboard_and_by_name(browser: Browser) -> None:
    page = await browser.new_page(viewport={"width": 600, "height": 900})
    letter = person_letter()
    links = links_for(letter)
    await page.set_content(render(letter, links).html)
    found: list[Any] = await page.eval_on_selector_all(
        "a", "all => all.map(one => [one.href, one.textContent.trim()])"
    )
    assert all(text for _, text in found)
    assert {href for href, _ in found} == {
        links.unsubscribe,
        *links.queries.values(),
        *(links.decisions[item.decision_id] for item in letter.missed if item.can_act),
    }
    await page.close()
