"""Slack incoming webhooks: the URL is the secret, the answer is plain text."""

from __future__ import annotations

from services.common.guard import Guard
from services.common.http_client import Http
from services.intervention.channels.customer_url import CustomerUrl
from services.intervention.channels.message import Message
from services.intervention.channels.verdict import Ending, Verdict, retry

# The hook or its channel is gone: nothing will ever get through again.
_GONE = {
    "no_service",
    "no_service_id",
    "no_active_hooks",
    "invalid_token",
    "no_team",
    "team_disabled",
    "channel_not_found",
    "channel_is_archived",
}


class Slack:
    """Posts Block Kit to a customer's hook. At most once: Slack takes no key to repeat by."""

    def __init__(self, http: Http, guard: Guard) -> None:
        self._url = CustomerUrl(http, guard)

    async def deliver(self, message: Message) -> Verdict:
        """Send, unless an earlier attempt may have arrived."""
        if message.uncertain:
            return Verdict(Ending.DROP, "unknown")
        answer = await self._url.post(
            message, {"content-type": "application/json"}, silence=Ending.UNKNOWN
        )
        if isinstance(answer, Verdict):
            return answer
        text = answer.body[:100].decode("utf-8", "replace").strip()
        if answer.status == 200 and text == "ok":
            return Verdict(Ending.DELIVERED)
        if text in _GONE or answer.status == 410:
            return Verdict(Ending.ENDPOINT_OFF, text or f"http_{answer.status}")
        if answer.status == 429 or answer.status >= 500:
            return retry(answer)
        return Verdict(Ending.DROP, text or f"http_{answer.status}")
