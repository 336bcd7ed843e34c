"""One audit record, its canonical encoding, and the hash that chains it to the one before.

The encoding is UTF-8 of the fields, each ended by NUL, and then the 32 bytes of the previous hash:

    "sentientiq-audit-1" tenant sequence at actor role action subject purpose detail

`sequence` and `at` (microseconds of the Unix epoch) are decimal. No field can hold NUL, PostgreSQL
refuses it in text, so no two records share an encoding. The hash is HMAC-SHA256 of it: who can
write to the database but does not hold the key cannot make a record that fits.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

GENESIS = bytes(32)
"""What the first record of a chain names as the one before."""
MESH = "*"
"""The chain of what belongs to no tenant."""
_FORM = "sentientiq-audit-1"
_FIELDS = 10


class BadRecord(ValueError):
    """A record that cannot have been written here."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be recorded. It never holds personal data: subjects are named by pseudonyms."""

    action: str
    """What was done, noun first: people.list."""
    subject: str = ""
    """To whom or what."""
    purpose: str = ""
    """What for, where somebody read."""
    detail: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def told(self) -> str:
        """The detail as it is kept and hashed."""
        if not self.detail:
            return ""
        return json.dumps(self.detail, sort_keys=True, separators=(",", ":"))


class Record(NamedTuple):
    """A link of a chain, in the order of its columns. A tuple, since verifying makes millions."""

    tenant_id: str
    sequence: int
    at_us: int
    actor: str
    role: str
    action: str
    subject: str
    purpose: str
    detail: str
    previous: bytes
    hash: bytes


COLUMNS = ", ".join(Record._fields)


def chained(
    key: bytes,
    tenant_id: str,
    sequence: int,
    at_us: int,
    actor: str,
    role: str,
    action: str,
    subject: str,
    purpose: str,
    detail: str,
    previous: bytes,
) -> bytes:
    """The hash of a record.

    Raises:
        BadRecord: a field holds what no field can.
    """
    text = (
        f"{_FORM}\0{tenant_id}\0{sequence}\0{at_us}\0{actor}\0{role}\0{action}\0{subject}\0"
        f"{purpose}\0{detail}\0"
    )
    if text.count("\0") != _FIELDS or len(previous) != len(GENESIS):
        raise BadRecord("a field holds NUL, or the previous hash is none")
    return hmac.digest(key, text.encode() + previous, "sha256")
