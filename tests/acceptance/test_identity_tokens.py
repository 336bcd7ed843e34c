"""AT-51: attacks on identity tokens, a thousand forms of each class: none proves anything."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import json
import random
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from services.identity.token_policy import TokenPolicy, read_keys
from services.identity.tokens import LIFETIME_S, TokenRefused, verify

_jwt: Any = jwt
FORMS = 1_000
NOW = 1_700_000_000
SECRET = "the tenant's secret, of 32 bytes or more"
OURS, THEIRS = (rsa.generate_private_key(65537, 2048) for _ in range(2))
CURVE, THEIR_CURVE = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))


def _public(key: Any, kid: str) -> dict[str, Any]:
    algorithm = _jwt.algorithms
    kind = algorithm.RSAAlgorithm if key is OURS else algorithm.ECAlgorithm
    return {**json.loads(kind.to_jwk(key.public_key())), "kid": kid}


KEYS = tuple(read_keys([_public(OURS, "r"), _public(CURVE, "e")]))
KEYED = TokenPolicy(issuer="https://id.example", audience="sentientiq", hs256=False, keys=KEYS)
MIXED = TokenPolicy(issuer="https://id.example", audience="sentientiq", keys=KEYS)
PEM = OURS.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


ODD_NAMES: list[Any] = [0, None, [], {}, True, ["r"]]


class Attacker:
    """Who knows everything public, and owns keys and tenants of their own."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def claims(self, **more: Any) -> dict[str, Any]:
        """Claims that would be fine, were they signed by whom they should be."""
        issued = NOW - self.rng.randint(0, 60)
        told = {
            "sub": f"u{self.rng.randint(1, 10**6)}",
            "iat": issued,
            "exp": issued + self.rng.randint(120, LIFETIME_S),
            "iss": "https://id.example",
            "aud": "sentientiq",
            **more,
        }
        return {name: value for name, value in told.items() if value is not ...}

    def forge(self, header: Any, claims: Any, key: bytes) -> str:
        """HMAC-SHA256 over anything."""
        signed = f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(claims).encode())}"
        return f"{signed}.{_b64(hmac.digest(key, signed.encode(), hashlib.sha256))}"

    def hs(self, key: str = SECRET, **more: Any) -> str:
        return self.forge({"alg": "HS256", "typ": "JWT"}, self.claims(**more), key.encode())

    def rs(self, key: Any = OURS, kid: str = "r", algorithm: str = "RS256", **more: Any) -> str:
        return str(_jwt.encode(self.claims(**more), key, algorithm, headers={"kid": kid}))

    def word(self, most: int = 40) -> str:
        return "".join(
            self.rng.choices("abcdefghijklmnop/.%\\0123456789", k=self.rng.randint(1, most))
        )

    def broken(self, token: str) -> str:
        """A token of which one character of one part is another."""
        parts = token.split(".")
        part = self.rng.randrange(3)
        place = self.rng.randrange(len(parts[part]) - 2)
        old = parts[part][place]
        new = self.rng.choice([c for c in "ABCXYZabcxyz0189-_" if c != old])
        parts[part] = parts[part][:place] + new + parts[part][place + 1 :]
        return ".".join(parts)


Forge = Callable[[Attacker], str]
AGAINST_ALL: dict[str, Forge] = {
    "no algorithm": lambda a: (
        f"{_b64(json.dumps({'alg': a.rng.choice(['none', 'None', 'NONE', 'nOnE', ''])}).encode())}"
        f".{_b64(json.dumps(a.claims()).encode())}.{a.rng.choice(['', _b64(b'x')])}"
    ),
    "another secret": lambda a: a.hs(a.word() + "x" * 32),
    "another tenant's secret": lambda a: a.hs("another tenant's secret, just as long as ours"),
    "an empty secret": lambda a: a.forge({"alg": "HS256"}, a.claims(), b""),
    "a public key as secret": lambda a: a.forge(
        {"alg": "HS256", "kid": a.rng.choice(["r", "e", ""])}, a.claims(), PEM
    ),
    "a key's JSON as secret": lambda a: a.forge(
        {"alg": "HS256", "kid": "r"}, a.claims(), json.dumps(_public(OURS, "r")).encode()
    ),
    "another key of the right name": lambda a: a.rs(THEIRS),
    "another curve's key": lambda a: a.rs(THEIR_CURVE, "e", "ES256"),
    "a key that comes with the token": lambda a: str(
        _jwt.encode(
            a.claims(),
            THEIRS,
            "RS256",
            headers={
                "kid": "r",
                "jwk": json.loads(_jwt.algorithms.RSAAlgorithm.to_jwk(THEIRS.public_key())),
            },
        )
    ),
    "a key set to be fetched": lambda a: str(
        _jwt.encode(
            a.claims(),
            THEIRS,
            "RS256",
            headers={"kid": "r", "jku": f"https://evil.example/{a.word()}"},
        )
    ),
    "a certificate to be fetched": lambda a: str(
        _jwt.encode(a.claims(), THEIRS, "RS256", headers={"kid": "r", "x5u": a.word()})
    ),
    "a path as the key's name": lambda a: a.forge(
        {"alg": "HS256", "kid": f"../../{a.word()}/dev/null"}, a.claims(), b""
    ),
    "a query as the key's name": lambda a: a.forge(
        {"alg": "HS256", "kid": f"x' UNION SELECT '{a.word()}"}, a.claims(), a.word().encode()
    ),
    "a key's name of another kind": lambda a: a.forge(
        {"alg": "RS256", "kid": a.rng.choice(ODD_NAMES)}, a.claims(), b"k"
    ),
    "the algorithm of the other key": lambda a: a.rs(kid="e"),
    "an algorithm that we do not speak": lambda a: a.forge(
        {"alg": a.rng.choice(["HS384", "HS512", "PS256", "EdDSA", "RS512", "dir", a.word()])},
        a.claims(),
        SECRET.encode(),
    ),
    "a signature cut off": lambda a: a.rs()[: -a.rng.randint(1, 300)],
    "one character changed": lambda a: a.broken(a.rs()),
    "words instead of a token": lambda a: ".".join(a.word() for _ in range(a.rng.randint(1, 6))),
    "brackets without end": lambda a: (
        f"{_b64(b'[' * a.rng.randint(1_000, 8_000))}.{_b64(b'{}')}.{_b64(b'x')}"
    ),
    "a token of megabytes": lambda a: a.rs() + "A" * a.rng.randint(16_384, 1_000_000),
}
OF_THE_TENANT: dict[str, Forge] = {
    "expired": lambda a: a.rs(iat=NOW - 3_600, exp=NOW - a.rng.randint(31, 3_000)),
    "not valid yet": lambda a: a.rs(nbf=NOW + a.rng.randint(31, 10**6)),
    "issued in the future": lambda a: a.rs(
        iat=NOW + a.rng.randint(31, 10**5), exp=NOW + 10**5 + 100
    ),
    "lives too long": lambda a: a.rs(iat=NOW, exp=NOW + LIFETIME_S + a.rng.randint(31, 10**6)),
    "never expires": lambda a: a.rs(exp=...),
    "nobody": lambda a: a.rs(sub=a.rng.choice([..., "", "  "])),
    "times that are none": lambda a: a.rs(
        **dict[str, Any]({a.rng.choice(["iat", "exp"]): a.rng.choice([1e300, -1, NOW * 1000])})
    ),
    "for somebody else": lambda a: a.rs(aud=a.rng.choice([a.word() + "!", [a.word()], ...])),
    "by somebody else": lambda a: a.rs(
        iss=a.rng.choice([a.word() + "!", ..., "https://id.example/"])
    ),
    "with the secret, where only keys count": lambda a: a.hs(),
}


def _refused(forge: Forge, policies: tuple[TokenPolicy, ...]) -> None:
    attacker = Attacker(datetime.date.today().toordinal())
    moment = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    for form in range(FORMS):
        token = forge(attacker)
        for policy in policies:
            with pytest.raises(TokenRefused) as refusal:
                verify(token, SECRET, moment, policy)
            assert len(token) < 20 or token[:60] not in str(refusal.value), form


@pytest.mark.parametrize("name", AGAINST_ALL)
def test_forgeries_are_refused_whatever_the_tenant_accepts(name: str) -> None:
    _refused(AGAINST_ALL[name], (KEYED, MIXED, TokenPolicy()))


@pytest.mark.parametrize("name", OF_THE_TENANT)
def test_what_the_tenants_own_key_signed_wrongly_is_refused(name: str) -> None:
    _refused(OF_THE_TENANT[name], (KEYED,))


def test_what_is_right_is_taken() -> None:
    attacker = Attacker(1)
    moment = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    for _ in range(50):
        for token in (attacker.rs(), attacker.rs(CURVE, "e", "ES256")):
            assert verify(token, SECRET, moment, KEYED)["iss"] == "https://id.example"
        assert verify(attacker.hs(aud=...), SECRET, moment)
