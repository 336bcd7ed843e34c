"""Who is asked to act."""

from __future__ import annotations

import pytest
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.tenant.v1 import tenant_service_pb2 as pb

from services.intervention.deciding.people import pick_person, reachable_channels


def person(person_id: str, role: str, *companies: str, reachable: bool = True) -> pb.Person:
    made = pb.Person(person_id=person_id, role=role, owns_companies=companies)
    if reachable:
        made.channels.add(kind="sms", address="+15005550006")
    return made


TEAM = [
    person("a", "sales", "globex.example"),
    person("b", "success", "acme.example", reachable=False),
    person("c", "ceo"),
    person("d", "success", "acme.example"),
]
TO = ("owner", "role:ceo")


@pytest.mark.parametrize(
    ("company", "owner", "expected"),
    [
        ("globex.example", "", "a"),
        ("acme.example", "", "d"),
        ("acme.example", "a", "a"),
        ("acme.example", "b", "c"),
        ("other.example", "", "c"),
        ("", "", "c"),
        ("acme.example", "gone", "c"),
    ],
)
def test_owner_first_then_ceo(company: str, owner: str, expected: str) -> None:
    identity = identity_pb2.UserIdentity(company=company, owner_person_id=owner)
    picked = pick_person(TEAM, TO, identity)
    assert picked is not None
    assert picked.person_id == expected


def test_nobody_is_picked_where_nobody_can_be_reached() -> None:
    assert (
        pick_person([person("c", "ceo", reachable=False)], TO, identity_pb2.UserIdentity()) is None
    )


def test_channels_are_known_kinds_each_once_in_order() -> None:
    made = pb.Person()
    for kind, address in (
        ("pigeon", "roof"),
        ("slack", "https://a"),
        ("sms", ""),
        ("slack", "https://a"),
        ("sms", "+1"),
    ):
        made.channels.add(kind=kind, address=address)
    assert [(one.kind, one.address) for one in reachable_channels(made)] == [
        ("slack", "https://a"),
        ("sms", "+1"),
    ]
