"""What an open Detect stream is still to be told: it goes out together, as soon as there is room.

An answer a request would cost more than detection itself. While one is being written the next
requests are taken up, and what they lead to goes out in one message.
"""

from __future__ import annotations

import asyncio

from sentientiq.detection.v1 import detection_service_pb2 as pb

_MOST_BYTES = 8 << 20
_PLENTY_BYTES = 1 << 20

Result = tuple[pb.PartitionStatus.ValueType, int, int]
"""Status, epoch, and the offset through which all is applied."""


class Stream:
    """One open stream."""

    def __init__(self) -> None:
        self._results: dict[int, Result] = {}
        self._news: list[bytes] = []
        self._bytes = 0
        self._answered = 0
        self._ended = False
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self.too_slow = asyncio.Event()
        """More waits than anybody who reads would let wait."""

    def answer(self, results: dict[int, Result]) -> None:
        """Answer a request; of a partition only the newest result is told."""
        self._results.update(results)
        self._answered += 1
        self._wake.set()

    def tell(self, news: bytes) -> None:
        """Tell emotions or wakes: serialized fields of a DetectResponse."""
        if self.too_slow.is_set():
            return  # it ends, and whoever opens another one hears of what is pending
        self._news.append(news)
        self._bytes += len(news)
        if self._bytes > _PLENTY_BYTES:
            self._room.clear()
        if self._bytes > _MOST_BYTES:
            self._news.clear()
            self._room.set()  # nobody waits for what will never be read
            self.too_slow.set()
        self._wake.set()

    async def room(self) -> None:
        """Wait until not much waits: for whoever can, before telling a great deal."""
        await self._room.wait()

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        self._wake.set()

    async def take(self) -> bytes | None:
        """Wait for something to tell, and return it as a DetectResponse; None at the end."""
        await self._wake.wait()
        self._wake.clear()
        if not self._answered and not self._news:
            return None
        response = pb.DetectResponse(answered=self._answered)
        for partition, (status, epoch, through) in self._results.items():
            response.results.add(
                partition=partition, status=status, epoch=epoch, through_offset=through
            )
        # Fields of a message may stand in any number of pieces.
        told = b"".join((response.SerializeToString(), *self._news))
        self._results, self._news, self._answered, self._bytes = {}, [], 0, 0
        self._room.set()
        if self._ended:
            self._wake.set()
        return told
