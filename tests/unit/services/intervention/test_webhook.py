"""Standard Webhooks: our vector, and a receiver's own verification."""

from __future__ import annotations

import base64
import time

import pytest
from standardwebhooks.webhooks import Webhook as Receiver
from standardwebhooks.webhooks import WebhookVerificationError

from services.intervention.channels.webhook import sign

BODY = '{"emotion":"rage","confidence":91}'
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def test_vector_of_the_contract() -> None:
    secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
    assert sign(secret, "msg_1", 1_700_000_000, BODY) == {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1700000000",
        "webhook-signature": "v1,gylYvvWz52SV/zcvT1jwhzcI8R5IlMNBLNijdwIkcMM=",
    }


def test_receiver_verifies() -> None:
    headers = sign(SECRET, "msg_2", int(time.time()), BODY)
    assert Receiver(SECRET).verify(BODY, headers)["confidence"] == 91


@pytest.mark.parametrize("late_s", [-301, 301])
def test_receiver_refuses_a_foreign_time(late_s: int) -> None:
    headers = sign(SECRET, "msg_2", int(time.time()) + late_s, BODY)
    with pytest.raises(WebhookVerificationError):
        Receiver(SECRET).verify(BODY, headers)


def test_receiver_refuses_another_body() -> None:
    headers = sign(SECRET, "msg_2", int(time.time()), BODY)
    with pytest.raises(WebhookVerificationError):
        Receiver(SECRET).verify(BODY.replace("91", "92"), headers)


@pytest.mark.parametrize("secret", ["", "secret", "whsec_", "whsec_AAEC", "whsec_!!!" + "A" * 31])
def test_weak_or_malformed_secret_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        sign(secret, "m", 1, BODY)
