"""What a token with scopes is good for."""

from __future__ import annotations

import pytest

from services.common.errors import InvalidArgument
from services.common.scopes import allowed, covered, read_scopes, scope_of

IDENTITY = "/sentientiq.identity.v1.IdentityService/"
TENANT = "/sentientiq.tenant.v1.TenantService/"


@pytest.mark.parametrize(
    ("method", "scope"),
    [
        (IDENTITY + "Resolve", "identity:read"),
        (IDENTITY + "BatchResolve", "identity:read"),
        (IDENTITY + "WatchProfiles", "identity:read"),
        (IDENTITY + "ExplainIdentity", "identity:read"),
        (IDENTITY + "Identify", "identity:write"),
        (IDENTITY + "Split", "identity:write"),
        (TENANT + "ListPeople", "tenant:read"),
        (TENANT + "CreateToken", "tenant:write"),
        ("/sentientiq.analytics.v1.QueryService/RunReport", "analytics:read"),
        ("/sentientiq.analytics.v1.QueryService/TailEmotions", "analytics:read"),
        ("/sentientiq.intervention.v1.InterventionService/CheckPolicy", "intervention:read"),
        ("/grpc.health.v1.Health/Check", "none"),
        ("nonsense", "none"),
    ],
)
def test_which_scope_an_rpc_needs(method: str, scope: str) -> None:
    assert scope_of(method) == scope


def test_a_token_without_scopes_may_all_and_one_with_them_only_these() -> None:
    assert allowed(None, IDENTITY + "Split")
    assert allowed({"identity:read"}, IDENTITY + "Resolve")
    assert allowed({"identity:*"}, IDENTITY + "Split")
    for scopes in (set[str](), {"identity:write"}, {"tenant:*"}, {"*"}, {"identity:"}):
        assert not allowed(scopes, IDENTITY + "Resolve")
    assert not allowed({"none"}, TENANT + "ListPeople")


def test_nobody_hands_out_more_than_they_have() -> None:
    assert covered(["identity:read"], None)
    assert covered([], None)
    assert covered(["identity:read"], {"identity:*"})
    assert not covered([], {"identity:*"})
    assert not covered(["identity:*"], {"identity:read", "identity:write"})
    assert not covered(["identity:read", "tenant:read"], {"identity:read"})


@pytest.mark.parametrize("scope", ["identity", "identity:all", "phone:read", ":read", "*", ""])
def test_what_is_no_scope_is_refused(scope: str) -> None:
    with pytest.raises(InvalidArgument, match="scopes: expected an area"):
        read_scopes("scopes", [scope])
    assert read_scopes("scopes", ["b:read".replace("b", "tenant"), "identity:*"]) == [
        "identity:*",
        "tenant:read",
    ]
