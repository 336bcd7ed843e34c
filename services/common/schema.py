"""The version of a topic's messages, in the header `schema` of every record: `behavior.v1/1`.

A change that old readers can live with (a field more: protobuf skips it) keeps the number. One they
would misread raises it: they set such records aside as dead letters, and `sentientiq log replay`
gives them back once the readers are new. A record without the header is of version 1.
"""

from __future__ import annotations

VERSION = 1
"""What this code writes, and the newest that it reads."""


def schema_of(topic: str) -> str:
    """The header of what is written today."""
    return f"{topic}/{VERSION}"


def why_not_ours(topic: str, schema: str) -> str:
    """Why a record of this schema cannot be read from the topic; empty if it can."""
    name, _, number = schema.rpartition("/")
    if name != topic or not number.isdecimal():
        return f"schema {schema[:80]!r}, expected {schema_of(topic)}"
    if int(number) > VERSION:
        return f"schema {schema[:80]} is newer than this reader, which knows {schema_of(topic)}"
    return ""
