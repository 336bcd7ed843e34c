"""Frames against `websockets`' own parser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import SERVER, Protocol

from edge import protocol
from hotpath.websocket import ack_frame, pong_frame, read_frames, text_frame

LIMIT = 2_000
TEXTS = st.text(max_size=300).map(lambda text: Frame(Opcode.TEXT, text.encode("utf-8", "replace")))
LONG = st.integers(120, 2_100).map(lambda size: Frame(Opcode.TEXT, b"x" * size))
PINGS = st.binary(max_size=125).map(lambda data: Frame(Opcode.PING, data))
PONGS = st.binary(max_size=125).map(lambda data: Frame(Opcode.PONG, data))


def bytes_of(frame: Frame) -> bytes:
    return frame.serialize(mask=True)


ODD = st.sampled_from(
    [
        bytes_of(Frame(Opcode.BINARY, b"\x00")),
        bytes_of(Frame(Opcode.TEXT, b"half", fin=False)),
        bytes_of(Frame(Opcode.CONT, b"rest")),
        bytes_of(Frame(Opcode.CLOSE, b"\x03\xe8")),
        b"\xc1" + bytes_of(Frame(Opcode.TEXT, b"reserved"))[1:],
        bytes_of(Frame(Opcode.TEXT, b"\xff\xfe")),
        bytes_of(Frame(Opcode.TEXT, b"x" * 66_000)),
        b"\x89\xfe\x00\x7e" + b"\x00" * 130,  # a ping too long for a control frame
    ]
)


def expected(frames: list[Frame]) -> list[str | bytes | None]:
    """What a reader that stops before the first odd frame says."""
    found: list[str | bytes | None] = []
    for frame in frames:
        if frame.opcode is Opcode.TEXT and len(frame.data) <= LIMIT:
            found.append(bytes(frame.data).decode())
        elif frame.opcode is Opcode.PING:
            found.append(bytes(frame.data))
        elif frame.opcode is Opcode.PONG:
            found.append(None)
        else:
            break
    return found


@given(st.lists(st.one_of(TEXTS, LONG, PINGS, PONGS), max_size=8), st.data())
def test_ordinary_frames_come_out_however_they_are_cut(frames: list[Frame], data: st.DataObject):
    stream = b"".join(map(bytes_of, frames))
    got: list[str | bytes | None] = []
    rest = b""
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        rest, stream = rest + stream[:cut], stream[cut:]
        messages, taken, strange = read_frames(rest, LIMIT)
        got += messages
        rest = rest[taken:]
        if strange:
            break
    assert got == expected(frames)
    if all(len(frame.data) <= LIMIT for frame in frames):
        assert rest == b""


@given(st.lists(st.one_of(TEXTS, PINGS, PONGS), max_size=4), ODD, TEXTS)
def test_the_library_goes_on_exactly_where_we_stop(before: list[Frame], odd: bytes, after: Frame):
    rest = odd + bytes_of(after)
    stream = b"".join(map(bytes_of, before)) + rest
    messages, taken, strange = read_frames(stream, 65_536)
    assert strange
    assert messages == expected(before)
    assert stream[taken:] == rest
    library = Protocol(SERVER, max_size=65_536)
    library.receive_data(stream[taken:])
    assert library.parser_exc is not None or library.events_received()


def test_an_unmasked_frame_is_not_ours():
    assert read_frames(Frame(Opcode.TEXT, b"x").serialize(mask=False), LIMIT) == ([], 0, True)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_server_s_frame_is_the_library_s(size: int):
    assert text_frame("é" * size) == Frame(Opcode.TEXT, ("é" * size).encode()).serialize(mask=False)
    if size <= 125:
        assert pong_frame(b"x" * size) == Frame(Opcode.PONG, b"x" * size).serialize(mask=False)


@pytest.mark.parametrize("seq", [1, 9, 10, 2**31, 2**32 - 1])
def test_an_ack_is_the_frame_of_its_message(seq: int):
    assert ack_frame(seq) == text_frame(protocol.ack(seq))


def test_an_ack_is_of_a_seq():
    for no_seq in (-1, 2**32):
        with pytest.raises(OverflowError):
            ack_frame(no_seq)
