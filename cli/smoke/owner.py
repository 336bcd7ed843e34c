"""The owners: their phones are the sandbox's, their acts go through the page of the link."""

from __future__ import annotations

import asyncio
import json
import re
import time
from urllib.parse import urlsplit

from cli.smoke.http import Connection, HttpError
from cli.smoke.story import EXPECT_S, Message, Story

_LINK = re.compile(r"https?://\S+/i/[A-Za-z0-9_=-]+")
_ACT = "send_offer"


class Owners:
    """Watches every phone, and plays each owner once."""

    def __init__(self, stories: list[Story], sandbox: str, intervene: str) -> None:
        self._by_phone = {story.phone: story for story in stories}
        self._sandbox = sandbox
        self._intervene = intervene
        self._seen: set[int] = set()
        self._acts: set[asyncio.Task[None]] = set()

    async def watch(self, ready: asyncio.Event) -> None:
        """Take messages as they come, until cancelled; sets `ready` once none can be missed.

        Raises:
            HttpError: the sandbox went away.
        """
        async with Connection(self._sandbox, EXPECT_S) as connection:
            async for line in connection.lines("/api/stream"):
                ready.set()
                if line.startswith("data: "):
                    self._take(json.loads(line.removeprefix("data: ")))

    async def catch_up(self) -> None:
        """Take what a stream that was too slow left out."""
        async with Connection(self._sandbox, EXPECT_S) as connection:
            found = await connection.request("GET", "/api/messages?provider=twilio")
        for raw in json.loads(found)["messages"]:
            self._take(raw)

    async def finish(self) -> None:
        """Wait for owners who are still at it."""
        await asyncio.gather(*self._acts)

    def _take(self, raw: dict[str, object]) -> None:
        story = self._by_phone.get(str(raw["to"]))
        number = int(str(raw["id"]))
        if story is None or number in self._seen:  # None: of another run on the same mesh
            return
        self._seen.add(number)
        message = Message(number, str(raw["body"]), float(str(raw["received_at_ms"])))
        story.messages.append(message)
        if len(story.messages) == 1:
            self._acts.add(asyncio.create_task(self._act(story, message.body)))

    async def _act(self, story: Story, body: str) -> None:
        found = _LINK.search(body)
        if found is None:
            story.problems.append(f"no link in the text: {body!r}")
            return
        # The public name of the link need not be reachable from here; its path is.
        path = urlsplit(found.group()).path
        try:
            async with Connection(self._intervene, EXPECT_S) as phone:
                await phone.request("GET", path)
                seen = json.loads(await phone.request("POST", f"{path}/seen"))
                story.act_at_ms = time.time() * 1000
                await phone.request("POST", f"{path}/act", {"act": _ACT, "nonce": seen["nonce"]})
        except (HttpError, ValueError, KeyError) as error:
            story.problems.append(f"the owner's page failed: {error}")
