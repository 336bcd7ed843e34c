"""Bodies: whose they are, their limits, and what is inside."""

from __future__ import annotations

import gzip
import json
import re

import pytest

from edge.segment import body
from edge.segment.body import BadRequest, read_batch, read_single, unpack, whose


@pytest.mark.parametrize(
    ("sent", "sender"),
    [
        (b'{"hello": {"type": "hello"}, "messages": []}', "beacon"),
        (b'{"hello": {}, "batch": []}', "beacon"),
        (b'{"batch": []}', "segment"),
        (b'{"batch": [{"event": "\\ud83d"}]}', "segment"),
        (b"{}", "nobody"),
        (b"[]", "nobody"),
        (b"nonsense", "nobody"),
        (b"[" * 30_000, "nobody"),
    ],
)
def test_the_body_says_whose_it_is(sent: bytes, sender: str):
    assert whose(sent) == sender


def code(reading: object, *arguments: object) -> tuple[str, str]:
    with pytest.raises(BadRequest) as refused:
        reading(*arguments)  # type: ignore[operator]
    return refused.value.code, str(refused.value)


def test_every_limit_is_inclusive_and_named():
    call = json.dumps({"a": "x" * (body.MAX_CALL_BYTES - 8)}, separators=(",", ":"))
    assert len(call) == body.MAX_CALL_BYTES
    longer = call.replace("x", "xx", 1)
    assert len(read_single(call).calls) == 1
    assert len(read_batch(f'{{"batch":[{call}]}}').calls) == 1
    assert code(read_single, longer)[0] == "too_large"
    word, message = code(read_batch, f'{{"batch":[{{}},{longer}]}}')
    assert (word, "32 KB" in message, "event 1 has 32769" in message) == ("too_large", True, True)
    assert len(read_batch(f'{{"batch":[{",".join(["{}"] * 2_500)}]}}').calls) == 2_500
    word, message = code(read_batch, f'{{"batch":[{",".join(["{}"] * 2_501)}]}}')
    assert (word, "2500 events" in message) == ("too_many", True)


def test_gzip_is_unpacked_to_the_limit_and_no_further():
    most = b" " * (body.MAX_BODY_BYTES - 2) + b"{}"
    assert len(unpack(gzip.compress(most), "gzip")) == body.MAX_BODY_BYTES
    assert code(unpack, gzip.compress(b" " + most), "gzip")[0] == "too_large"
    whole = gzip.compress(b"{}")
    for broken in (b"{}", whole[:-1], whole + whole, b""):
        assert code(unpack, broken, "gzip")[0] == "bad_encoding"
    assert code(unpack, b"{}", "br")[0] == "bad_encoding"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (r'"\ud83d"', "\ufffd"),
        (r'"\uDE00x"', "\ufffdx"),
        (r'"\ud83d\ude00"', "\U0001f600"),
        (r'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
        (r'"\\ud83d"', r"\ud83d"),
        (r'"\n\ud83d\n"', "\n\ufffd\n"),
    ],
)
def test_half_a_pair_of_surrogates_is_replaced(sent: str, read: str):
    assert json.loads(unpack(sent.encode(), "")) == read


def test_what_is_no_batch_is_told_what_is_expected():
    for sent in ('{"batch": 5}', "[]", "nonsense", '{"batch": [}'):
        word, message = code(read_batch, sent)
        assert (word, bool(re.match(r"expected \{batch", message))) == ("bad_json", True)
