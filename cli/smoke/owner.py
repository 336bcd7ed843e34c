"""The owners: their phones are the sandbox's, their acts go through the page of the link."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import urlsplit

import httpx

from cli.smoke.story import EXPECT_S, Message, Story

_LINK = re.compile(r"https?://\S+/i/[A-Za-z0-9_=-]+")
_POLL_S = 0.05
_ACT = "send_offer"


class Owners:
    """Watches every phone, and plays each owner once."""

    def __init__(self, stories: list[Story], sandbox: str, intervene: str) -> None:
        self._by_phone = {story.phone: story for story in stories}
        self._sandbox = sandbox
        self._intervene = intervene
        self._acts: set[asyncio.Task[None]] = set()
        self._client = httpx.AsyncClient(timeout=EXPECT_S, limits=httpx.Limits(max_connections=40))

    async def watch(self) -> None:
        """Take messages as they come, until cancelled."""
        after = 0
        while True:
            answer = await self._client.get(
                f"{self._sandbox}/api/messages", params={"provider": "twilio", "after_id": after}
            )
            answer.raise_for_status()
            for raw in answer.json()["messages"]:
                after = max(after, int(raw["id"]))
                self._take(raw["to"], Message(raw["id"], raw["body"], raw["received_at_ms"]))
            await asyncio.sleep(_POLL_S)

    async def finish(self) -> None:
        """Wait for owners who are still at it, then hang up."""
        await asyncio.gather(*self._acts, return_exceptions=True)
        await self._client.aclose()

    def _take(self, to: str, message: Message) -> None:
        story = self._by_phone.get(to)
        if story is None:  # of another run on the same mesh
            return
        story.messages.append(message)
        if len(story.messages) == 1:
            self._acts.add(asyncio.create_task(self._act(story, message.body)))

    async def _act(self, story: Story, body: str) -> None:
        found = _LINK.search(body)
        if found is None:
            story.problems.append(f"no link in the text: {body!r}")
            return
        # The public name of the link need not be reachable from here; its path is.
        base = self._intervene + urlsplit(found.group()).path
        try:
            page = await self._client.get(base)
            page.raise_for_status()
            seen = await self._client.post(f"{base}/seen")
            seen.raise_for_status()
            acted = await self._client.post(
                f"{base}/act", json={"act": _ACT, "nonce": seen.json()["nonce"]}
            )
            acted.raise_for_status()
        except (httpx.HTTPError, ValueError, KeyError) as error:
            story.problems.append(f"the owner's page failed: {type(error).__name__} {error}")
