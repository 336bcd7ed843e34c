"""Verify `X-Twilio-Signature` on the raw request, as the official SDKs compute it.

base64(HMAC-SHA1(auth token, URL + sorted form pairs)); a JSON body is covered by the URL's
`bodySHA256`. The URL is the configured public one: behind a proxy, Host lies.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator, Sequence
from hashlib import sha1, sha256
from urllib.parse import parse_qs, urlsplit, urlunsplit

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
