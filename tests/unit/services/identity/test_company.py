"""Domains, addresses, and which company they make."""

from __future__ import annotations

import pytest

from services.identity.company.address import domain_of, email_of
from services.identity.company.judge import company_of


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("acme.example", "acme.example"),
        (" ACME.Example. ", "acme.example"),
        ("https://www.acme.example/about?x=1", "acme.example"),
        ("acme.example:8443", "acme.example"),
        ("shop.acme.co.uk", "shop.acme.co.uk"),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_domain_is_reduced_to_its_bare_form(text: str, domain: str) -> None:
    assert domain_of(text) == domain


@pytest.mark.parametrize(
    "text",
    [
        "",
        "acme",
        "Acme Inc.",
        "10.0.0.1",
        "-acme.example",
        "acme..example",
        "a" * 64 + ".example",
        "acme.example\x00",
        "jane@acme.example",
        "\ud800.example",
        ".".join(["a"] * 200) + ".example",
        "https://",
    ],
)
def test_what_is_no_domain_gives_none(text: str) -> None:
    assert domain_of(text) == ""


def test_email_keeps_the_local_part_and_lowers_the_domain() -> None:
    assert email_of(" Jane.Doe+x@ACME.Example ") == "Jane.Doe+x@acme.example"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "jane",
        "jane@",
        "@acme.example",
        "jane@acme",
        "ja ne@acme.example",
        "jane@acme.example/x",
        "jane@@acme.example",
        "\ud800@acme.example",
        "j" * 65 + "@acme.example",
    ],
)
def test_what_is_no_email_gives_none(text: str) -> None:
    assert email_of(text) == ""


def test_stated_company_goes_before_the_email() -> None:
    assert company_of("acme.example", "jane@other.example").company == "acme.example"


def test_company_comes_from_the_email() -> None:
    assert company_of(None, "jane@acme.example").company == "acme.example"


@pytest.mark.parametrize(
    "domain",
    [
        *("gmail.com", "outlook.com", "hotmail.com", "yahoo.com"),
        *("icloud.com", "proton.me", "gmx.net", "aol.com"),
    ],
)
def test_free_mail_is_no_company(domain: str) -> None:
    assert company_of(None, f"jane@{domain}").company == ""
    assert company_of(domain, None).company == ""


def test_free_mail_that_is_stated_gives_way_to_the_email() -> None:
    assert company_of("gmail.com", "jane@acme.example").company == "acme.example"


def test_nothing_known_is_no_company() -> None:
    assert company_of(None, None).company == ""
