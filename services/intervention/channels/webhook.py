"""Our own webhooks: Standard Webhooks signatures over a CloudEvents body.

The id stays over all attempts, so the receiver can drop a repetition: at least once is safe here.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook as Signer

from services.common.guard import Guard, RefusedUrl, UnresolvedUrl
from services.common.http_client import Http, NotSent, Unanswered
from services.intervention.channels.message import Message
from services.intervention.channels.verdict import Ending, Verdict, retry_after_s
from services.intervention.clock import Clock

_MIN_SECRET_BYTES = 24


class Webhook:
    """Posts events to a customer's endpoint."""

    def __init__(self, http: Http, guard: Guard, clock: Clock) -> None:
        self._http = http
        self._guard = guard
        self._clock = clock

    async def deliver(self, message: Message) -> Verdict:
        """Sign and send; 2xx only counts."""
        try:
            headers = sign(message.secret, message.id, self._clock() // 1000, message.body)
        except ValueError as error:
            return Verdict(Ending.DROP, f"bad_secret:{error}")
        try:
            target = await self._guard.check(message.address)
            answer = await self._http.request(
                "POST",
                target.url,
                headers={
                    **headers,
                    "content-type": "application/cloudevents+json; charset=utf-8",
                    "host": target.host_header,
                },
                content=message.body.encode(),
                tls_name=target.tls_name,
            )
        except RefusedUrl as error:
            return Verdict(Ending.DROP, f"refused_url:{error}")
        except (UnresolvedUrl, NotSent, Unanswered) as error:
            return Verdict(Ending.RETRY, f"no_answer:{error}")
        if 200 <= answer.status < 300:
            return Verdict(Ending.DELIVERED)
        detail = f"http_{answer.status}"
        if answer.status == 410:
            return Verdict(Ending.ENDPOINT_OFF, detail)
        if answer.headers.get("webhook-delivery") == "abort-message":
            return Verdict(Ending.DROP, "aborted_by_receiver")
        return Verdict(Ending.RETRY, detail, "", retry_after_s(answer.headers))


def sign(secret: str, message_id: str, timestamp_s: int, body: str) -> dict[str, str]:
    """Headers of Standard Webhooks.

    Raises:
        ValueError: the secret is not `whsec_` and base64 of at least 24 bytes.
    """
    if not secret.startswith("whsec_"):
        raise ValueError("the channel needs a signing secret, whsec_…")
    try:
        raw = base64.b64decode(secret.removeprefix("whsec_") + "==")
    except binascii.Error as error:
        raise ValueError("the signing secret is not base64") from error
    if len(raw) < _MIN_SECRET_BYTES:
        raise ValueError("the signing secret is shorter than 24 bytes")
    at = datetime.fromtimestamp(timestamp_s, UTC)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": Signer(raw).sign(message_id, at, body),
    }
