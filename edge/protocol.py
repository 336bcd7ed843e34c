"""Frames of WebSocket protocol v1: what a client may send, and what the edge sends.

Decoding checks types, ranges and lengths; meaning (is this seq the next one?) is session.py's.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

SUBPROTOCOL = "sentientiq.v1"
MAX_FRAME_BYTES = 64 * 1024
MAX_EVENTS = 500
MAX_TARGET_INDEX = 4_095


class Close:
    """Close codes of the protocol."""

    BAD_MESSAGE = 4400
    KEY_OR_ORIGIN = 4401
    CONSENT = 4403
    TIMEOUT = 4408
    TOO_MANY_EVENTS = 4413
    TOO_FAST = 4429
    TOO_LARGE = 1009
    INTERNAL = 1011
    RESTART = 1012
    TRY_LATER = 1013


# Detection keeps 32 bits of it: more frames than a page can send in a year.
Seq = Annotated[int, Meta(ge=1, le=2**32 - 1)]
EpochMs = Annotated[float, Meta(ge=0, le=1e15)]
Short = Annotated[str, Meta(max_length=128)]
Text = Annotated[str, Meta(max_length=512)]
Id = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$")]


class Consent(Struct):
    """What the visitor allows."""

    analytics: bool = True
    interventions: bool = True


class Hello(Struct, tag="hello"):
    """The first frame of a connection."""

    key: Short
    stream: Id
    session: Id | None = None
    resume: Short | None = None
    sdk: Short = ""
    page: Text = ""
    vw: float = 0
    vh: float = 0
    ptr: str = "mouse"
    lang: Short = ""
    tz: Short = ""
    clock: EpochMs = 0
    consent: Consent = msgspec.field(default_factory=Consent)
    gpc: bool = False
    webdriver: bool = False


class Events(Struct, tag="events"):
    """What the visitor did, as arrays [code, dt, …]."""

    seq: Seq
    t0: EpochMs
    events: list[list[Any]]
    targets: list[
        tuple[Annotated[int, Meta(ge=1, le=MAX_TARGET_INDEX)], Text, Annotated[int, Meta(ge=0)]]
    ] = []
    ptr: str | None = None
    page: Text | None = None


class Identify(Struct, tag="identify"):
    """Who the visitor is, as the page knows it."""

    seq: Seq
    t: EpochMs = 0
    user_id: Text | None = None
    email: Text | None = None
    traits: dict[str, Any] = {}
    token: Annotated[str, Meta(max_length=4096)] | None = None


class Outcome(Struct, tag="outcome"):
    """What became of an intervention in the page."""

    seq: Seq
    intervention: Id
    kind: str
    t: EpochMs = 0
    action: Short = ""


class ConsentChange(Struct, tag="consent"):
    """The visitor changed what they allow."""

    seq: Seq
    analytics: bool
    interventions: bool
    t: EpochMs = 0


class Reset(Struct, tag="reset"):
    """The visitor signed out; what follows is somebody else's."""

    seq: Seq
    t: EpochMs = 0


class Bye(Struct, tag="bye"):
    """The page is going away."""


ClientMessage = Hello | Events | Identify | Outcome | ConsentChange | Reset | Bye


class _TypeOnly(Struct):
    type: str
    seq: Seq | None = None


_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)
_type_decoder = msgspec.json.Decoder(_TypeOnly)
_encoder = msgspec.json.Encoder()
_KNOWN = {"hello", "events", "identify", "outcome", "consent", "reset", "bye"}


class BadMessage(Exception):
    """A frame that is not of the protocol."""


class UnknownType(Exception):
    """A frame of a type that this version does not know: ignored and counted.

    `seq` is its number, if it has one.
    """

    def __init__(self, type_name: str, seq: int | None) -> None:
        super().__init__(type_name)
        self.seq = seq


def decode(data: bytes | str) -> ClientMessage:
    """Decode a client's frame.

    Raises:
        UnknownType: well-formed, of a type from another version.
        BadMessage: anything else; the message says what is wrong and where.
    """
    try:
        return _decoder.decode(data)
    except msgspec.ValidationError as error:
        try:
            unknown = _type_decoder.decode(data)
        except msgspec.DecodeError:
            raise BadMessage(str(error)) from error
        if unknown.type not in _KNOWN:
            raise UnknownType(unknown.type, unknown.seq) from error
        raise BadMessage(str(error)) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadMessage(f"not a JSON object: {error}") from error


def frame(type_name: str, /, **fields: Any) -> str:
    """Encode a server's frame; None fields are left out."""
    body = {"type": type_name}
    body.update((name, value) for name, value in fields.items() if value is not None)
    return _encoder.encode(body).decode()


def ack(seq: int) -> str:
    """The one frame that is sent often enough to be written by hand."""
    return f'{{"type":"ack","seq":{seq}}}'
