"""Twilio's Messages API as its clients see it: form in, its JSON and its error numbers out."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha1
from typing import Any

API_VERSION = "2010-04-01"
_MAX_BODY_CHARS = 1_600

# Twilio's own magic numbers, and what they answer with.
_FROM_ERRORS = {
    "+15005550001": (21212, "The From number is not a valid phone number"),
    "+15005550007": (21606, "The From phone number is not a valid, SMS-capable number of yours"),
    "+15005550008": (21611, "This From number has exceeded the maximum number of queued messages"),
}
_TO_ERRORS = {
    "+15005550001": (21211, "The To number is not a valid phone number"),
    "+15005550002": (21612, "The To phone number is not currently reachable"),
    "+15005550003": (21408, "Permission to send an SMS has not been enabled for the region"),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient"),
    "+15005550009": (21614, "To number is not a mobile number"),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Twilio's error."""

    status: int
    code: int
    message: str

    def as_json(self) -> dict[str, Any]:
        """Twilio's shape."""
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


def read_basic(authorization: str) -> tuple[str, str] | None:
    """Account and token of a Basic header."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        account, colon, token = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (account, token) if colon and account and token else None


def check(
    account: str, credentials: tuple[str, str] | None, form: Mapping[str, str]
) -> Refusal | None:
    """What Twilio would refuse, in its words."""
    if credentials is None or credentials[0] != account:
        return Refusal(401, 20003, "Authenticate")
    to, sender, body = form.get("To", ""), form.get("From", ""), form.get("Body", "")
    if not to:
        return Refusal(400, 21604, "A 'To' phone number is required.")
    if not sender and not form.get("MessagingServiceSid"):
        return Refusal(400, 21603, "A 'From' phone number is required.")
    if not body:
        return Refusal(400, 21602, "Message body is required.")
    if len(body) > _MAX_BODY_CHARS:
        return Refusal(
            400, 21617, "The concatenated message body exceeds the 1600 character limit."
        )
    found = _FROM_ERRORS.get(sender) or _TO_ERRORS.get(to)
    if found is not None:
        return Refusal(400, *found)
    if not to.startswith("+") or not to[1:].isdigit():
        return Refusal(400, 21211, f"The 'To' number {to} is not a valid phone number.")
    return None


def new_message(account: str, form: Mapping[str, str]) -> dict[str, Any]:
    """The resource that a create answers with."""
    sid = f"SM{secrets.token_hex(16)}"
    now = format_datetime(datetime.now(UTC))
    body = form.get("Body", "")
    return {
        "account_sid": account,
        "api_version": API_VERSION,
        "body": body,
        "date_created": now,
        "date_sent": None,
        "date_updated": now,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": form.get("From") or None,
        "messaging_service_sid": form.get("MessagingServiceSid") or None,
        "num_media": "0",
        "num_segments": str(segments(body)),
        "price": None,
        "price_unit": "USD",
        "sid": sid,
        "status": "queued",
        "subresource_uris": {
            "media": f"/{API_VERSION}/Accounts/{account}/Messages/{sid}/Media.json"
        },
        "to": form.get("To"),
        "uri": f"/{API_VERSION}/Accounts/{account}/Messages/{sid}.json",
    }


def segments(body: str) -> int:
    """How many parts a text needs: 160 characters a part in ASCII, 70 with anything else."""
    alone, each = (160, 153) if body.isascii() else (70, 67)
    length = len(body) if body.isascii() else len(body.encode("utf-16-le")) // 2
    return 1 if length <= alone else -(-length // each)


def sign(auth_token: str, url: str, form: Mapping[str, str]) -> str:
    """`X-Twilio-Signature` of a form post."""
    text = url + "".join(name + form[name] for name in sorted(form))
    digest = hmac.new(auth_token.encode(), text.encode(), sha1).digest()
    return base64.b64encode(digest).decode()
