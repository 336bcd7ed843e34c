"""One call of Segment's spec, as it came: types checked, nothing believed yet."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

REASONS = (
    *("bad_event", "unknown_type", "no_id", "no_name", "no_page", "no_traits"),
    *("bad_string", "bad_props", "duplicate", "long_props", "bad_email", "bad_timestamp"),
)
"""Why a call, or a part of one, is not used; docs/segment.md says what they mean."""


class Unusable(Exception):
    """A call that nothing can be made of; the message is one of `REASONS`."""


class Call(Struct, rename="camel"):
    """The fields that we look at. Times may be anything: a bad one costs the call nothing."""

    type: str = ""
    message_id: str | int | None = None
    anonymous_id: str | int | None = None
    user_id: str | int | None = None
    previous_id: str | int | None = None
    group_id: str | int | None = None
    event: str | None = None
    name: str | None = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    context: Any = None
    timestamp: Any = None
    original_timestamp: Any = None
    sent_at: Any = None

    @property
    def user(self) -> str:
        """The tenant's own id of the person; empty: not said."""
        return _word(self.user_id)

    @property
    def person(self) -> str:
        """Whose session it is. What an alias says is said of whom it was before."""
        before = _word(self.previous_id) if self.type == "alias" else ""
        return before or _word(self.anonymous_id) or self.user


def _word(value: str | int | None) -> str:
    return "" if value is None else str(value).strip()


_decoder = msgspec.json.Decoder(Call)


def read_call(raw: Raw, kind: str | None) -> Call:
    """Decode a call; `kind` is the path's, where the path says it.

    Raises:
        Unusable: bad_event, no_id.
    """
    try:
        call = _decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unusable("bad_event") from error
    if kind is not None:
        call.type = kind
    if not call.person:
        raise Unusable("no_id")
    return call
