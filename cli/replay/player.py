"""Plays one recorded visit: a connection a stream, frames when they are due, acks awaited."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from cli.client import Frame as Received
from cli.client import Page, Refused
from cli.replay.frames import Frame, Session

_ACK_S = 15.0
# Below the edge's 100 frames a second, with room for its clock and ours.
_PACE_S = 1 / 80
_WINDOW = 64
# Verdicts follow the ack within milliseconds; a page that closes at once would not hear the last.
_LINGER_S = 1.0


@dataclass(slots=True)
class Totals:
    """What came of it."""

    streams: int = 0
    frames: int = 0
    events: int = 0
    acked: int = 0
    lost: int = 0
    refused: int = 0
    errors: Counter[str] = field(default_factory=Counter[str])
    emotions: Counter[str] = field(default_factory=Counter[str])
    interventions: int = 0


@dataclass(frozen=True, slots=True)
class Where:
    """Through which door."""

    url: str
    key: str
    origin: str | None


class Player:
    """One visit."""

    def __init__(
        self,
        session: Session,
        where: Where,
        totals: Totals,
        *,
        speed: float | None,
        advance: Callable[[int], None],
    ) -> None:
        self._session = session
        self._where = where
        self._totals = totals
        self._speed = speed
        self._advance = advance
        self._pages: dict[str, Page] = {}
        self._episodes: set[str] = set()
        self._shown: set[str] = set()
        self._began = 0.0

    async def play(self) -> None:
        """Play it to the end and wait for the last ack."""
        self._began = time.monotonic()
        try:
            for frame in self._session.frames:
                await self._wait(frame)
                await self._send(frame)
                self._advance(max(len(frame.events), 1))
            for page in self._pages.values():
                await page.drained(_ACK_S)
            await asyncio.sleep(_LINGER_S)
        except Refused as refusal:
            self._totals.errors[f"refused {refusal.code} {refusal.reason}"] += 1
        except TimeoutError:
            self._totals.errors["no answer in time"] += 1
        finally:
            for page in self._pages.values():
                self._count(page)
                await page.close()

    async def _wait(self, frame: Frame) -> None:
        if self._speed is None:
            return
        due = (frame.due_ms - self._session.start_ms) / 1000 / self._speed
        await asyncio.sleep(max(0.0, self._began + due - time.monotonic()))

    async def _send(self, frame: Frame) -> None:
        if frame.kind == "session_end":
            return
        page = self._pages.get(frame.stream) or await self._open(frame)
        if page.unacked >= _WINDOW:
            await page.drained(_ACK_S)
        if frame.kind == "events":
            await page.send_events(
                frame.t0_ms, frame.events, frame.targets, ptr=frame.ptr, page=frame.page or None
            )
        else:
            await page.message(frame.kind, t=frame.t0_ms, **frame.fields)
        if self._speed is None or self._speed > 1:
            await asyncio.sleep(_PACE_S)

    async def _open(self, frame: Frame) -> Page:
        sibling = next(iter(self._pages.values()), None)
        page = Page(
            self._where.url,
            self._where.key,
            page=frame.page or self._session.page,
            origin=self._where.origin,
            # The recorded time of this frame is now: what follows keeps its distance.
            hello={"clock": frame.due_ms, "ptr": frame.ptr},
            sibling=sibling,
            on_frame=self._receive,
        )
        self._pages[frame.stream] = page
        self._totals.streams += 1
        await page.open()
        return page

    def _count(self, page: Page) -> None:
        self._totals.frames += page.sent
        self._totals.events += page.counters["events"]
        self._totals.acked += page.acked
        self._totals.lost += page.unacked
        self._totals.refused += page.counters["got_error"]

    def _receive(self, frame: Received, _at_ms: float) -> None:
        kind = frame.get("type")
        if kind == "emotion" and frame["id"] not in self._episodes:
            self._episodes.add(frame["id"])
            self._totals.emotions[str(frame["emotion"])] += 1
        elif kind == "intervention" and frame["id"] not in self._shown:
            self._shown.add(frame["id"])
            self._totals.interventions += 1
        elif kind == "error":
            self._totals.errors[str(frame.get("code"))] += 1
