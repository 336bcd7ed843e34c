"""The edge's transport, with an echo in place of the page: what the Autobahn suite talks to."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from websockets.frames import Frame, Opcode

from edge.websocket import WebSocket

if TYPE_CHECKING:
    from edge.page import Page


class Echo(WebSocket):
    """Sends back what it is told."""

    __slots__ = ()
    most_bytes = 16 << 20  # as much as the suite's limits send

    def _new_page(self, origin: str | None) -> Page:
        return cast("Page", EchoPage(self))

    def send_binary(self, data: bytes) -> None:
        """Send a binary frame: the edge itself never does."""
        if self._transport is not None and not self._closing:
            self._transport.write(Frame(Opcode.BINARY, data).serialize(mask=False))


class EchoPage:
    """What a transport wants of a page."""

    def __init__(self, socket: Echo) -> None:
        self._socket = socket

    def receive(self, data: str | bytes) -> None:
        """Send it back."""
        if isinstance(data, str):
            self._socket.send(data)
        else:
            self._socket.send_binary(data)

    def unread(self, unsent_bytes: int) -> None:
        """Whoever tests sends much and reads late."""

    def check(self, now_s: float) -> None:
        """It may be silent."""

    def lost(self) -> None:
        """Nothing is held."""
