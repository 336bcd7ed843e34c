"""The tenant's `company` document: what it may say, and what each mistake is answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.common.errors import InvalidArgument
from services.identity import validate
from services.identity.company.classify import Kind
from services.identity.company.judge import company_of, judge
from services.identity.company.rules import Rules, RulesError, parse
from tests.documents import ROOT, fenced


def _rules(**document: Any) -> Rules:
    return parse(json.dumps(document).encode())


def test_an_empty_document_changes_nothing() -> None:
    assert parse(b"{}") == Rules()


def test_domains_are_kept_bare() -> None:
    rules = _rules(
        companies={"https://www.ACME-Mail.example/": "Shop.Acme.example"},
        not_companies=["Agency.example."],
        names={" ACME Inc. ": "acme.example"},
        parents={"shop.acme.example": "bücher.example"},
    )
    assert rules.companies == {"acme-mail.example": "acme.example"}
    assert rules.not_companies == {"agency.example"}
    assert rules.names == {"acme inc.": "acme.example"}
    assert rules.parents == {"acme.example": "xn--bcher-kva.example"}


def test_the_nearest_name_decides() -> None:
    rules = _rules(companies={"staff.acme.example": "acme.example"}, not_companies=["acme.example"])
    assert judge("staff.acme.example", rules).company == "acme.example"
    assert judge("a.staff.acme.example", rules).company == "acme.example"
    assert judge("acme.example", rules).kind is Kind.NONE
    assert judge("other.acme.example", rules).company == ""


def test_the_tenant_knows_better_than_a_list() -> None:
    rules = _rules(companies={"mailinator.com": "mailinator.com", "gmai1.com": "gmai1.com"})
    assert judge("mailinator.com", rules).company == "mailinator.com"
    assert judge("gmai1.com", rules).company == "gmai1.com"
    assert judge("mit.edu", _rules(not_companies=["mit.edu"])).company == ""


def test_a_corrected_company_has_its_parent() -> None:
    rules = _rules(companies={"yt.example": "youtube.com"}, parents={"youtube.com": "abc.xyz"})
    assert judge("yt.example", _rules(companies={"yt.example": "youtube.com"})).parent == (
        "google.com"
    )
    assert judge("yt.example", rules).parent == judge("youtube.com", rules).parent == "abc.xyz"


def test_a_name_stands_for_its_company_if_no_domain_is_stated() -> None:
    rules = _rules(names={"ACME Inc.": "acme.example"})
    assert company_of(None, "jane@gmail.com", "acme inc.", rules).company == "acme.example"
    assert company_of("globex.example", None, "Acme Inc.", rules).company == "globex.example"
    assert company_of(None, "jane@globex.example", "Other", rules).company == "globex.example"


def test_the_address_counts_where_the_stated_company_is_none() -> None:
    rules = _rules(not_companies=["agency.example"])
    assert company_of("agency.example", "jane@acme.example", rules=rules).company == "acme.example"
    assert company_of("agency.example", "jane@gmail.com", rules=rules).kind is Kind.FREE_MAIL
    assert company_of("agency.example", "jane@10.0.0.1", rules=rules).reason == (
        "the tenant says that agency.example is no company"
    )


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "Expected `object`"),
        ({"company": {}}, "unknown field `company` (the keys are companies, not_companies"),
        ({"companies": ["acme.example"]}, "`$.companies`"),
        ({"companies": {"acme.example": 7}}, "`$.companies"),
        ({"companies": {"Acme Inc.": "acme.example"}}, "companies: expected domains"),
        ({"companies": {"gmail.com": "acme.example"}}, "companies: anybody gets an address at"),
        ({"companies": {"comcast.net": "acme.example"}}, "companies: anybody gets an address at"),
        ({"companies": {"acme.example": "co.uk"}}, "companies: nobody can register 'co.uk'"),
        ({"not_companies": ["Acme Inc."]}, "not_companies: expected domains"),
        (
            {"companies": {"a.example": "b.example"}, "not_companies": ["a.example"]},
            "not_companies: a.example is a key of companies too",
        ),
        ({"names": {" ": "acme.example"}}, "names: expected names of 1 to 200"),
        ({"names": {"Acme": "Acme"}}, "names: expected domains"),
        ({"parents": {"acme.example": "local"}}, "parents: expected domains"),
        ({"not_companies": [f"a{n}.example" for n in range(10_001)]}, "not_companies: expected at"),
        ({"enrichers": [{"kind": "csv", "key": "email", "file": "a"}] * 6}, "enrichers: expected"),
        ({"enrichers": [{"kind": "ftp"}]}, "`$.enrichers[0].kind`"),
        ({"enrichers": [{"kind": "csv", "key": "mail", "file": "a"}]}, "`$.enrichers[0].key`"),
        ({"enrichers": [{"kind": "csv", "key": "email"}]}, "`file`"),
    ],
)
def test_mistakes_are_named(document: object, words: str) -> None:
    with pytest.raises(RulesError) as refusal:
        parse(json.dumps(document).encode())
    assert words in str(refusal.value)
    with pytest.raises(InvalidArgument, match=r"^body"):
        validate.body("body", "company", json.dumps(document).encode())


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"companies":{"a":NaN}}'])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(RulesError):
        parse(body)


_CSV = {"kind": "csv", "key": "email", "file": "crm.csv"}
_HTTP = {"kind": "http", "key": "domain", "url": "https://crm.example/v1/{key}"}
_SQL = {"kind": "postgresql", "key": "email_sha256", "source": "crm.url"}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({**_CSV, "file": "../crm.csv"}, "enrichers[0].file: expected the name of a file"),
        ({**_CSV, "file": "/etc/passwd"}, "enrichers[0].file: "),
        ({**_CSV, "file": ".."}, "enrichers[0].file: "),
        ({**_CSV, "columns": {"name": "x"}}, "enrichers[0].columns: 'name' is none of key, "),
        ({**_CSV, "timeout_ms": 1}, "`$.enrichers[0].timeout_ms`"),
        ({**_HTTP, "url": "ftp://crm.example/{key}"}, "enrichers[0].url: expected an https URL"),
        ({**_HTTP, "url": "https://crm.example/"}, "enrichers[0].url: expected {key} once"),
        ({**_HTTP, "url": "https://{key}.example/"}, "enrichers[0].url: expected {key} once"),
        ({**_HTTP, "url": "https://[crm/{key}"}, "enrichers[0].url: "),
        ({**_HTTP, "token": "a/b"}, "enrichers[0].token: "),
        ({**_HTTP, "columns": {"key": "x"}}, "enrichers[0].columns: 'key' is none of company, "),
        ({**_SQL, "query": "DELETE FROM t WHERE a = $1"}, "enrichers[0].query: expected one SEL"),
        ({**_SQL, "query": "SELECT 1; SELECT $1"}, "enrichers[0].query: expected one SELECT"),
        ({**_SQL, "query": "SELECT 1"}, "enrichers[0].query: expected $1"),
        ({**_SQL, "query": "SELECT $1, $2"}, "enrichers[0].query: expected $1, and only that"),
        ({**_SQL, "query": "SELECT $1" + " " * 5_000}, "enrichers[0].query: expected at most"),
        ({**_SQL, "query": "SELECT $1", "source": "postgresql://x/y"}, "enrichers[0].source: "),
    ],
)
def test_enrichers_that_cannot_be_made_are_named(spec: object, words: str) -> None:
    with pytest.raises(RulesError) as refusal:
        _rules(enrichers=[spec])
    assert words in str(refusal.value)


def test_enrichers_pass() -> None:
    specs = [_CSV, _HTTP, {**_SQL, "query": "select name as company_name from t where h = $1"}]
    assert len(_rules(enrichers=specs).enrichers) == 3


def test_what_the_page_shows_can_be_stored() -> None:
    shown = fenced(ROOT / "docs" / "company.md", "json")
    assert len(shown) == 2
    for document in shown:
        assert parse(document.encode()) != Rules()
