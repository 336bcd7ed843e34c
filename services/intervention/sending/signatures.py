"""Verify what providers send us, on the raw request, as their official SDKs compute it.

Twilio: base64(HMAC-SHA1(auth token, URL + sorted form pairs)); a JSON body is covered by the URL's
`bodySHA256`. The URL is the configured public one: behind a proxy, Host lies.
Slack: hex(HMAC-SHA256(signing secret, "v0:" + timestamp + ":" + body)), within five minutes.
PagerDuty: hex(HMAC-SHA256(secret, body)), several in one header, any of them.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator, Sequence
from hashlib import sha1, sha256
from urllib.parse import parse_qs, urlsplit, urlunsplit

_SLACK_WINDOW_S = 300
_LEGACY_QUOTES = str.maketrans({"'": "%27", "!": "%21", "(": "%28", ")": "%29", "*": "%2A"})


def twilio_signature(auth_token: str, url: str, params: Sequence[tuple[str, str]]) -> str:
    """Compute the signature of a URL and form pairs; repeated values are counted once."""
    text = url + "".join(key + value for key, value in sorted(set(params)))
    digest = hmac.new(auth_token.encode(), text.encode(), sha1).digest()
    return base64.b64encode(digest).decode()


def _url_forms(url: str) -> Iterator[str]:
    """The URL without and with its port, each also with the legacy coding of the query."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 443)
    for netloc in (host, f"{host}:{port}"):
        for query in (parts.query, parts.query.translate(_LEGACY_QUOTES)):
            yield urlunsplit(parts._replace(netloc=netloc, query=query))


def verify_twilio(
    auth_token: str,
    url: str,
    params: Sequence[tuple[str, str]],
    signatures: Sequence[str],
    body: bytes = b"",
) -> bool:
    """Tell whether exactly one signature was sent and it covers this request.

    Args:
        url: as the provider called it, from the configured public base.
        params: the form's pairs, decoded; empty for a JSON body.
        signatures: every value of the header.
        body: the raw body, needed where the URL carries `bodySHA256`.
    """
    if not auth_token or len(signatures) != 1:
        return False
    sent = signatures[0].encode("utf-8", "replace")
    wanted = parse_qs(urlsplit(url).query).get("bodySHA256")
    if wanted is not None:
        if not hmac.compare_digest(sha256(body).hexdigest().encode(), wanted[0].encode()):
            return False
        params = ()
    matches = [
        hmac.compare_digest(twilio_signature(auth_token, form, params).encode(), sent)
        for form in _url_forms(url)
    ]
    return any(matches)


def verify_slack(
    secret: str,
    timestamps: Sequence[str],
    signatures: Sequence[str],
    body: bytes,
    *,
    now_s: int,
) -> bool:
    """Tell whether one fresh timestamp and one `v0` signature cover this body.

    Args:
        timestamps: every value of the header.
        signatures: every value of the header.
        now_s: neither the past nor the future may be further away than five minutes.
    """
    if not secret or len(timestamps) != 1 or len(signatures) != 1:
        return False
    timestamp = timestamps[0]
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        return False
    if abs(now_s - int(timestamp)) > _SLACK_WINDOW_S:
        return False
    signed = b"v0:" + timestamp.encode() + b":" + body
    wanted = "v0=" + hmac.new(secret.encode(), signed, sha256).hexdigest()
    return hmac.compare_digest(wanted.encode(), signatures[0].encode("utf-8", "replace"))


def verify_pagerduty(secrets: Sequence[str], signatures: Sequence[str], body: bytes) -> bool:
    """Tell whether any `v1` signature in the one header is of one of our secrets.

    Unknown versions are passed over, never accepted. PagerDuty signs no time: what a webhook does
    must be harmless the second time.
    """
    if len(signatures) != 1:
        return False
    sent = [one.strip().encode("utf-8", "replace") for one in signatures[0].split(",")]
    wanted = [
        b"v1=" + hmac.new(secret.encode(), body, sha256).hexdigest().encode()
        for secret in secrets
        if secret
    ]
    matches = [hmac.compare_digest(one, ours) for one in sent for ours in wanted]
    return any(matches)
