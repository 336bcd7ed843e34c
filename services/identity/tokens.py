"""Identity tokens: a JWT with which the tenant's own server vouches for its visitor.

HS256 with the tenant's `identity_secret`, and nothing else: the token does not choose how it is
checked. Claims: sub, iat and exp required, exp - iat at most 15 minutes; email, name, company,
company_name, ltv (major units), currency, plan or tier, at the top or under `traits`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import jwt

SECRET_BYTES = 32
LIFETIME_S = 15 * 60
LEEWAY_S = 30
_MOST = 16 * 1024


class TokenRefused(Exception):
    """The token proves nothing; the message says why and holds nothing of its content."""


def verify(token: str, secret: str, now: datetime | None = None) -> Mapping[str, Any]:
    """Return the claims of a valid token.

    Raises:
        TokenRefused: with the reason.
    """
    if len(secret.encode()) < SECRET_BYTES:
        raise TokenRefused("the tenant has no identity secret; set one with PutTenant")
    if len(token) > _MOST:
        raise TokenRefused(f"longer than {_MOST} characters")
    try:
        # Its signature names key types of a package that HS256 does not need.
        claims = jwt.decode(  # pyright: ignore[reportUnknownMemberType]
            token,
            secret,
            algorithms=["HS256"],
            leeway=LEEWAY_S,
            # Times are judged below, by the clock given.
            options={
                "require": ["sub", "iat", "exp"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise TokenRefused(_reason(error)) from error
    if not str(claims["sub"]).strip():
        raise TokenRefused("claim sub is empty")
    _judge_times(claims, (now or datetime.now(UTC)).timestamp())
    return claims


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


def _reason(error: Exception) -> str:
    # Only PyJWT's own words for known faults: other messages may quote the token.
    if isinstance(error, jwt.InvalidSignatureError):
        return "signed with another secret"
    if isinstance(error, jwt.InvalidAlgorithmError):
        return "algorithm is not HS256"
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"claim {error.claim} is missing"
    return f"malformed ({type(error).__name__})"
