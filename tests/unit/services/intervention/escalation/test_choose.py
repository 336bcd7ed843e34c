"""Whom a step of an escalation reaches."""

from __future__ import annotations

import pytest
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.tenant.v1 import tenant_service_pb2 as tenant_pb2

from services.intervention.escalation.asking import choose
from services.intervention.escalation.rota import parse_rotas

ROTAS = parse_rotas("t", b"on_call: 1\nrotas: [{name: all, people: [ann], from: 2020-01-01}]")
NOW_MS = 1_800_000_000_000


def person(name: str, role: str, *, reachable: bool = True) -> tenant_pb2.Person:
    made = tenant_pb2.Person(person_id=name, role=role)
    if reachable:
        made.channels.add(kind="sms", address=f"+1555{len(name)}")
    return made


TEAM = [
    person("ceo", "ceo"),
    person("ann", "success"),
    person("ben", "success"),
    person("mute", "support", reachable=False),
]


@pytest.mark.parametrize(
    ("to", "told", "who"),
    [
        (["on_call:all"], [], "ann"),
        (["on_call:all"], ["ann"], None),
        (["on_call:all", "role:success"], ["ann"], "ben"),
        (["on_call:nobody", "role:ceo"], [], "ceo"),
        (["role:support"], [], None),
        (["owner"], [], "ben"),
        (["owner", "role:ceo"], ["ben", "ceo"], None),
    ],
)
def test_the_first_who_can_be_reached_and_was_not_asked(
    to: list[str], told: list[str], who: str | None
) -> None:
    identity = identity_pb2.UserIdentity(owner_person_id="ben")
    found = choose(to, TEAM, told, identity, ROTAS, NOW_MS)
    assert (found.person_id if found else None) == who
