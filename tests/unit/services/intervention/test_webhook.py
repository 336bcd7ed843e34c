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


def test_vector_of_the_specification() -> None:
    """The one that every library of Standard Webhooks is tested with."""
    headers = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        '{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_secrets_are_rotated_a_receiver_may_have_either() -> None:
    new = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()
    headers = sign(f"{new} {SECRET}", "msg_2", int(time.time()), BODY)
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (new, SECRET):
        assert Receiver(secret).verify(BODY, headers)["emotion"] == "rage"
    another = "whsec_" + base64.b64encode(bytes(range(2, 34))).decode()
    with pytest.raises(WebhookVerificationError):
        Receiver(another).verify(BODY, headers)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_receiver_refuses_what_lacks_a_header_or_has_another(name: str) -> None:
    headers = sign(SECRET, "msg_2", int(time.time()), BODY)
    without = {key: value for key, value in headers.items() if key != name}
    changed = {
        "webhook-id": "msg_3",
        "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1),
        "webhook-signature": headers["webhook-signature"].replace("v1,", "v2,"),
    }
    for wrong in (without, {**headers, name: changed[name]}):
        with pytest.raises(WebhookVerificationError):
            Receiver(SECRET).verify(BODY, wrong)


def test_receiver_refuses_the_same_json_written_otherwise() -> None:
    headers = sign(SECRET, "msg_2", int(time.time()), BODY)
    with pytest.raises(WebhookVerificationError):
        Receiver(SECRET).verify('{"emotion": "rage", "confidence": 91}', headers)


def test_every_attempt_has_its_own_time_and_the_same_id() -> None:
    first, second = (sign(SECRET, "msg_2", at_s, BODY) for at_s in (1_700_000_000, 1_700_000_005))
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-timestamp"] != second["webhook-timestamp"]
    assert first["webhook-signature"] != second["webhook-signature"]


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


@pytest.mark.parametrize(
    "secret",
    ["", "secret", "whsec_", "whsec_AAEC", "whsec_!!!" + "A" * 31, f"{SECRET} ", f"{SECRET} old"],
)
def test_weak_or_malformed_secret_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        sign(secret, "m", 1, BODY)
