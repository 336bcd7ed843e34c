"""When a call happened: the client's clock, set right by the time at which it sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from edge.segment.calls import Call

_LATEST_MS = 4_102_444_800_000  # the year 2100


@dataclass(frozen=True, slots=True)
class Moment:
    """A call's time, twice."""

    stated_ms: int
    """On the client's clock: the same however often the call is sent, so sessions go by it."""
    at_ms: int
    """On ours: receivedAt - (sentAt - originalTimestamp), as Segment has it."""
    guessed: bool
    """A time was stated that is none; the call counts as happening when it was received."""


def moment_of(call: Call, sent_at: object, received_ms: int) -> Moment:
    """Work out when a call happened; `sent_at` is the request's, where the call has none."""
    told = call.original_timestamp if call.original_timestamp is not None else call.timestamp
    stated_ms = epoch_ms(told)
    if stated_ms is None:
        return Moment(received_ms, received_ms, guessed=told is not None)
    sent_ms = epoch_ms(call.sent_at if call.sent_at is not None else sent_at)
    at_ms = stated_ms if sent_ms is None else received_ms - (sent_ms - stated_ms)
    # Nothing has happened after we heard of it; an absurd sentAt must not make an absurd time.
    return Moment(stated_ms, max(0, min(at_ms, received_ms)), guessed=False)


def epoch_ms(text: object) -> int | None:
    """An ISO 8601 time as Unix epoch in milliseconds, UTC where no zone is stated; None: none."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    moment_ms = round(moment.timestamp() * 1000)
    return moment_ms if 0 <= moment_ms < _LATEST_MS else None
