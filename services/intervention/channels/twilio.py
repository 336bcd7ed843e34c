"""Text messages through Twilio. It takes no idempotency key, so a lost answer is looked up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from services.common.http_client import Answer, Http, NotSent, Unanswered
from services.intervention.channels.message import Message
from services.intervention.channels.verdict import Ending, Verdict, retry_after_s

VALIDITY_S = 600
_OPTED_OUT = 21610
_QUEUE_FULL = 21611
# Ours to mend, and the operator may mend it while the message still matters.
_CONFIGURATION = {20003, 21603, 21606, 21212, 21659}

# Callbacks come in any order: a status counts only if it ranks higher than the last.
STATUS_RANK = {
    "accepted": 1,
    "scheduled": 1,
    "queued": 2,
    "sending": 3,
    "sent": 4,
    "delivered": 5,
    "undelivered": 5,
    "failed": 5,
    "canceled": 5,
    "read": 6,
}


class _Listed(msgspec.Struct):
    sid: str
    body: str


class _List(msgspec.Struct):
    messages: list[_Listed]


@dataclass(frozen=True, slots=True)
class Account:
    """Whose messages they are."""

    base_url: str
    sid: str
    auth_token: str
    sender: str

    @property
    def complete(self) -> bool:
        """Whether anything can be sent."""
        return bool(self.sid and self.auth_token and self.sender)


class Twilio:
    """Sends and looks up."""

    def __init__(self, http: Http, account: Account, *, callback_url: str) -> None:
        self._http = http
        self._account = account
        self._callback_url = callback_url
        self._url = (
            f"{account.base_url.rstrip('/')}/2010-04-01/Accounts/{account.sid}/Messages.json"
        )

    async def deliver(self, message: Message) -> Verdict:
        """Send, unless an uncertain earlier attempt turns out to have arrived."""
        if not self._account.complete:
            return Verdict(Ending.DROP, "twilio_not_configured")
        if message.uncertain:
            found = await self._look_up(message)
            if found is not None:
                return found
        return await self._send(message)

    async def _send(self, message: Message) -> Verdict:
        form = {
            "To": message.address,
            "From": self._account.sender,
            "Body": message.body,
            "StatusCallback": f"{self._callback_url}?m={message.id}",
            "ValidityPeriod": str(VALIDITY_S),
            "SmartEncoded": "true",
        }
        try:
            answer = await self._call("POST", self._url, form)
        except NotSent as error:
            return Verdict(Ending.RETRY, f"no_connection:{error}", down=True)
        except Unanswered as error:
            return Verdict(Ending.UNKNOWN, f"no_answer:{error}", down=True)
        return _read(answer)

    async def _look_up(self, message: Message) -> Verdict | None:
        """Find the message among those sent; None if Twilio says it is not there."""
        since = datetime.fromtimestamp(message.created_at_ms / 1000, UTC).date().isoformat()
        query = urlencode({"To": message.address, "DateSent>": since, "PageSize": "50"})
        try:
            answer = await self._call("GET", f"{self._url}?{query}", None)
        except (NotSent, Unanswered) as error:
            return Verdict(Ending.UNKNOWN, f"look_up:{error}", down=True)
        try:
            listed = msgspec.json.decode(answer.body, type=_List).messages
        except msgspec.MsgspecError:
            return Verdict(Ending.UNKNOWN, f"look_up:{answer.status}", "", _pause(answer))
        for item in listed:
            # The body carries a link that no other message has.
            if item.body == message.body:
                return Verdict(Ending.SENT, "found", item.sid)
        return None

    async def _call(self, method: str, url: str, form: dict[str, str] | None) -> Answer:
        return await self._http.request(
            method,
            url,
            headers={"content-type": "application/x-www-form-urlencoded"} if form else None,
            content=urlencode(form).encode() if form else None,
            auth=(self._account.sid, self._account.auth_token),
        )


def _object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {}


def _pause(answer: Answer) -> float | None:
    return retry_after_s(answer.headers)


def _read(answer: Answer) -> Verdict:
    """Class of an answer to a send."""
    content = _object(answer.body)
    if answer.status in (200, 201):
        sid = content.get("sid")
        if isinstance(sid, str) and sid:
            return Verdict(Ending.SENT, str(content.get("status", "")), sid)
        return Verdict(Ending.UNKNOWN, "accepted_without_sid")
    code = content.get("code")
    detail = str(code) if isinstance(code, int) else f"http_{answer.status}"
    if code == _OPTED_OUT:
        return Verdict(Ending.ENDPOINT_OFF, detail)
    if answer.status == 429 or answer.status >= 500 or code in _CONFIGURATION | {_QUEUE_FULL}:
        return Verdict(Ending.RETRY, detail, "", _pause(answer), answer.status >= 500)
    if answer.status in (401, 403):
        return Verdict(Ending.RETRY, detail, "", 30.0)
    return Verdict(Ending.DROP, detail)
