# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Entries: a LogEntry written in protobuf's encoding, without an object of protobuf's."""

from collections.abc import Iterable, Mapping

def encode_entry(records: Iterable[tuple[bytes, Mapping[str, str], bytes]]) -> bytes:
    """Return a LogEntry of (key, headers, value) records, serialized.

    Raises:
        UnicodeEncodeError: a header with a lone surrogate.
    """
