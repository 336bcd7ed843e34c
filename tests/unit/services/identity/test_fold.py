"""A session's identity does not depend on the order in which its identifies arrive."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from services.identity.fold import Entry, fold
from services.identity.model import Assurance, Facts, Identity, Tier
from services.identity.money import Money

CLAIMED, VERIFIED = Assurance.CLAIMED, Assurance.VERIFIED
LTV = Money("USD", 10_000_000)


def _entry(
    facts: Facts, seq: int = 1, at: int = 1, stream: str = "a", assurance: Assurance = CLAIMED
) -> Entry:
    return Entry(stream, seq, at, assurance, facts)


def test_nobody_is_anonymous() -> None:
    assert fold([]) == Identity()
    assert fold([_entry(Facts())]) == Identity()


def test_claimed_value_may_be_anything_down_to_zero() -> None:
    identity = fold([_entry(Facts(user_id="u1", ltv=LTV))])
    assert (identity.ltv_low, identity.ltv, identity.ltv_high) == (Money("USD", 0), LTV, LTV)
    assert (identity.ltv_source, identity.assurance) == ("traits", CLAIMED)
    assert identity.tier is Tier.ENTERPRISE


def test_verified_value_is_exact() -> None:
    identity = fold([_entry(Facts(user_id="u1", ltv=LTV), assurance=VERIFIED)])
    assert (identity.ltv_low, identity.ltv, identity.ltv_high) == (LTV, LTV, LTV)
    assert (identity.ltv_source, identity.assurance) == ("token", VERIFIED)


def test_later_facts_add_to_the_same_user() -> None:
    identity = fold(
        [
            _entry(Facts(user_id="u1", email="jane@acme.example"), 1, 1),
            _entry(Facts(name="Jane"), 2, 2),
        ]
    )
    assert (identity.user_id, identity.email, identity.name, identity.company) == (
        "u1",
        "jane@acme.example",
        "Jane",
        "acme.example",
    )
    assert identity.established_at_ms == 2


def test_another_user_inherits_nothing() -> None:
    identity = fold(
        [
            _entry(Facts(user_id="u1", email="jane@acme.example", ltv=LTV), 1, 1),
            _entry(Facts(user_id="u2"), 2, 2),
        ]
    )
    assert (identity.user_id, identity.email, identity.ltv) == ("u2", "", None)


def test_verified_wins_whatever_is_claimed_later() -> None:
    identity = fold(
        [
            _entry(Facts(user_id="u1"), 1, 1, assurance=VERIFIED),
            _entry(Facts(user_id="u2", ltv=LTV), 2, 2),
        ]
    )
    assert (identity.user_id, identity.ltv, identity.assurance) == ("u1", None, VERIFIED)


def test_seq_goes_before_the_clock_within_a_stream() -> None:
    identity = fold([_entry(Facts(user_id="u1"), 1, 900), _entry(Facts(user_id="u2"), 2, 100)])
    assert identity.user_id == "u2"


def test_clock_decides_between_streams() -> None:
    identity = fold(
        [
            _entry(Facts(user_id="u1"), 1, 200, "a"),
            _entry(Facts(user_id="u2"), 9, 100, "b"),
        ]
    )
    assert identity.user_id == "u1"


_FACTS = st.builds(
    Facts,
    user_id=st.sampled_from([None, "u1", "u2"]),
    email=st.sampled_from([None, "a@acme.example", "b@gmail.com"]),
    name=st.sampled_from([None, "Jane"]),
    ltv=st.sampled_from([None, LTV]),
)


@given(
    st.lists(
        st.builds(
            Entry,
            stream_id=st.sampled_from("ab"),
            seq=st.integers(1, 5),
            occurred_at_ms=st.integers(1, 5),
            assurance=st.sampled_from([CLAIMED, VERIFIED]),
            facts=_FACTS,
        ),
        max_size=4,
        unique_by=lambda entry: (entry.stream_id, entry.seq),
    )
)
def test_order_of_arrival_does_not_matter(entries: list[Entry]) -> None:
    assert len({fold(order) for order in permutations(entries)}) == 1
