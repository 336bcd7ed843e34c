# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Entries: a LogEntry in protobuf's encoding, written and read without an object of protobuf's."""

from collections.abc import Iterable, Mapping

def encode_entry(records: Iterable[tuple[bytes, Mapping[str, str], bytes]]) -> bytes:
    """Return a LogEntry of (key, headers, value) records, serialized.

    Raises:
        UnicodeEncodeError: a header with a lone surrogate.
    """

def decode_entry(blob: bytes) -> list[tuple[bytes, bytes, dict[str, str]]]:
    """Return the (key, value, headers) records of a serialized LogEntry.

    Unknown fields are passed over; of a field given twice the last counts, as protobuf has it.

    Raises:
        ValueError: it is none, or a header is not UTF-8.
    """
