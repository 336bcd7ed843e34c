"""The audit's encoding and hash, told by hand; anchors as they are read."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from services.common.audit.anchors import read_anchors
from services.common.audit.record import GENESIS, BadRecord, Entry, chained
from services.common.audit.verify import Chain

KEY = b"k" * 32
FIRST = ("t1", 1, 1_700_000_000_000_000, "dana", "operator", "person.put", "person:ü", "", "")


def test_the_hash_is_what_docs_audit_says() -> None:
    told = "\0".join(("sentientiq-audit-1", *map(str, FIRST), "")).encode() + bytes(32)
    assert chained(KEY, *FIRST, GENESIS) == hmac.new(KEY, told, hashlib.sha256).digest()


def test_no_two_records_have_one_encoding() -> None:
    moved = (*FIRST[:5], "person", ".putperson:ü", "", "")
    assert chained(KEY, *FIRST, GENESIS) != chained(KEY, *moved, GENESIS)
    with pytest.raises(BadRecord):
        chained(KEY, *FIRST[:5], "person.put\0person:ü", "", "", "", GENESIS)
    with pytest.raises(BadRecord):
        chained(KEY, *FIRST, b"short")


def test_detail_does_not_depend_on_the_order_in_which_it_is_said() -> None:
    one, other = {"b": 1, "a": ["ü"]}, {"a": ["ü"], "b": 1}
    assert Entry("x", detail=one).told == Entry("x", detail=other).told == '{"a":["\\u00fc"],"b":1}'
    assert Entry("x").told == ""


def test_an_empty_chain_is_whole_and_one_that_vanished_is_not() -> None:
    chain = Chain(KEY, "t1", {})
    chain.end(None)
    assert chain.fault is None
    gone = Chain(KEY, "t1", {7: bytes(32)})
    gone.end(None)
    assert gone.fault is not None
    assert "record 7 was anchored" in gone.fault.reason


def test_a_record_of_another_tenant_does_not_fit() -> None:
    record = (*FIRST, GENESIS, chained(KEY, *FIRST, GENESIS))
    chain = Chain(KEY, "t1", {})
    chain.take([record])
    assert (chain.sequence, chain.fault) == (1, None)
    moved = Chain(KEY, "t2", {})
    moved.take([("t2", *record[1:])])
    assert moved.fault is not None


def test_anchors_are_found_among_other_lines() -> None:
    anchor = {"event": "audit head", "tenant_id": "t1", "sequence": 3, "hash": "ab" * 32}
    lines = [
        "audit head: not JSON",
        json.dumps({"event": "serving", "audit head": 1}),
        json.dumps({**anchor, "level": "info"}),
        json.dumps({**anchor, "sequence": "x"}),
        json.dumps({**anchor, "tenant_id": "*", "sequence": 9}),
    ]
    assert read_anchors(lines) == {
        "t1": {3: bytes.fromhex("ab" * 32)},
        "*": {9: bytes.fromhex("ab" * 32)},
    }
