"""How an attempt to reach a person ended, whatever the channel."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from services.common.http_client import Answer

MAX_RETRY_AFTER_S = 900.0


class Ending(Enum):
    """What to do next."""

    SENT = "sent"
    """The provider took it and will report."""
    DELIVERED = "delivered"
    """The other side has it."""
    RETRY = "retry"
    """Certainly not sent; again later."""
    UNKNOWN = "unknown"
    """Perhaps sent. Never repeated blindly."""
    DROP = "drop"
    """Cannot be sent, now or later."""
    WITHDRAWN = "withdrawn"
    """A kill switch stopped it before it was tried."""
    ENDPOINT_OFF = "endpoint_off"
    """Nor can anything else to this address: opted out, or gone."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of one attempt."""

    ending: Ending
    detail: str = ""
    provider_id: str = ""
    retry_after_s: float | None = None
    down: bool = False
    """The destination itself is broken or silent, whatever is sent there."""


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After, seconds or a date; at most 15 minutes."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
        except (TypeError, ValueError):
            return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S) if seconds == seconds else None


def retry(answer: Answer) -> Verdict:
    """Certainly not taken; again when the other side says, or as we do it."""
    return Verdict(
        Ending.RETRY,
        f"http_{answer.status}",
        "",
        retry_after_s(answer.headers),
        down=answer.status >= 500,
    )
