# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""WebSocket frames as nearly every client sends them: whole, masked, final."""

def read_frames(data: bytes, limit: int) -> tuple[list[str | bytes | None], int, bool]:
    """Read the frames at the beginning of what a client sent.

    Args:
        data: unread bytes of the connection, from the start of a frame.
        limit: most bytes of a message.

    Returns:
        Text messages as str, payloads of pings as bytes and None for each pong, in order; how many
        bytes that took; and whether what follows is for another parser: a frame of another
        sort, or text that is no UTF-8. If not, the rest is the beginning of a frame.
    """

def text_frame(text: str) -> bytes:
    """Frame a server's text message, whole.

    Raises:
        UnicodeEncodeError: a lone surrogate.
    """

def ack_frame(seq: int) -> bytes:
    """Frame the acknowledgement of everything up to `seq`.

    Raises:
        OverflowError: not a number of 32 bits.
    """

def pong_frame(payload: bytes) -> bytes:
    """Frame the answer to a ping; its payload has at most 125 bytes."""
