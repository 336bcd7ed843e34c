"""Which keys a tenant may name for its tokens, and what a token signed with them proves."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from services.identity.token_policy import (
    TokenPolicy,
    TokenPolicyError,
    parse_policy,
    read_key_set,
)
from services.identity.tokens import TokenRefused, verify

_jwt: Any = jwt
NOW = 1_700_000_000
CLAIMS: dict[str, Any] = {"sub": "u1", "iat": NOW - 60, "exp": NOW + 600}
SECRET = "s" * 32


@cache
def pair(kind: str, number: int = 0) -> Any:
    """A private key; the number tells several of a kind apart."""
    match kind:
        case "RS256":
            return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        case "short":
            return rsa.generate_private_key(public_exponent=65_537, key_size=1_024)
        case "P-384":
            return ec.generate_private_key(ec.SECP384R1())
        case _:
            return ec.generate_private_key(ec.SECP256R1())


def public(kind: str, number: int = 0, **more: Any) -> dict[str, Any]:
    key = pair(kind, number).public_key()
    algorithm: Any = RSAAlgorithm if kind in ("RS256", "short") else ECAlgorithm
    return {**json.loads(algorithm.to_jwk(key)), "kid": f"k{number}", **more}


def sign(kind: str, number: int = 0, kid: str | None = "k0", **claims: Any) -> str:
    headers = {} if kid is None else {"kid": kid}
    return _jwt.encode({**CLAIMS, **claims}, pair(kind, number), algorithm=kind, headers=headers)


def policy(*keys: dict[str, Any], **more: Any) -> TokenPolicy:
    return parse_policy(json.dumps({"keys": list(keys), **more}).encode())


def check(token: str, of: TokenPolicy, secret: str = SECRET) -> Any:
    return verify(token, secret, datetime.fromtimestamp(NOW, UTC), of)


@pytest.mark.parametrize("kind", ["RS256", "ES256"])
def test_a_token_signed_with_a_named_key_is_believed(kind: str):
    assert check(sign(kind), policy(public(kind)))["sub"] == "u1"
    assert check(sign(kind, kid=None), policy(public(kind)))["sub"] == "u1"


@pytest.mark.parametrize("kind", ["RS256", "ES256"])
def test_keys_rotate_by_their_names(kind: str):
    both = policy(public(kind, 0), public(kind, 1))
    assert check(sign(kind, 0, "k0"), both)
    assert check(sign(kind, 1, "k1"), both)
    for token, why in [
        (sign(kind, 0, "k1"), "another key"),
        (sign(kind, 0, "k2"), "no .* key of the tenant has the token's kid"),
        (sign(kind, 0, None), "no .* key of the tenant has the token's kid"),
    ]:
        with pytest.raises(TokenRefused, match=why):
            check(token, both)
    with pytest.raises(TokenRefused, match="kid"):
        check(sign(kind, 0, "k0"), policy(public(kind, 1)))


def test_a_key_is_for_one_algorithm():
    """The old attack: HMAC with the public key's bytes as its secret."""
    both = policy(public("RS256", 0), public("ES256", 1))
    with pytest.raises(TokenRefused, match="another secret"):
        check(_jwt.encode(CLAIMS, "p" * 64, algorithm="HS256", headers={"kid": "k0"}), both)
    with pytest.raises(TokenRefused, match="kid"):
        check(sign("ES256", 1, "k0"), both)
    with pytest.raises(TokenRefused, match="algorithm"):
        check(_jwt.encode(CLAIMS, None, algorithm="none", headers={"kid": "k0"}), both)


def test_the_secret_can_be_given_up():
    token = _jwt.encode(CLAIMS, SECRET, algorithm="HS256")
    assert check(token, policy(public("ES256")))
    with pytest.raises(TokenRefused, match="HS256"):
        check(token, policy(public("ES256"), hs256=False))


@pytest.mark.parametrize("kind", ["HS256", "ES256"])
def test_issuer_and_audience_are_demanded(kind: str):
    wanted = policy(public("ES256"), issuer="https://login.example", audience="sentientiq")

    def token(**claims: Any) -> str:
        if kind == "ES256":
            return sign(kind, **claims)
        return _jwt.encode({**CLAIMS, **claims}, SECRET, algorithm=kind)

    good = {"iss": "https://login.example", "aud": ["other", "sentientiq"]}
    assert check(token(**good), wanted)
    for claims, why in [
        ({}, "claim (iss|aud) is missing"),
        ({**good, "iss": "https://else.example"}, "iss"),
        ({**good, "aud": "other"}, "aud"),
    ]:
        with pytest.raises(TokenRefused, match=why):
            check(token(**claims), wanted)


_UNUSABLE: list[tuple[Any, str]] = [
    ({"keys": [{"kty": "oct", "k": "AAAA"}]}, "identity secret"),
    ({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]}, "kty RSA, or EC"),
    ({"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}, "no usable key"),
    ({"keys": [{"kty": "RSA"}]}, "no usable key"),
    ({"keys": [{}]}, r"keys\[0\]"),
    ({"keys": {}}, "keys"),
    ({"hs256": False}, "hs256"),
    ({"jwks_url": "http://login.example/jwks"}, "https"),
    ({"jwks_url": "file:///etc/passwd"}, "https"),
    ({"issuer": "x" * 2_000}, "issuer"),
    ({"audiences": "x"}, "audience"),
]


@pytest.mark.parametrize(("document", "why"), _UNUSABLE)
def test_a_document_that_cannot_be_used_names_the_field(document: Any, why: str):
    with pytest.raises(TokenPolicyError, match=why):
        parse_policy(json.dumps(document).encode())


def test_a_key_that_should_not_be_there_is_refused():
    private = json.loads(ECAlgorithm.to_jwk(pair("ES256")))
    for key, why in [
        (private, "private"),
        (public("short"), "2048 bits"),
        (public("P-384"), "P-256"),
        (public("RS256", alg="PS256"), "alg RS256"),
        (public("RS256", use="enc"), "use sig"),
        (public("RS256", kid=7), "kid"),
    ]:
        with pytest.raises(TokenPolicyError, match=why):
            policy(key)
    with pytest.raises(TokenPolicyError, match="kid of its own"):
        policy(public("ES256", 0), public("ES256", 1, kid="k0"))


def test_of_a_key_set_what_is_of_use_is_taken():
    told = {"keys": [{"kty": "oct", "k": "AAAA"}, public("ES256"), public("short"), {"kty": "x"}]}
    assert [key.algorithm for key in read_key_set(json.dumps(told).encode())] == ["ES256"]
    for body in (b"", b"[]", b'{"keys": 1}', b'{"keys": [1]}', b"\xff"):
        with pytest.raises(TokenPolicyError, match="JSON Web Key Set"):
            read_key_set(body)
