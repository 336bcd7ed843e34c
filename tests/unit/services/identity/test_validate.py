"""Every refusal names its field."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from services.common.errors import InvalidArgument
from services.identity import validate


@pytest.mark.parametrize("value", ["acme", "a", "a-b_9", "x" * 64])
def test_tenant_ids_pass(value: str) -> None:
    assert validate.tenant_id("tenant_id", value) == value


@pytest.mark.parametrize("value", ["", "Acme", "a b", "x" * 65, "a\n", "*", "ä"])
def test_other_tenant_ids_are_refused(value: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^tenant_id: "):
        validate.tenant_id("tenant_id", value)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("*", "*"),
        ("https://Shop.Example", "https://shop.example"),
        ("https://shop.example/", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://localhost:8099", "http://localhost:8099"),
        ("http://[::1]:8099", "http://[::1]:8099"),
    ],
)
def test_origins_are_kept_as_browsers_send_them(given: str, kept: str) -> None:
    assert validate.origins("origins", [given]) == [kept]


@pytest.mark.parametrize(
    "value",
    [
        *("", "shop.example", "ftp://shop.example", "https://", "null", "https://*.shop.example/x"),
        *("https://u@shop.example", "https://shop.example:99999", "https://[::1", "https://a?b"),
    ],
)
def test_other_origins_are_refused(value: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^origins\[1\]: "):
        validate.origins("origins", ["*", value])


def test_a_key_needs_an_origin() -> None:
    with pytest.raises(InvalidArgument, match=r"^origins: "):
        validate.origins("origins", [])


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (validate.zone, "Europe/Berlin"),
        (validate.zone, ""),
        (validate.identity_secret, ""),
        (validate.identity_secret, "s" * 32),
        (validate.environment, "live"),
        (validate.kind, "policy"),
        (validate.channel_kind, "sms"),
        (validate.webhook_secret, ""),
        (validate.webhook_secret, "whsec_" + base64.b64encode(b"k" * 32).decode()),
    ],
)
def test_good_values_pass(check: Callable[[str, str], str], value: str) -> None:
    assert check("f", value) == value


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (validate.zone, "Mars/Base"),
        (validate.zone, "../../etc/passwd"),
        (validate.zone, "/etc/passwd"),
        (validate.zone, "Europe"),
        (validate.zone, "\x00"),
        (validate.zone, "a" * 300),
        (validate.identity_secret, "short"),
        (validate.identity_secret, "s" * 40 + "\x00"),
        (validate.environment, "prod"),
        (validate.environment, ""),
        (validate.kind, "other"),
        (validate.channel_kind, "pigeon"),
        (validate.webhook_secret, "secret"),
        (validate.webhook_secret, "whsec_!"),
        (validate.webhook_secret, "whsec_" + base64.b64encode(b"k").decode()),
    ],
)
def test_bad_values_are_refused(check: Callable[[str, str], str], value: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^f: "):
        check("f", value)


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("sms", "+14155550123"),
        ("slack", "https://hooks.slack.example/T/B/x"),
        ("webhook", "http://127.0.0.1:8099/hook"),
        ("teams", "https://prod-1.logic.example/workflows/x?sig=y"),
        ("email", "robin.o'neil+alerts@mail.acme.example"),
        ("pagerduty", "R0123456789abcdefghijklmnopqrstu"),
    ],
)
def test_channel_addresses_pass(kind: str, address: str) -> None:
    assert validate.channel_address("f", kind, address) == address


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        *(
            ("sms", value)
            for value in ("", "4155550123", "+0123456789", "+1415555 0123", "+1" + "\u0660" * 7)
        ),
        *(("webhook", value) for value in ("", "hooks.example", "file:///etc/passwd", "https://")),
        *(
            ("email", value)
            for value in (
                *("", "robin", "robin@acme", "@acme.example", "robin@@acme.example"),
                *("Robin <robin@acme.example>", "robin@acme.example\r\nBcc: x@y.example"),
                *("a" * 65 + "@acme.example", "a@" + "b" * 250 + ".example"),
            )
        ),
        *(("pagerduty", value) for value in ("", "R" * 31, "R" * 33, "R" * 31 + "-")),
        *(("slack", value) for value in ("https://[::1", "https://h:99999", "https://h/a b")),
    ],
)
def test_other_channel_addresses_are_refused(kind: str, address: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^f: "):
        validate.channel_address("f", kind, address)


def test_companies_are_kept_bare_and_once() -> None:
    given = ["Acme.example", "https://www.acme.example/", "other.example"]
    assert validate.companies("f", given) == ["acme.example", "other.example"]
    with pytest.raises(InvalidArgument, match=r"^f\[1\]: "):
        validate.companies("f", ["acme.example", "Acme"])


@pytest.mark.parametrize(
    ("kind", "body"),
    [("sdk", b"{}"), ("detection", b'{"threshold":50}'), ("policy", "règle: 1".encode())],
)
def test_bodies_pass(kind: str, body: bytes) -> None:
    assert validate.body("body", kind, body) == body


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        *(("sdk", body) for body in (b"", b"{", b"[]", b"\xff", b"[" * 100_000)),
        *(("policy", body) for body in (b"", b"\xff", b"x" * (1024 * 1024 + 1))),
    ],
)
def test_other_bodies_are_refused(kind: str, body: bytes) -> None:
    with pytest.raises(InvalidArgument, match=r"^body: "):
        validate.body("body", kind, body)


_SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"


@pytest.mark.parametrize("value", ["", _SECRET, f"{_SECRET} {_SECRET}"])
def test_secrets_of_channels_pass(value: str) -> None:
    assert validate.channel_secret("f", value) == value


@pytest.mark.parametrize(
    "value",
    [
        "secret",
        "whsec_",
        "whsec_AAECAwQFBgcICQoLDA0ODw==",  # 16 bytes
        f"{_SECRET}  {_SECRET}",
        f"{_SECRET} {_SECRET} {_SECRET}",
        f"{_SECRET} ",
        "whsec_" + "A" * 88,
    ],
)
def test_other_secrets_of_channels_are_refused(value: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^f: "):
        validate.channel_secret("f", value)


@pytest.mark.parametrize("kind", ["sdk", "detection", "experiments"])
@pytest.mark.parametrize(
    "value",
    [
        b"{",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        rb'{"a": "\ud800"}',
        b'{"a":' * 9_999,
    ],
    ids=["cut", "nan", "infinity", "large", "surrogate", "deep"],
)
def test_what_a_strict_reader_cannot_read_is_no_document(kind: str, value: bytes) -> None:
    with pytest.raises(InvalidArgument, match=r"^body: expected JSON: "):
        validate.body("body", kind, value)
