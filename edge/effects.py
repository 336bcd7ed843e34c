"""What the session core wants done: whoever carries a page's frames carries them out, in order."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import Message

from edge import protocol


@dataclass(frozen=True, slots=True)
class Send:
    """Send a frame."""

    text: str


@dataclass(frozen=True, slots=True)
class Hang:
    """Close the connection, after everything that was accepted."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Admit:
    """Resolve the key of this hello, then call `admit` or `refuse`."""

    hello: protocol.Hello


@dataclass(frozen=True, slots=True)
class Accept:
    """Append to the log; when it is there, call `record.appended(seq)`."""

    topic: str
    value: bytes
    """The message, serialized."""
    seq: int
    message: Message | None = None
    """The message of an identify or outcome, for those who act on it beside the log."""


@dataclass(frozen=True, slots=True)
class Visible:
    """The page came to the front, or left it."""

    visible: bool


@dataclass(frozen=True, slots=True)
class Welcomed:
    """The stream is open under this tenant and session."""

    tenant: str
    session: str
    stream: str


Effect = Send | Hang | Admit | Accept | Visible | Welcomed
