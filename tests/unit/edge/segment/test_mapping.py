"""Segment's words to ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from edge.segment import behavior, people
from edge.segment.calls import Call, Unusable, read_call
from hotpath.columns import Columns, to_wire


def call(kind: str = "track", **fields: Any) -> Call:
    """A call as it comes over the wire."""
    return read_call(Raw(json.dumps({"type": kind, "userId": "u", **fields}).encode()), None)


def event(columns: Columns) -> list[Any]:
    (only,) = to_wire(columns.blob, columns.targets, columns.strings)
    return only


def reason(reading: Any, *arguments: Any, **fields: Any) -> str:
    with pytest.raises(Unusable) as unusable:
        reading(*arguments, **fields)
    return str(unusable.value)


def test_a_track_keeps_its_name_and_props():
    columns, without = behavior.track(call(event="Order", properties={"total": 1.5, "é": [1]}))
    assert (event(columns), without) == ([21, 0, "Order", {"total": 1.5, "é": [1]}], None)
    columns, without = behavior.track(call(event="Order", properties={}))
    assert (event(columns), without) == ([21, 0, "Order"], None)


def test_props_are_kept_up_to_the_limit_of_the_field_table():
    fits = {"a": "é" * (2048 - 8)}
    columns, without = behavior.track(call(event="Order", properties=fits))
    assert (event(columns)[3], without) == (fits, None)
    columns, without = behavior.track(call(event="Order", properties={"a": fits["a"] + "é"}))
    assert (event(columns), without) == ([21, 0, "Order"], "long_props")


def test_what_makes_no_event_says_why():
    assert reason(behavior.track, call()) == "no_name"
    assert reason(behavior.track, call(event="x" * 513)) == "bad_string"
    assert reason(behavior.page_view, call("page")) == "no_page"
    assert (
        reason(behavior.page_view, call("page", properties={"path": 5, "url": "?a"})) == "no_page"
    )


@pytest.mark.parametrize(
    ("fields", "page"),
    [
        ({"properties": {"path": "/a", "url": "https://s.example/b"}}, "/a"),
        ({"properties": {"url": "https://s.example/b/c?token=1#x"}}, "/b/c"),
        ({"properties": {"url": "https://s.example"}}, "/"),
        ({"properties": {"url": "https://[s.example/"}, "name": "N"}, "N"),
        ({"properties": {"path": "/a?token=1"}}, "/a"),
        ({"properties": {"path": "/users/dana@globex.example/cart"}}, "/users/*/cart"),
        ({"properties": {"path": "/users/dana%40globex.example"}}, "/users/*"),
        ({"context": {"page": {"url": "https://s.example/ctx"}}, "name": "N"}, "/ctx"),
        ({"context": {"page": 5}, "name": "Pricing"}, "Pricing"),
    ],
)
def test_a_page_is_its_path_else_its_name(fields: dict[str, Any], page: str):
    columns, found = behavior.page_view(call("page", **fields))
    assert (found, event(columns)) == (page, [1, 0, page, 0])


def test_a_referrer_goes_along_without_its_query():
    told = {"path": "/a", "referrer": "https://search.example/find?q=me"}
    columns, _ = behavior.page_view(call("page", properties=told))
    assert event(columns) == [1, 0, "/a", 0, "https://search.example/find"]
    told["referrer"] = "https://search.example/" + "x" * 600
    columns, _ = behavior.page_view(call("page", properties=told))
    assert event(columns) == [1, 0, "/a", 0]


def test_an_identify_in_identitys_words():
    traits = {
        "email": "dana@globex.example",
        "firstName": "Dana",
        "lastName": "Reyes",
        "company": {"id": "g-1", "name": "Globex", "website": "globex.example", "plan": "growth"},
        "ltv": 900,
    }
    statement, without = people.identify(call("identify", traits=traits))
    assert without is None
    assert (statement["user_id"], statement["email"]) == ("u", "dana@globex.example")
    told = statement["traits"]
    assert (told["name"], told["company"], told["company_name"]) == (
        "Dana Reyes",
        "globex.example",
        "Globex",
    )
    assert (told["plan"], told["ltv"], "email" in told) == ("growth", 900, False)


def test_an_identify_that_tells_nothing_and_an_address_that_is_none():
    nobody = read_call(Raw(b'{"type": "identify", "anonymousId": "a"}'), None)
    assert reason(people.identify, nobody) == "no_traits"
    statement, without = people.identify(call("identify", traits={"email": ["a"], "name": "Dana"}))
    assert (statement["email"], statement["traits"], without) == (
        None,
        {"name": "Dana"},
        "bad_email",
    )


@pytest.mark.parametrize(
    ("fields", "company", "name"),
    [
        ({"groupId": "globex.example"}, "globex.example", None),
        ({"groupId": 17, "traits": {"name": "Globex"}}, "17", "Globex"),
        (
            {"groupId": "g", "traits": {"website": "https://globex.example"}},
            "https://globex.example",
            None,
        ),
        ({"traits": {"domain": "globex.example", "url": "x.example"}}, "globex.example", None),
    ],
)
def test_a_group_is_a_company(fields: dict[str, Any], company: str, name: str | None):
    told = people.group(call("group", **fields))["traits"]
    assert (told.get("company"), told.get("company_name")) == (company, name)


def test_a_group_without_a_company():
    assert reason(people.group, call("group", traits={"employees": 7})) == "no_traits"


def test_an_alias_says_of_the_one_before_who_it_is():
    aliased = call("alias", previousId="anon-1")
    assert aliased.person == "anon-1"
    assert people.alias(aliased) == {"user_id": "u", "traits": {"previousId": "anon-1"}}
    nobody = read_call(Raw(b'{"type": "alias", "previousId": "anon-1"}'), None)
    assert reason(people.alias, nobody) == "no_id"


def test_the_anonymous_id_comes_before_the_users():
    assert call(anonymousId="a").person == "a"
    assert call(anonymousId=" ").person == "u"
    assert call(userId=17).person == "17"
    for raw in (b'{"type": "track"}', b'{"type": "track", "userId": ""}'):
        assert reason(read_call, Raw(raw), None) == "no_id"


def test_a_path_says_the_type():
    assert read_call(Raw(b'{"userId": "u", "type": "page"}'), "track").type == "track"
    for raw in (b"5", b'{"userId": ["u"]}', b'{"userId": "u", "properties": 5}'):
        assert reason(read_call, Raw(raw), "track") == "bad_event"


def test_a_session_is_half_an_hour_of_one_person():
    start = 1_800_000 * 1_000_000
    one = people.session_of("acme", "u", start)
    assert one == people.session_of("acme", "u", start + 1_799_999)
    others = {
        people.session_of("acme", "u", start + 1_800_000),
        people.session_of("acme", "v", start),
        people.session_of("other", "u", start),
    }
    assert len(others | {one}) == 4
