"""Our own webhooks: Standard Webhooks signatures over a CloudEvents body.

The id stays over all attempts, so the receiver can drop a repetition: at least once is safe here.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook as Signer

from services.common.guard import Guard
from services.common.http_client import Http
from services.intervention.channels.customer_url import CustomerUrl
from services.intervention.channels.message import Message
from services.intervention.channels.verdict import Ending, Verdict, retry
from services.intervention.clock import Clock

_MIN_SECRET_BYTES = 24


class Webhook:
    """Posts events to a customer's endpoint."""

    def __init__(self, http: Http, guard: Guard, clock: Clock) -> None:
        self._url = CustomerUrl(http, guard)
        self._clock = clock

    async def deliver(self, message: Message) -> Verdict:
        """Sign and send; 2xx only counts."""
        try:
            headers = sign(message.secret, message.id, self._clock() // 1000, message.body)
        except ValueError as error:
            return Verdict(Ending.DROP, f"bad_secret:{error}")
        answer = await self._url.post(
            message,
            {**headers, "content-type": "application/cloudevents+json; charset=utf-8"},
            silence=Ending.RETRY,
        )
        if isinstance(answer, Verdict):
            return answer
        if 200 <= answer.status < 300:
            return Verdict(Ending.DELIVERED)
        detail = f"http_{answer.status}"
        if answer.status == 410:
            return Verdict(Ending.ENDPOINT_OFF, detail)
        if answer.headers.get("webhook-delivery") == "abort-message":
            return Verdict(Ending.DROP, "aborted_by_receiver")
        return retry(answer)


def sign(secret: str, message_id: str, timestamp_s: int, body: str) -> dict[str, str]:
    """Headers of Standard Webhooks.

    Args:
        secret: one secret, or the new and the old one with a space between while they are rotated:
            the receiver accepts a signature of either.

    Raises:
        ValueError: a secret is not `whsec_` and base64 of at least 24 bytes.
    """
    at = datetime.fromtimestamp(timestamp_s, UTC)
    signatures = [Signer(key).sign(message_id, at, body) for key in _keys(secret)]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(signatures),
    }


def _keys(secret: str) -> list[bytes]:
    keys: list[bytes] = []
    for one in secret.split(" "):
        if not one.startswith("whsec_"):
            raise ValueError("the channel needs a signing secret, whsec_…")
        try:
            raw = base64.b64decode(one.removeprefix("whsec_") + "==")
        except binascii.Error as error:
            raise ValueError("the signing secret is not base64") from error
        if len(raw) < _MIN_SECRET_BYTES:
            raise ValueError("the signing secret is shorter than 24 bytes")
        keys.append(raw)
    return keys
