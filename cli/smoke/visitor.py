"""The visitor: looks around the checkout, hammers a dead button, gets help, takes the offer.

Everything is sent at its intended time, whether or not earlier messages were answered: a slow
mesh cannot slow its own judge down.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

from cli.client import Frame, Page, Refused
from cli.smoke.cast import Cast
from cli.smoke.story import EXPECT_S, Story
from services.common.ids import outcome_id

_BUTTON = (1, "button#pay", (1 << 1) | (1 << 13) | (1 << 16))  # button, cta, checkout
_PAGE_VIEW, _MOVE, _CLICK = 1, 2, 3
_MOVES = 4
_OFFER_S = 20.0
_ACK_S = 10.0


class Visitor:
    """One visitor, from arrival to the end of their visit."""

    def __init__(self, story: Story, cast: Cast, url: str) -> None:
        self._story = story
        self._cast = cast
        self._random = random.Random(story.index)
        self._changed = asyncio.Event()
        self._page = Page(url, cast.key, page="/checkout", on_frame=self.receive)

    async def visit(self, arrival: float) -> None:
        """Live the whole story; what goes wrong is written into it. `arrival` is epoch seconds."""
        story = self._story
        try:
            await _until(arrival)
            await self._page.open()
            story.session, story.stream = self._page.session, self._page.stream
            story.offset_ms = self._page.offset_ms
            await self._look_around()
            await self._rage()
            await self._be_helped()
            await self._page.drained(_ACK_S)
        except Refused as refusal:
            story.problems.append(f"refused: {refusal}")
        except TimeoutError as error:
            story.problems.append(str(error) or "acks did not come in 10 s")
        finally:
            story.acked = self._page.acked
            await self._page.close()

    async def _look_around(self) -> None:
        story = self._story
        token = self._cast.token(story)
        seq = await self._page.identify(user_id=f"user-{story.index}", token=token)
        story.sent[seq] = "identity.v1"
        await self._send(time.time(), [_PAGE_VIEW, 0, "/checkout", 0, None, 1280, 800, 2400])
        start = time.time()
        for index in range(_MOVES):
            at = start + 0.2 * (index + 1)
            await _until(at)
            x, y = 400 + 60 * index, 300 + 40 * index
            await self._send(at, [_MOVE, 0, x, y], [_MOVE, 50, x + 20, y + 12])

    async def _rage(self) -> None:
        """Press 5 or 6 times, 180 to 300 ms apart; nothing on the page ever answers."""
        at = time.time() + 0.3
        for _ in range(self._random.choice((5, 6))):
            await _until(at)
            meant_ms = at * 1000
            self._story.presses.append(meant_ms)
            self._story.late_ms.append(time.time() * 1000 - meant_ms)
            x, y = 640 + self._random.uniform(-2, 2), 460 + self._random.uniform(-2, 2)
            await self._send(at, [_CLICK, 0, round(x), round(y), 1, 0, 1])
            at += self._random.uniform(0.180, 0.300)

    async def _be_helped(self) -> None:
        await self._wait(1, EXPECT_S, "no help in the page")
        first = next(iter(self._story.interventions))
        await self._outcome(first, "shown")
        await self._wait(2, _OFFER_S, "no offer in the page")
        offer = list(self._story.interventions)[1]
        await self._outcome(offer, "shown")
        await self._outcome(offer, "clicked", "accept_offer")
        self._story.offered = True

    async def _send(self, at: float, *events: list[Any]) -> None:
        targets = [_BUTTON] if events[0][0] == _CLICK else []
        seq = await self._page.send_events(round(at * 1000, 1), events, targets)
        self._story.sent[seq] = "behavior.v1"

    async def _outcome(self, intervention: str, kind: str, action: str = "") -> None:
        seq = await self._page.outcome(intervention, kind, action)
        self._story.sent[seq] = outcome_id(
            self._cast.tenant, self._page.session, intervention, kind
        )

    async def _wait(self, count: int, within_s: float, otherwise: str) -> None:
        try:
            async with asyncio.timeout(within_s):
                while len(self._story.interventions) < count:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise TimeoutError(f"{otherwise} within {within_s:.0f} s") from None

    def receive(self, frame: Frame, at_ms: float) -> None:
        """Write down what the edge sent."""
        story = self._story
        kind = frame.get("type")
        if kind == "intervention":
            story.interventions.setdefault(str(frame["id"]), at_ms)
            story.deliveries[str(frame["id"]), self._page.connections] += 1
            story.decision = story.decision or str(frame["decision"])
            self._changed.set()
        elif kind == "emotion" and frame["emotion"] == "rage":
            story.heard.append((float(frame["t"]), at_ms))
            known = story.emotions.get(str(frame["id"]), 0)
            story.emotions[str(frame["id"])] = max(known, int(frame["rev"]))
        elif kind == "error":
            story.problems.append(f"error {frame.get('code')}: {frame.get('message')}")


async def _until(at: float) -> None:
    await asyncio.sleep(max(0.0, at - time.time()))
