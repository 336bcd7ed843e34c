"""What the session core wants done: whoever carries a page's frames carries them out, in order.

Structs, since one is made for each frame: a frozen dataclass takes ten times as long to make.
"""

from __future__ import annotations

from google.protobuf.message import Message
from msgspec import Struct

from edge import protocol


class Send(Struct, frozen=True, gc=False):
    """Send a frame."""

    text: str


class Hang(Struct, frozen=True, gc=False):
    """Close the connection, after everything that was accepted."""

    code: int
    reason: str


class Admit(Struct, frozen=True, gc=False):
    """Resolve the key of this hello, then call `admit` or `refuse`."""

    hello: protocol.Hello


class Accept(Struct, frozen=True, gc=False):
    """Append to the log; when it is there, call `record.appended(seq)`."""

    topic: str
    value: bytes
    """The message, serialized."""
    seq: int
    message: Message | None = None
    """The message of an identify or outcome, for those who act on it beside the log."""


class Visible(Struct, frozen=True, gc=False):
    """The page came to the front, or left it."""

    visible: bool


class Welcomed(Struct, frozen=True, gc=False):
    """The stream is open under this tenant and session."""

    tenant: str
    session: str
    stream: str


Effect = Send | Hang | Admit | Accept | Visible | Welcomed
