"""Entries against protobuf's own parser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentientiq.common.v1 import log_pb2

from hotpath.entry import encode_entry

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
RECORDS = st.lists(
    st.tuples(
        st.binary(max_size=100),
        st.dictionaries(TEXT, TEXT, max_size=3),
        st.binary(max_size=20_000),
    ),
    max_size=20,
)


@given(RECORDS)
def test_protobuf_reads_what_was_written(records: list[tuple[bytes, dict[str, str], bytes]]):
    entry = log_pb2.LogEntry.FromString(encode_entry(records))
    assert [(r.key, dict(r.headers), r.value) for r in entry.records] == records


@given(RECORDS)
def test_with_one_header_the_bytes_are_protobuf_s(
    records: list[tuple[bytes, dict[str, str], bytes]],
):
    short = [(key, dict(list(headers.items())[:1]), value) for key, headers, value in records]
    theirs = log_pb2.LogEntry(
        records=[log_pb2.Record(key=k, headers=h, value=v) for k, h, v in short]
    )
    assert encode_entry(short) == theirs.SerializeToString(deterministic=True)


def test_a_header_that_is_no_text_is_refused():
    with pytest.raises(UnicodeEncodeError):
        encode_entry([(b"", {"a": "\ud800"}, b"")])
