"""Which tokens of a tenant's prove who its visitors are: the `identity` document.

    {"issuer": "https://login.your-site.example", "audience": "sentientiq", "hs256": false,
     "keys": [{"kty": "EC", "crv": "P-256", "kid": "2026-11", "x": "…", "y": "…"}],
     "jwks_url": "https://login.your-site.example/.well-known/jwks.json"}

All of it may be left out: then a token is HS256 with the tenant's identity secret, as without a
document. Only public keys stand here; a key is for one algorithm, whatever a token says (RFC 8725).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import jwt
import msgspec

_MOST_KEYS: Final = 50
_MOST_TEXT: Final = 1_000
_LEAST_RSA_BITS: Final = 2_048


class TokenPolicyError(ValueError):
    """The document or a key cannot be used; names the field, and says what would mend it."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies tokens of one algorithm."""

    kid: str
    algorithm: str
    """RS256 or ES256."""
    key: Any


@dataclass(frozen=True, slots=True)
class TokenPolicy:
    """What a token must be like."""

    issuer: str = ""
    """What `iss` must be; empty: it is not looked at."""
    audience: str = ""
    """What `aud` must name; empty: a token for a named audience is not for us."""
    hs256: bool = True
    """Whether the tenant's secret counts."""
    keys: tuple[PublicKey, ...] = ()
    jwks_url: str = ""
    """Where more keys are; empty: nowhere."""


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    issuer: str = ""
    audience: str = ""
    hs256: bool = True
    keys: list[dict[str, Any]] = []
    jwks_url: str = ""


def parse_policy(body: bytes) -> TokenPolicy:
    """Read a document as it is stored.

    Raises:
        TokenPolicyError: naming the field.
    """
    try:
        found = msgspec.json.decode(body, type=_Document)
    except msgspec.ValidationError as error:
        names = ", ".join(_Document.__struct_fields__)
        raise TokenPolicyError(f"{error} (the keys are {names})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TokenPolicyError(f"expected JSON: {error}") from error
    for name in ("issuer", "audience", "jwks_url"):
        if len(getattr(found, name)) > _MOST_TEXT:
            raise TokenPolicyError(f"{name}: expected at most {_MOST_TEXT} characters")
    if found.jwks_url and urlsplit(found.jwks_url).scheme != "https":
        raise TokenPolicyError("jwks_url: expected an https:// address")
    if not (found.hs256 or found.keys or found.jwks_url):
        raise TokenPolicyError("hs256: without it, `keys` or `jwks_url` must say what verifies")
    return TokenPolicy(
        found.issuer, found.audience, found.hs256, tuple(read_keys(found.keys)), found.jwks_url
    )


def read_key_set(body: bytes) -> list[PublicKey]:
    """Read a JSON Web Key Set (RFC 7517) that somebody else keeps; keys of other kinds are skipped.

    Raises:
        TokenPolicyError: it is none.
    """
    try:
        found = msgspec.json.decode(body, type=dict[str, list[dict[str, Any]]])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TokenPolicyError(f"expected a JSON Web Key Set: {error}") from error
    keys: list[PublicKey] = []
    for told in found.get("keys", [])[:_MOST_KEYS]:
        try:
            keys.append(_read_key("key", told))
        except TokenPolicyError:
            continue
    return keys


def read_keys(told: Iterable[Mapping[str, Any]]) -> list[PublicKey]:
    """Read public keys (JWK).

    Raises:
        TokenPolicyError: naming the key.
    """
    keys = [_read_key(f"keys[{index}]", key) for index, key in enumerate(told)]
    if len(keys) > _MOST_KEYS:
        raise TokenPolicyError(f"keys: expected at most {_MOST_KEYS}")
    names = [(key.algorithm, key.kid) for key in keys]
    if len(set(names)) < len(names):
        raise TokenPolicyError("keys: each needs a kid of its own")
    return keys


def _read_key(field: str, told: Mapping[str, Any]) -> PublicKey:
    match told.get("kty"), told.get("crv"):
        case "RSA", _:
            algorithm = "RS256"
        case "EC", "P-256":
            algorithm = "ES256"
        case "oct", _:
            raise TokenPolicyError(f"{field}: a secret goes into the tenant's identity secret")
        case _:
            raise TokenPolicyError(f"{field}: expected kty RSA, or EC with crv P-256")
    if "d" in told:
        raise TokenPolicyError(f"{field}: is private; give the public key, and make a new pair")
    if told.get("alg", algorithm) != algorithm or told.get("use", "sig") != "sig":
        raise TokenPolicyError(f"{field}: expected alg {algorithm} and use sig, or neither")
    kid = told.get("kid", "")
    if not isinstance(kid, str) or len(kid) > _MOST_TEXT:
        raise TokenPolicyError(f"{field}.kid: expected a text")
    try:
        key: Any = jwt.PyJWK(dict(told), algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
        raise TokenPolicyError(f"{field}: no usable key ({type(error).__name__})") from error
    if algorithm == "RS256" and key.key_size < _LEAST_RSA_BITS:
        raise TokenPolicyError(f"{field}: expected at least {_LEAST_RSA_BITS} bits")
    return PublicKey(kid, algorithm, key)
