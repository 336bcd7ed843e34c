"""Microsoft Teams, a Workflows webhook: the URL is the secret, one Adaptive Card a request."""

from __future__ import annotations

import re

from services.common.guard import Guard
from services.common.http_client import Http
from services.intervention.channels.customer_url import CustomerUrl
from services.intervention.channels.message import Message
from services.intervention.channels.verdict import Ending, Verdict, retry

MOST_BYTES = 28 * 1024
# Old connectors answer 200 and say in the body what went wrong behind them.
_BEHIND = re.compile(rb"HTTP error (\d{3})")
# The flow was deleted or switched off: nothing will ever get through again.
_GONE = {404, 410}


class Teams:
    """Posts a card. At most once: Teams takes no key to repeat by."""

    def __init__(self, http: Http, guard: Guard) -> None:
        self._url = CustomerUrl(http, guard)

    async def deliver(self, message: Message) -> Verdict:
        """Send, unless an earlier attempt may have arrived."""
        if message.uncertain:
            return Verdict(Ending.DROP, "unknown")
        if len(message.body.encode()) > MOST_BYTES:
            return Verdict(Ending.DROP, "too_large")
        answer = await self._url.post(
            message, {"content-type": "application/json"}, silence=Ending.UNKNOWN
        )
        if isinstance(answer, Verdict):
            return answer
        status = answer.status
        behind = _BEHIND.search(answer.body[:1000])
        if 200 <= status < 300 and behind is None:
            return Verdict(Ending.DELIVERED)
        if behind is not None:
            status = int(behind[1])
        if status in _GONE:
            return Verdict(Ending.ENDPOINT_OFF, f"http_{status}")
        if status == 429 or status >= 500:
            return Verdict(
                Ending.RETRY,
                f"http_{status}",
                "",
                retry(answer).retry_after_s,
                down=status >= 500,
            )
        return Verdict(Ending.DROP, "too_large" if status == 413 else f"http_{status}")
