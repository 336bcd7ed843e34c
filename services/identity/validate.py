"""Checks of requests. Each raises InvalidArgument with the field's name first, then the mend."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from services.common.errors import InvalidArgument
from services.identity.company.address import domain_of
from services.identity.company.rules import RulesError, parse
from services.identity.company.suffix import registrable
from services.identity.graph.rules import GraphError, parse_rules
from services.identity.text import is_clean
from services.identity.token_policy import TokenPolicyError, parse_policy
from services.identity.tokens import SECRET_BYTES
from services.identity.value.document import DocumentError
from services.identity.value.rates import read_rates
from services.identity.value.rules import read_rules

KINDS = (
    *("sdk", "detection", "policy", "experiments", "on_call", "outcomes"),
    *("company", "graph", "identity", "value", "rates", "accountability"),
)
_JSON_KINDS = ("sdk", "detection", "experiments", "outcomes", "accountability")
# Those that this service uses itself: what it could not read is not stored.
_READ_HERE: dict[str, Callable[[bytes], object]] = {
    "company": parse,
    "graph": parse_rules,
    "identity": parse_policy,
    "value": read_rules,
    "rates": read_rates,
}
_ENVIRONMENTS = ("live", "test")
_CHANNELS = ("sms", "slack", "webhook", "email", "teams", "pagerduty")
_MOST_BODY = 1024 * 1024
_MOST_ITEMS = 10_000
_MOST_EMAIL = 254

_TENANT = re.compile(r"[a-z0-9_-]{1,64}")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_ROUTING_KEY = re.compile(r"[A-Za-z0-9]{32}")
_CHANNEL_SECRET_BYTES = range(24, 65)
_MOST_SECRETS = 2
_WEBHOOK_SECRET_BYTES = range(16, 129)


def tenant_id(field: str, value: str) -> str:
    """Lower-case letters, digits, '-' and '_'; at most 64."""
    if not _TENANT.fullmatch(value):
        raise InvalidArgument(
            f"{field}: expected 1 to 64 lower-case letters, digits, '-' and '_', was {value!r}"
        )
    return value


def text(field: str, value: str, *, most: int, least: int = 1) -> str:
    """Printable text of `least` to `most` characters."""
    if not least <= len(value) <= most:
        raise InvalidArgument(f"{field}: expected {least} to {most} characters, was {len(value)}")
    if not is_clean(value):
        raise InvalidArgument(f"{field}: control characters are not allowed")
    return value


def one_of(field: str, value: str, choices: Sequence[str]) -> str:
    """One of a few words."""
    if value not in choices:
        raise InvalidArgument(f"{field}: expected one of {', '.join(choices)}, was {value[:64]!r}")
    return value


def identity_secret(field: str, value: str) -> str:
    """Empty, or long enough for HS256 (RFC 7518, 3.2)."""
    if value and len(value.encode()) < SECRET_BYTES:
        raise InvalidArgument(
            f"{field}: expected at least {SECRET_BYTES} bytes (for example `openssl rand -hex 32`),"
            f" was {len(value.encode())}"
        )
    return text(field, value, most=1_024, least=0)


def kind(field: str, value: str) -> str:
    """A kind of configuration document."""
    return one_of(field, value, KINDS)


def body(field: str, document_kind: str, value: bytes) -> bytes:
    """A document: UTF-8, and a JSON object where readers expect one.

    Read as strictly as the strictest of them does: without NaN, Infinity, halves of surrogates.
    """
    if not 1 <= len(value) <= _MOST_BODY:
        raise InvalidArgument(f"{field}: expected 1 to {_MOST_BODY} bytes, was {len(value)}")
    try:
        decoded = value.decode()
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"{field}: expected UTF-8 text") from error
    if document_kind in _JSON_KINDS:
        try:
            document: object = msgspec.json.decode(decoded)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidArgument(f"{field}: expected JSON: {error}") from error
        if not isinstance(document, dict):
            raise InvalidArgument(f"{field}: expected a JSON object")
    elif document_kind in _READ_HERE:
        try:
            _READ_HERE[document_kind](value)
        except (RulesError, GraphError, TokenPolicyError) as error:
            raise InvalidArgument(f"{field}.{error}") from error
        except DocumentError as error:
            raise InvalidArgument(f"{field}: {error}") from error
    return value


def environment(field: str, value: str) -> str:
    """What a publishable key is for."""
    return one_of(field, value, _ENVIRONMENTS)


def origins(field: str, values: Sequence[str]) -> list[str]:
    """At least one of: "*", or scheme://host[:port] as a browser sends it."""
    if not 1 <= len(values) <= 100:
        raise InvalidArgument(f"{field}: expected 1 to 100 origins, or '*' for any")
    return [_origin(f"{field}[{index}]", value) for index, value in enumerate(values)]


def _origin(field: str, value: str) -> str:
    if value == "*":
        return value
    refused = InvalidArgument(
        f"{field}: expected '*' or an origin such as https://shop.example, was {value[:200]!r}"
    )
    try:
        parts = urlsplit(value.strip().lower())
        port = parts.port
    except ValueError as error:
        raise refused from error
    host = parts.hostname
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise refused
    if parts.path not in ("", "/") or parts.query or parts.fragment or not is_clean(value):
        raise refused
    shown = f"[{host}]" if ":" in host else host
    default = port in (None, {"http": 80, "https": 443}[parts.scheme])
    return f"{parts.scheme}://{shown}" if default else f"{parts.scheme}://{shown}:{port}"


def zone(field: str, value: str) -> str:
    """An IANA time zone, or nothing."""
    if not value:
        return value
    try:
        ZoneInfo(value)
    except (OSError, ValueError, KeyError) as error:
        raise InvalidArgument(
            f"{field}: expected an IANA time zone such as Europe/Berlin, was {value[:64]!r}"
        ) from error
    return value


def channel_address(field: str, channel_kind: str, value: str) -> str:
    """A number for sms, an address for email, a routing key for pagerduty, a URL for the rest."""
    if channel_kind == "sms":
        if not _E164.fullmatch(value):
            raise InvalidArgument(f"{field}: expected an E.164 number such as +14155550123")
        return value
    if channel_kind == "email":
        if len(value) > _MOST_EMAIL or not _EMAIL.fullmatch(value):
            raise InvalidArgument(f"{field}: expected an address such as robin@acme.example")
        return value
    if channel_kind == "pagerduty":
        if not _ROUTING_KEY.fullmatch(value):
            raise InvalidArgument(
                f"{field}: expected the routing key of an Events API v2 integration,"
                " 32 letters and digits"
            )
        return value
    text(field, value, most=2_048)
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or " " in value:
        raise InvalidArgument(f"{field}: expected an http or https URL")
    return value


def channel_kind(field: str, value: str) -> str:
    """How a person is reached."""
    return one_of(field, value, _CHANNELS)


def channel_secret(field: str, value: str) -> str:
    """Empty, or one secret that signs webhooks; two, the new one first, while they are rotated."""
    secrets = value.split(" ") if value else []
    if len(secrets) > _MOST_SECRETS:
        raise InvalidArgument(
            f"{field}: expected one secret, or the new and the old one with a space between"
        )
    for secret in secrets:
        if _secret_bytes(secret) not in _CHANNEL_SECRET_BYTES:
            raise InvalidArgument(
                f"{field}: expected 'whsec_' and the base64 of 24 to 64 random bytes, or nothing"
            )
    return value


def webhook_secret(field: str, value: str) -> str:
    """Empty, or "whsec_" and base64, as Standard Webhooks has it."""
    if not value:
        return value
    if _secret_bytes(value) not in _WEBHOOK_SECRET_BYTES:
        raise InvalidArgument(
            f"{field}: expected 'whsec_' and the base64 of 24 to 64 random bytes, or nothing"
        )
    return value


def _secret_bytes(secret: str) -> int:
    """How many bytes a "whsec_…" has; 0: it is none."""
    prefix, separator, encoded = secret.partition("_")
    if prefix + separator != "whsec_":
        return 0
    try:
        return len(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError):
        return 0


def companies(field: str, values: Sequence[str]) -> list[str]:
    """Domains, each once, as companies have them: acme.example for shop.acme.example."""
    if len(values) > _MOST_ITEMS:
        raise InvalidArgument(f"{field}: expected at most {_MOST_ITEMS}, was {len(values)}")
    domains: dict[str, None] = {}
    for index, value in enumerate(values):
        name = registrable(domain_of(value))
        if name is None:
            raise InvalidArgument(
                f"{field}[{index}]: expected a domain such as acme.example, was {value[:253]!r}"
            )
        domains[name.domain] = None
    return list(domains)
