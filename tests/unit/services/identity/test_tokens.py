"""Tokens that prove who a visitor is, and the many that do not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from services.identity.tokens import TokenRefused, verify

_jwt: Any = jwt  # its signatures name key types of a package that HS256 does not need
SECRET = "s" * 32
OTHER = "o" * 32
NOW = 1_700_000_000
CLAIMS: dict[str, Any] = {"sub": "u1", "iat": NOW - 60, "exp": NOW + 600}


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _forge(header: Any, payload: Any, key: bytes = SECRET.encode()) -> str:
    """Sign any header and payload with HMAC-SHA256, as an attacker's own code would."""
    signed = f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(payload).encode())}"
    return f"{signed}.{_b64(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def _sign(secret: str = SECRET, **claims: Any) -> str:
    kept = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not ...}
    return _forge({"alg": "HS256", "typ": "JWT"}, kept, secret.encode())


def _verify(token: str, secret: str = SECRET) -> Any:
    return verify(token, secret, datetime.fromtimestamp(NOW, UTC))


def test_valid_token_gives_its_claims() -> None:
    token = _jwt.encode({**CLAIMS, "ltv": 100_000}, SECRET, algorithm="HS256")
    assert _verify(token) == {**CLAIMS, "ltv": 100_000}


def test_clocks_may_differ_a_little() -> None:
    assert _verify(_sign(exp=NOW - 20))
    assert _verify(_sign(iat=NOW + 20, exp=NOW + 300))
    assert _verify(_sign(iat=NOW, exp=NOW + 15 * 60 + 20))


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (_sign(OTHER), "another secret"),
        (_sign(exp=NOW - 31), "expired"),
        (_sign(iat=NOW - 3600, exp=NOW - 1800), "expired"),
        (_sign(iat=NOW, exp=NOW + 24 * 3600), "longer than 15 minutes"),
        (_sign(iat=NOW - 86_400, exp=NOW + 60), "longer than 15 minutes"),
        (_sign(iat=NOW + 120, exp=NOW + 300), "future"),
        (_sign(nbf=NOW + 120), "future"),
        (_sign(exp=...), "exp is missing"),
        (_sign(iat=...), "iat is missing"),
        (_sign(sub=...), "sub is missing"),
        (_sign(sub=" "), "sub is empty"),
        (_sign(sub=42), "malformed"),
        (_sign(exp="soon"), "not a time"),
        (_sign(exp=True), "not a time"),
        (_sign(exp=float("nan")), "not a time"),
        (_sign(exp=float("inf")), "not a time"),
        (_sign(exp=NOW * 1000), "not a time"),
        (_sign(nbf=None), "not a time"),
        (_sign(aud="another-service"), "malformed"),
        (_forge({"alg": "none"}, CLAIMS), "HS256"),
        (_forge({"alg": "None"}, CLAIMS), "HS256"),
        (_forge({"alg": "HS512"}, CLAIMS), "HS256"),
        (_forge({"alg": "RS256"}, CLAIMS), "HS256"),
        (_forge({"alg": "ES256"}, CLAIMS), "HS256"),
        (_forge({"alg": ["HS256"]}, CLAIMS), "malformed|HS256"),
        (_forge({}, CLAIMS), "malformed|HS256"),
        (_forge({"alg": "HS256", "crit": ["x"], "x": 1}, CLAIMS), "malformed"),
        (_forge({"alg": "HS256"}, CLAIMS, b""), "another secret"),
        (_forge({"alg": "HS256", "kid": "../../dev/null"}, CLAIMS, b""), "another secret"),
        (
            _forge({"alg": "HS256", "jwk": {"kty": "oct", "k": "AA"}}, CLAIMS, b"\0"),
            "another secret",
        ),
        (_forge({"alg": "HS256"}, [CLAIMS]), "malformed"),
        (_forge({"alg": "HS256"}, "u1"), "malformed"),
        (_sign().rpartition(".")[0] + ".", "another secret"),
        (_sign().rpartition(".")[0], "malformed"),
        (f"{_b64(b'{')}.{_b64(b'{}')}.AA", "malformed"),
        ("", "malformed"),
        ("..", "malformed"),
        ("\ud800", "malformed"),
        ("é.é.é", "malformed"),
        ("a" * 20_000, "longer than"),
        (_forge({"alg": "HS256"}, CLAIMS)[:-4] + "AAAA", "another secret"),
    ],
)
def test_token_is_refused(token: str, reason: str) -> None:
    with pytest.raises(TokenRefused, match=reason):
        _verify(token)


def test_unsigned_token_is_refused() -> None:
    with pytest.raises(TokenRefused, match="HS256"):
        _verify(_jwt.encode(CLAIMS, "", algorithm="none"))


def test_public_key_is_no_hmac_secret() -> None:
    pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n"
    with pytest.raises(TokenRefused, match="malformed"):
        _verify(_forge({"alg": "HS256"}, CLAIMS, pem.encode()), pem)


@pytest.mark.parametrize("secret", ["", "short"])
def test_tenant_without_secret_verifies_nothing(secret: str) -> None:
    with pytest.raises(TokenRefused, match="no identity secret"):
        _verify(_sign(secret), secret)


def test_refusal_does_not_quote_the_token() -> None:
    token = _sign(exp="jane@acme.example")
    with pytest.raises(TokenRefused) as refusal:
        _verify(token)
    assert "jane" not in str(refusal.value)
