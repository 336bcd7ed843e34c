"""Identity tokens: a JWT with which the tenant's own server vouches for its visitor.

HS256 with the tenant's `identity_secret`, RS256 or ES256 with public keys that the tenant names
(`token_policy.py`). The token does not choose how it is checked: a key is for one algorithm, and
the tenant's policy says which keys there are. Claims: sub, iat and exp required, exp - iat at most
15 minutes; email, name, company, company_name, ltv (major units), currency, plan or tier, at the
top or under `traits`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

import jwt

from services.identity.token_policy import PublicKey, TokenPolicy

SECRET_BYTES = 32
LIFETIME_S = 15 * 60
LEEWAY_S = 30
KEYED = ("RS256", "ES256")
"""Algorithms of public keys."""
HS256_ONLY = TokenPolicy()
_MOST = 16 * 1024
_jwt: Any = jwt  # its signatures name key types of `cryptography`, which has none for some


class TokenRefused(Exception):
    """The token proves nothing; the message says why and holds nothing of its content."""


class Named(NamedTuple):
    """The key that a token says it was signed with."""

    algorithm: str
    kid: str

    def among(self, keys: Sequence[PublicKey]) -> PublicKey | None:
        """Find it; a token that names none means the only one there is."""
        fitting = [
            key
            for key in keys
            if key.algorithm == self.algorithm and (not self.kid or key.kid == self.kid)
        ]
        return fitting[0] if len(fitting) == 1 else None


def named_key(token: str) -> Named:
    """Read a token's header, of which nothing is believed yet.

    Raises:
        TokenRefused: it has none.
    """
    if len(token) > _MOST:
        raise TokenRefused(f"longer than {_MOST} characters")
    try:
        header = cast("Mapping[str, Any]", _jwt.get_unverified_header(token))
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise TokenRefused(_reason(error)) from error
    algorithm, kid = header.get("alg"), header.get("kid", "")
    if not isinstance(algorithm, str) or not isinstance(kid, str):
        raise TokenRefused("malformed (header)")
    return Named(algorithm, kid)


def verify(
    token: str,
    secret: str,
    now: datetime | None = None,
    policy: TokenPolicy = HS256_ONLY,
    fetched: Sequence[PublicKey] = (),
) -> Mapping[str, Any]:
    """Return the claims of a valid token.

    Args:
        secret: the tenant's, for HS256.
        policy: what else the tenant accepts, and what it demands.
        fetched: keys from the policy's `jwks_url`.

    Raises:
        TokenRefused: with the reason.
    """
    name = named_key(token)
    if name.algorithm in KEYED and (policy.keys or policy.jwks_url):
        found = name.among([*policy.keys, *fetched])
        if found is None:
            raise TokenRefused(f"no {name.algorithm} key of the tenant has the token's kid")
        claims = _claims(token, found.key, name.algorithm, policy)
    elif not policy.hs256:
        raise TokenRefused(f"algorithm is {name.algorithm[:20]}: the tenant's keys are for others")
    elif len(secret.encode()) < SECRET_BYTES:
        raise TokenRefused("the tenant has no identity secret; set one with PutTenant")
    else:
        claims = _claims(token, secret, "HS256", policy)
    if not str(claims["sub"]).strip():
        raise TokenRefused("claim sub is empty")
    _judge_times(claims, (now or datetime.now(UTC)).timestamp())
    return claims


def _claims(token: str, key: Any, algorithm: str, policy: TokenPolicy) -> Mapping[str, Any]:
    required = ["sub", "iat", "exp"]
    required += ["iss"] * bool(policy.issuer) + ["aud"] * bool(policy.audience)
    try:
        return cast(
            "Mapping[str, Any]",
            _jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                issuer=policy.issuer or None,
                audience=policy.audience or None,
                leeway=LEEWAY_S,
                # Times are judged below, by the clock given.
                options={
                    "require": required,
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            ),
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise TokenRefused(_reason(error, algorithm)) from error


def _judge_times(claims: Mapping[str, Any], now: float) -> None:
    issued, expires = _time(claims, "iat"), _time(claims, "exp")
    starts = _time(claims, "nbf") if "nbf" in claims else issued
    if expires <= now - LEEWAY_S:
        raise TokenRefused("expired")
    if max(issued, starts) > now + LEEWAY_S:
        raise TokenRefused("not valid yet: claim iat or nbf lies in the future")
    if expires - issued > LIFETIME_S + LEEWAY_S:
        raise TokenRefused(f"lives longer than {LIFETIME_S // 60} minutes (exp - iat)")


def _time(claims: Mapping[str, Any], claim: str) -> float:
    value = claims[claim]
    # NaN passes every comparison below; 1e12 keeps out milliseconds and what is no date at all.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise TokenRefused(f"claim {claim} is not a time in seconds")
    return float(value)


def _reason(error: Exception, algorithm: str = "HS256") -> str:
    # Only words for known faults: other messages may quote the token.
    match error:
        case jwt.InvalidSignatureError():
            return (
                "signed with another secret" if algorithm == "HS256" else "signed with another key"
            )
        case jwt.InvalidAlgorithmError():
            return f"algorithm is not {algorithm}"
        case jwt.MissingRequiredClaimError():
            return f"claim {error.claim} is missing"
        case jwt.InvalidIssuerError():
            return "claim iss is not the issuer of the tenant's policy"
        case jwt.InvalidAudienceError():
            return "malformed (InvalidAudienceError): claim aud does not name us"
        case _:
            return f"malformed ({type(error).__name__})"
