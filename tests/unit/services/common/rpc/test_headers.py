"""Header blocks that repeat mean what they meant, until the peer's table changes."""

from __future__ import annotations

from typing import Any

import pytest
from hpack import Decoder, Encoder, HPACKError
from hypothesis import given
from hypothesis import strategies as st

from services.common.rpc.headers import HeaderBlocks

_MOST_BYTES = 1 << 16
_FIELDS = st.tuples(
    st.sampled_from(["grpc-timeout", "x-one", "x-two", ":path", "te"]),
    st.sampled_from(["1S", "2S", "a", "b" * 900]),
    st.booleans(),
)


def plainly(decoder: Any, block: bytes) -> dict[str, str]:
    """The slow and obvious way."""
    return {name.decode(): value.decode() for name, value in decoder.decode(block, raw=True)}


@given(calls=st.lists(st.lists(_FIELDS, min_size=1, max_size=4), max_size=40))
def test_it_reads_what_a_decoder_reads_that_remembers_nothing(
    calls: list[list[tuple[str, str, bool]]],
) -> None:
    # 900 bytes of a value soon push older ones out of a table of 4 KB, so that places move.
    encoder: Any = Encoder()
    blocks, twin = HeaderBlocks(_MOST_BYTES), Decoder(max_header_list_size=_MOST_BYTES)
    for call in calls:
        block = encoder.encode(call, huffman=False)
        assert blocks.decode(block).fields == plainly(twin, block)


def test_a_table_that_grows_moves_what_a_place_means() -> None:
    encoder: Any = Encoder()
    blocks = HeaderBlocks(_MOST_BYTES)
    blocks.decode(encoder.encode([("x-one", "a")]))
    newest = b"\xbe"  # place 62
    assert blocks.decode(newest).fields == {"x-one": "a"}
    assert blocks.decode(newest) is blocks.decode(newest)
    blocks.decode(encoder.encode([("x-two", "b")]))
    assert blocks.decode(newest).fields == {"x-two": "b"}


def test_what_the_library_sends_is_no_metadata() -> None:
    fields = [(":path", "/a"), ("te", "trailers"), ("grpc-timeout", "1S"), ("authorization", "b")]
    encoder: Any = Encoder()
    assert HeaderBlocks(_MOST_BYTES).decode(encoder.encode(fields)).metadata == (
        ("authorization", "b"),
    )


def test_an_error_is_remembered_by_nobody() -> None:
    blocks = HeaderBlocks(_MOST_BYTES)
    for _ in range(2):
        with pytest.raises(HPACKError):
            blocks.decode(b"\xbe")
