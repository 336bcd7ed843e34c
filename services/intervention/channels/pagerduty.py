"""PagerDuty, Events API v2. Its `dedup_key` makes repetitions harmless: at least once is safe."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from services.common.http_client import Http, NotSent, Unanswered
from services.intervention.channels.message import Message
from services.intervention.channels.verdict import Ending, Verdict, retry

DESTINATION = "pagerduty"
_PREFIX = "siq"


def dedup_key(tenant_id: str, decision_id: str) -> str:
    """One incident a recommendation, whoever is paged and however often."""
    return f"{_PREFIX}:{tenant_id}:{decision_id}"


def read_dedup_key(key: str) -> tuple[str, str] | None:
    """Tenant and decision of a key of ours."""
    parts = key.split(":")
    return (parts[1], parts[2]) if len(parts) == 3 and parts[0] == _PREFIX else None


class PagerDuty:
    """Sends events. The address of a channel is its integration's routing key."""

    def __init__(self, http: Http, *, base_url: str) -> None:
        self._http = http
        self._url = f"{base_url.rstrip('/')}/v2/enqueue"

    async def deliver(self, message: Message) -> Verdict:
        """Send the event; only 202 means taken."""
        event = {"routing_key": message.address, **json.loads(message.body)}
        try:
            answer = await self._http.request(
                "POST",
                self._url,
                headers={"content-type": "application/json"},
                content=json.dumps(event, ensure_ascii=False).encode(),
            )
        except (NotSent, Unanswered) as error:
            return Verdict(Ending.RETRY, f"no_answer:{error}", down=True)
        if answer.status == 202:
            return Verdict(Ending.DELIVERED, "", str(_object(answer.body).get("dedup_key", "")))
        # Anything else that is no refusal did not come from PagerDuty, or not from its queue.
        if answer.status < 400 or answer.status in (408, 429) or answer.status >= 500:
            return retry(answer)
        said = _object(answer.body).get("message")
        return Verdict(Ending.DROP, f"http_{answer.status}" + (f":{said}" if said else ""))


def _object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {}
