"""What holds for every text and every domain, whatever the lists say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.identity.company import lists
from services.identity.company.address import ascii_host, domain_of, email_of
from services.identity.company.classify import classify, names_of
from services.identity.company.judge import company_of, judge
from services.identity.company.suffix import registrable

_ALPHABET = 'abgmilo01-.@" \\()[]:/ßüіо。\u200d'
_labels = st.text("abgmailo01-", min_size=1, max_size=8).filter(
    lambda label: not label.startswith("-") and not label.endswith("-") and label[2:4] != "--"
)
_known = st.sampled_from(
    sorted(lists.curated().free_mail | lists.curated().isp | lists.curated().brands)
)
_suffixes = st.sampled_from(["com", "de", "co.uk", "github.io", "edu", "gov.uk", "example", "zz"])
_domains = _known | st.builds("{}.{}".format, _labels, _suffixes)


@given(st.text() | st.text(_ALPHABET))
def test_any_text_gives_an_answer(text: str) -> None:
    for found in (company_of(text, text, text), company_of(domain_of(text), email_of(text))):
        assert found.reason
        assert bool(found.company) == found.kind.is_organisation


@given(st.text() | st.text(_ALPHABET) | _domains | _domains.map("https://www.{}/x".format))
def test_reading_again_changes_nothing(text: str) -> None:
    assert domain_of(domain_of(text)) == domain_of(text)
    assert email_of(email_of(text)) == email_of(text)
    assert ascii_host(ascii_host(text)) == ascii_host(text)


@given(st.text('ab"\\ @.', min_size=1, max_size=10), _domains)
def test_an_address_that_is_read_reads_the_same_again(local: str, domain: str) -> None:
    address = email_of(f"{local}@{domain}")
    assert email_of(address) == address
    assert not address or address.rpartition("@")[2] == domain


@given(_domains)
def test_case_and_a_last_dot_do_not_matter(domain: str) -> None:
    assert classify(domain.upper()) == classify(f"{domain}.") == classify(domain)
    assert email_of(f"Jane@{domain.upper()}") == email_of(f"Jane@{domain}.")


@given(_domains)
def test_a_company_is_its_own_company(domain: str) -> None:
    found = classify(domain)
    assert bool(found.company) == found.kind.is_organisation
    if found.company:
        assert classify(found.company).company == found.company


@given(_domains)
def test_hosts_below_belong_to_whom_the_domain_does(domain: str) -> None:
    host = f"q9-no-list-has-this.{domain}"
    if registrable(domain) and (name := registrable(host)) and name.domain == domain:
        assert classify(host) == classify(domain)


@given(_domains)
def test_names_above_end_with_what_was_registered(domain: str) -> None:
    name = registrable(domain)
    if name:
        assert list(names_of(f"a.b.{name.domain}", name)) == [
            f"a.b.{name.domain}",
            f"b.{name.domain}",
            name.domain,
        ]


@given(_known)
def test_nobody_inherits_from_mail_for_anybody(domain: str) -> None:
    if domain not in lists.curated().brands:
        assert not company_of(domain, f"jane@{domain}").company


def test_parents_are_companies_and_in_no_circle() -> None:
    for child in lists.parents():
        seen, company = {child}, child
        while parent := judge(company).parent:
            assert judge(parent).company == parent
            assert parent not in seen
            seen.add(parent)
            company = parent
        assert len(seen) > 1, child


def test_lists_say_one_thing_of_a_domain() -> None:
    own = lists.curated()
    apart = [own.free_mail, own.isp, own.forwarding, own.disposable, own.not_free_mail]
    for index, first in enumerate(apart):
        for second in apart[index + 1 :]:
            assert first & second == set()
    assert lists.free_mail() & lists.disposable() == set()
    for domain in frozenset[str]().union(*apart, lists.free_mail(), lists.disposable()):
        assert ascii_host(domain) == domain
        assert registrable(domain)
