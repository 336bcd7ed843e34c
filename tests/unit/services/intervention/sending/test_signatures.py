"""Signatures of what providers send us: our own vectors, and everything that must not pass."""

from __future__ import annotations

import hmac
from hashlib import sha256

import pytest

from services.intervention.sending.signatures import (
    twilio_signature,
    verify_pagerduty,
    verify_slack,
    verify_twilio,
)

TOKEN = "tw-token"
URL = "https://siq.test/hooks/in?tenant=t1"
FORM = [("MessageSid", "SM1"), ("MessageStatus", "delivered"), ("To", "+15005550006")]
FORM_SIGNATURE = "Ck+d8YrC2HFMnf8i1vcPCifKtbs="
BODY = b'{"emotion":"rage","confidence":91}'
JSON_URL = f"{URL}&bodySHA256=95397b30895037c0d998bce22cfdd279ab8fa8c3ff7a84fcd63889bc512ca8f9"
JSON_SIGNATURE = "HCopmVCfLqilyBn14/mLGiYErV0="


def test_form_vector_verifies() -> None:
    assert twilio_signature(TOKEN, URL, FORM) == FORM_SIGNATURE
    assert verify_twilio(TOKEN, URL, FORM, [FORM_SIGNATURE])


def test_json_vector_verifies() -> None:
    assert verify_twilio(TOKEN, JSON_URL, [], [JSON_SIGNATURE], BODY)


def test_order_of_the_pairs_does_not_matter() -> None:
    assert verify_twilio(TOKEN, URL, FORM[::-1], [FORM_SIGNATURE])


def test_repeated_pairs_count_once() -> None:
    assert verify_twilio(TOKEN, URL, [*FORM, FORM[0]], [FORM_SIGNATURE])


@pytest.mark.parametrize(
    "signed",
    ["https://siq.test:443/hooks/in?tenant=t1", "https://siq.test/hooks/in?tenant=t1"],
)
def test_url_signed_with_or_without_port_verifies(signed: str) -> None:
    assert verify_twilio(TOKEN, URL, FORM, [twilio_signature(TOKEN, signed, FORM)])


def test_legacy_coding_of_the_query_verifies() -> None:
    signature = twilio_signature(TOKEN, "https://siq.test/hooks/in?m=a%28b%29", FORM)
    assert verify_twilio(TOKEN, "https://siq.test/hooks/in?m=a(b)", FORM, [signature])


@pytest.mark.parametrize(
    "url",
    [
        "https://siq.test/hooks/in?tenant=t2",
        "https://siq.test/hooks/in",
        "https://other.test/hooks/in?tenant=t1",
        "http://siq.test/hooks/in?tenant=t1",
        "https://siq.test/hooks/in/?tenant=t1",
        "https://siq.test/hooks/in?tenant=%741",
    ],
)
def test_another_url_is_refused(url: str) -> None:
    assert not verify_twilio(TOKEN, url, FORM, [FORM_SIGNATURE])


def test_signature_over_another_port_is_refused() -> None:
    signature = twilio_signature(TOKEN, "https://siq.test:8443/hooks/in?tenant=t1", FORM)
    assert not verify_twilio(TOKEN, URL, FORM, [signature])


@pytest.mark.parametrize(
    "form",
    [
        [],
        FORM[:2],
        [*FORM, ("ErrorCode", "")],
        [("MessageSid", "SM1"), ("MessageStatus", "failed"), ("To", "+15005550006")],
        [("MessageSid", "SM1"), ("MessageStatus", "delivered"), ("To", "+15005550006é")],
    ],
)
def test_another_form_is_refused(form: list[tuple[str, str]]) -> None:
    assert not verify_twilio(TOKEN, URL, form, [FORM_SIGNATURE])


@pytest.mark.parametrize(
    "body",
    [b"", BODY[:-1] + b" ", BODY.replace(b"91", b"92"), b'{"emotion": "rage", "confidence": 91}'],
)
def test_another_json_body_is_refused(body: bytes) -> None:
    assert not verify_twilio(TOKEN, JSON_URL, [], [JSON_SIGNATURE], body)


@pytest.mark.parametrize(
    "signatures",
    [
        [],
        [""],
        [FORM_SIGNATURE, FORM_SIGNATURE],
        [FORM_SIGNATURE[:-1]],
        [FORM_SIGNATURE.lower()],
        ["é" * 28],
        [f"v1,{FORM_SIGNATURE}"],
    ],
)
def test_missing_double_or_foreign_headers_are_refused(signatures: list[str]) -> None:
    assert not verify_twilio(TOKEN, URL, FORM, signatures)


def test_without_a_token_nothing_passes() -> None:
    assert not verify_twilio("", URL, FORM, [twilio_signature("", URL, FORM)])


VECTOR = b'{"emotion":"rage","confidence":91}'
SLACK_NOW = 1_700_000_000
SLACK_SIGNED = "v0=3c2d39c77d4dc67cf8aba006bf7f594d6093d69f56cde4ed7a9848544acaaa64"
PAGERDUTY_SIGNED = "v1=238186e057c6be8de05b870eb3846fe784c1ab74e20e20327e72a959a7959f3d"


def slack(
    body: bytes = VECTOR,
    timestamps: tuple[str, ...] = (str(SLACK_NOW),),
    signatures: tuple[str, ...] = (SLACK_SIGNED,),
    secret: str = "slack-secret",
    now_s: int = SLACK_NOW,
) -> bool:
    return verify_slack(secret, timestamps, signatures, body, now_s=now_s)


@pytest.mark.parametrize("off_s", [-300, 0, 300])
def test_slack_vector_verifies_within_five_minutes(off_s: int) -> None:
    assert slack(now_s=SLACK_NOW + off_s)


@pytest.mark.parametrize("off_s", [-301, 301, -86_400, 86_400])
def test_slack_stale_and_future_timestamps_are_refused(off_s: int) -> None:
    assert not slack(now_s=SLACK_NOW + off_s)


@pytest.mark.parametrize(
    "body",
    [
        VECTOR[:-1] + b" ",
        b'{"emotion": "rage", "confidence": 91}',
        b"",
        VECTOR + b"\x00",
        VECTOR.replace(b"rage", "ragé".encode()),
        b"\xff\xfe",
    ],
)
def test_slack_and_pagerduty_refuse_another_body(body: bytes) -> None:
    assert not slack(body)
    assert not verify_pagerduty(["pd-secret"], [PAGERDUTY_SIGNED], body)


@pytest.mark.parametrize(
    "signatures",
    [
        (),
        ("",),
        (SLACK_SIGNED, SLACK_SIGNED),
        (SLACK_SIGNED.removeprefix("v0="),),
        (SLACK_SIGNED.replace("v0=", "v1="),),
        (SLACK_SIGNED.upper(),),
        (SLACK_SIGNED[:-1],),
        (f"v0=00,{SLACK_SIGNED}",),
        ("v0=ü",),
    ],
)
def test_slack_missing_double_and_foreign_signatures_are_refused(
    signatures: tuple[str, ...],
) -> None:
    assert not slack(signatures=signatures)


@pytest.mark.parametrize(
    "timestamps",
    [(), ("",), (str(SLACK_NOW),) * 2, ("1700000000.0",), ("-1700000000",), ("1e9",), ("9" * 400,),
     ("\u0661" * 10,), (f" {SLACK_NOW}",)],
)  # fmt: skip
def test_slack_missing_double_and_odd_timestamps_are_refused(timestamps: tuple[str, ...]) -> None:
    assert not slack(timestamps=timestamps)


def test_pagerduty_vector_verifies_alone_or_among_others() -> None:
    for header in (
        PAGERDUTY_SIGNED,
        f"v1={'0' * 64},{PAGERDUTY_SIGNED}",
        f"{PAGERDUTY_SIGNED}, v1={'0' * 64}",
        f"v2=whatever,{PAGERDUTY_SIGNED}",
    ):
        assert verify_pagerduty(["pd-secret"], [header], VECTOR)


def test_pagerduty_secrets_can_be_rotated() -> None:
    assert verify_pagerduty(["new", "pd-secret"], [PAGERDUTY_SIGNED], VECTOR)
    assert not verify_pagerduty(["new"], [PAGERDUTY_SIGNED], VECTOR)


@pytest.mark.parametrize(
    "signatures",
    [
        [],
        [""],
        [PAGERDUTY_SIGNED, PAGERDUTY_SIGNED],
        [PAGERDUTY_SIGNED.replace("v1=", "v2=")],
        [PAGERDUTY_SIGNED.removeprefix("v1=")],
        [PAGERDUTY_SIGNED[:-1]],
        ["v1="],
        ["v1=ü"],
    ],
)
def test_pagerduty_missing_double_and_foreign_signatures_are_refused(
    signatures: list[str],
) -> None:
    assert not verify_pagerduty(["pd-secret"], signatures, VECTOR)


def test_without_a_secret_nothing_of_slack_or_pagerduty_passes() -> None:
    unsigned = "v1=" + hmac.new(b"", VECTOR, sha256).hexdigest()
    assert not verify_pagerduty([], [unsigned], VECTOR)
    assert not verify_pagerduty([""], [unsigned], VECTOR)
    assert not slack(secret="")
