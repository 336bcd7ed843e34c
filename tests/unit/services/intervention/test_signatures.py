"""Twilio's signature: our own vectors, and everything that must not pass."""

from __future__ import annotations

import pytest

from services.intervention.signatures import twilio_signature, verify_twilio

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
