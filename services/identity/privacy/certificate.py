"""The proof of an erasure: what was destroyed, when, and which audit record says so.

It is JSON, signed with Ed25519. It names the subject by pseudonym, which the tenant can compute no
more than we can tell a person from it; who asked keeps it with their request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from services.common.audit.record import Record
from services.identity.privacy.derive import derive

FORM: Final = "sentientiq-erasure-1"


class BadCertificate(ValueError):
    """It was not signed here, or was changed since."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A signed one."""

    body: bytes
    signature: bytes


class Signer:
    """Signs with a key derived from the sealing key."""

    def __init__(self, secret: bytes) -> None:
        self._key = SigningKey(derive(secret, b"certificate"))
        self.public_key = bytes(self._key.verify_key)

    def sign(
        self,
        tenant_id: str,
        subjects: list[bytes],
        erased_at_ms: int,
        destroyed: Mapping[str, int],
        record: Record,
    ) -> Certificate:
        """Certify what an audit record says."""
        told = {
            "form": FORM,
            "tenant": tenant_id,
            "subjects": [subject.hex() for subject in subjects],
            "erased_at": datetime.fromtimestamp(erased_at_ms / 1000, UTC).isoformat(),
            "destroyed": dict(destroyed),
            "audit": {"sequence": record.sequence, "hash": record.hash.hex()},
        }
        body = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
        return Certificate(body, self._key.sign(body).signature)


def read_certificate(certificate: Certificate, public_key: bytes) -> dict[str, Any]:
    """Return what a certificate says.

    Raises:
        BadCertificate: the signature does not hold.
    """
    try:
        VerifyKey(public_key).verify(certificate.body, certificate.signature)
    except (BadSignatureError, ValueError) as error:
        raise BadCertificate("the signature does not hold") from error
    told: dict[str, Any] = json.loads(certificate.body)
    if told.get("form") != FORM:
        raise BadCertificate("it is no certificate of an erasure")
    return told
