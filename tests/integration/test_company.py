"""Companies end to end: an identify in, by the real gRPC port; what Resolve says of it out."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sentientiq.identity.v1 import identity_service_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2 as tpb
from starlette.responses import Response

from tests.integration.enricher_sources import TOKEN, Crm, write_csv, write_table
from tests.integration.identity_service import Service, refused, running_service, until

JANE = "jane@gmail.com"
ROWS = {
    JANE: {
        "company": "acme.example",
        "company_name": "Acme Robotics",
        "parent": "globex.example",
        "size": "51-200",
        "owner": "dana",
    },
    "acme.example": {"company_name": "Acme by its domain"},
}


@pytest.fixture
async def crm() -> AsyncGenerator[Crm, None]:
    async with Crm.running(ROWS) as running:
        yield running


@pytest.fixture
async def service(
    postgres_url: str, log_url: str, tmp_path: Path, crm: Crm
) -> AsyncGenerator[Service, None]:
    async with running_service(
        postgres_url, log_url, tmp_path, allowed_private_hosts=(crm.host,)
    ) as made:
        yield made


@pytest.fixture
async def tenant(service: Service) -> str:
    return await service.make_tenant()


async def _says(
    service: Service, tenant: str, session: str, content: Mapping[str, Any]
) -> pb.UserIdentity:
    return await service.identify(service.sealed(tenant, content, session=session))


async def _settled(service: Service, tenant: str, session: str) -> pb.UserIdentity:
    """Who the session is, once the tenant's sources have answered."""

    async def answer() -> pb.UserIdentity | None:
        who = await service.resolve(tenant, session)
        return None if who.settling else who

    found: pb.UserIdentity = await until(answer)
    return found


def _folder(service: Service, tenant: str) -> Path:
    folder = Path(service.settings.enrichment_folder) / tenant
    folder.mkdir(parents=True)
    return folder


async def test_only_organisations_are_companies(service: Service, tenant: str) -> None:
    expected = {
        '"jane roe"@mail.eu.acme.co.uk': ("acme.co.uk", "company", ""),
        "jane@youtube.com": ("youtube.com", "company", "google.com"),
        "jane@cs.stanford.edu": ("stanford.edu", "education", ""),
        JANE: ("", "free-mail", ""),
        "jane@gma\u0456l.com": ("", "look-alike", ""),
        "jane@mailinator.com": ("", "disposable", ""),
        "jane@comcast.net": ("", "isp", ""),
    }
    for index, (email, told) in enumerate(expected.items()):
        who = await _says(service, tenant, f"s{index}", {"email": email})
        assert (who.company, who.company_kind, who.company_parent) == told
        assert not who.settling


async def test_the_tenant_knows_better(service: Service, tenant: str) -> None:
    await service.put_config(
        tenant,
        "company",
        {
            "companies": {"acme-mail.example": "acme.example"},
            "not_companies": ["agency.example"],
            "names": {"ACME Inc.": "acme.example"},
            "parents": {"acme.example": "globex.example"},
        },
    )
    acme = ("acme.example", "company", "globex.example")
    for index, (content, told) in enumerate(
        [
            ({"email": "jane@eu.acme-mail.example"}, acme),
            ({"email": JANE, "traits": {"company": "Acme inc."}}, acme),
            ({"email": "jane@acme.example"}, acme),
            ({"email": "jane@agency.example"}, ("", "", "")),
            ({"email": "jane@agency.example", "traits": {"company": "acme.example"}}, acme),
        ]
    ):
        who = await _says(service, tenant, f"s{index}", content)
        assert (who.company, who.company_kind, who.company_parent) == told


async def test_rules_of_one_tenant_are_no_other_tenants(service: Service, tenant: str) -> None:
    await service.put_config(tenant, "company", {"not_companies": ["acme.example"]})
    other = await service.make_tenant()
    assert (await _says(service, tenant, "s1", {"email": "jane@acme.example"})).company == ""
    assert (await _says(service, other, "s1", {"email": "jane@acme.example"})).company


async def test_rules_are_in_force_again_after_a_restart(
    postgres_url: str, log_url: str, tmp_path: Path
) -> None:
    async with running_service(postgres_url, log_url, tmp_path) as first:
        tenant = await first.make_tenant()
        await first.put_config(tenant, "company", {"not_companies": ["acme.example"]})
    async with running_service(postgres_url, log_url, tmp_path) as second:
        assert (await _says(second, tenant, "s1", {"email": "jane@acme.example"})).company == ""


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"company": {}}, "body.Object contains unknown field `company`"),
        ({"companies": {"gmail.com": "acme.example"}}, "body.companies: anybody gets an address"),
        ({"companies": {"acme.example": "co.uk"}}, "body.companies: nobody can register"),
        ({"not_companies": ["Acme Inc."]}, "body.not_companies: expected domains"),
        (
            {"enrichers": [{"kind": "csv", "key": "email", "file": "../../etc/passwd"}]},
            "body.enrichers[0].file: expected the name of a file",
        ),
    ],
)
async def test_rules_that_cannot_be_used_are_refused(
    service: Service, tenant: str, document: Mapping[str, Any], field: str
) -> None:
    body = json.dumps(document).encode()
    request = tpb.PutConfigRequest(tenant_id=tenant, kind="company", body=body)
    code, words = await refused(service.tenants.PutConfig(request))
    assert (code, words[: len(field)]) == ("INVALID_ARGUMENT", field)


@pytest.fixture(params=["csv", "http", "postgresql"])
async def enricher(
    request: pytest.FixtureRequest, service: Service, tenant: str, crm: Crm, postgres_url: str
) -> Mapping[str, Any]:
    """The tenant's description of a source that knows ROWS."""
    folder = _folder(service, tenant)
    if request.param == "csv":
        write_csv(folder, ROWS)
        return {"kind": "csv", "key": "email", "file": "crm.csv", "timeout_ms": 5_000}
    if request.param == "http":
        (folder / "crm.token").write_text(TOKEN)
        return {"kind": "http", "key": "email", "url": crm.url, "token": "crm.token"}
    await write_table(postgres_url, ROWS)
    (folder / "crm.url").write_text(postgres_url)
    query = "SELECT company, company_name, parent, size, owner FROM crm.people WHERE key = $1"
    return {"kind": "postgresql", "key": "email", "source": "crm.url", "query": query}


async def test_an_identify_is_enriched_from_the_tenants_own_source(
    service: Service, tenant: str, enricher: Mapping[str, Any]
) -> None:
    person = tpb.Person(person_id="dana", role="success")
    await service.tenants.PutPerson(tpb.PutPersonRequest(tenant_id=tenant, person=person))
    await service.put_config(tenant, "company", {"enrichers": [enricher]})
    told = await _says(service, tenant, "s1", {"user_id": "u1", "email": JANE})
    assert (told.company, told.settling) == ("", True)
    who = await _settled(service, tenant, "s1")
    assert (who.company, who.company_name) == ("acme.example", "Acme Robotics")
    assert (who.company_parent, who.company_size) == ("globex.example", "51-200")
    assert (who.owner_person_id, who.company_kind) == ("dana", "company")
    assert who.version == told.version + 1
    assert b"Acme Robotics" not in await service.stored()


async def test_what_the_page_states_is_not_contradicted(
    service: Service, tenant: str, enricher: Mapping[str, Any]
) -> None:
    await service.put_config(tenant, "company", {"enrichers": [enricher]})
    traits = {"company": "initech.example", "company_name": "Initech"}
    await _says(service, tenant, "s1", {"email": JANE, "traits": traits})
    who = await _settled(service, tenant, "s1")
    assert (who.company, who.company_name, who.company_size) == (
        "initech.example",
        "Initech",
        "51-200",
    )


async def test_another_person_inherits_nothing_looked_up(
    service: Service, tenant: str, enricher: Mapping[str, Any]
) -> None:
    await service.put_config(tenant, "company", {"enrichers": [enricher]})
    await _says(service, tenant, "s1", {"user_id": "u1", "email": JANE})
    assert (await _settled(service, tenant, "s1")).company_name == "Acme Robotics"
    second = service.sealed(tenant, {"user_id": "u2", "email": "bob@gmail.com"}, seq=2)
    assert (await service.identify(second)).company_name == ""
    assert (await _settled(service, tenant, "s1")).company_name == ""


async def test_sources_are_asked_in_order_and_fill_gaps(
    service: Service, tenant: str, crm: Crm
) -> None:
    folder = _folder(service, tenant)
    write_csv(folder, {"jane@acme.example": {"size": "7"}})
    (folder / "crm.token").write_text(TOKEN)
    sources = [
        {"kind": "csv", "key": "email", "file": "crm.csv"},
        {"kind": "http", "key": "domain", "url": crm.url, "token": "crm.token"},
    ]
    await service.put_config(tenant, "company", {"enrichers": sources})
    await _says(service, tenant, "s1", {"email": "jane@acme.example"})
    who = await _settled(service, tenant, "s1")
    assert (who.company_size, who.company_name) == ("7", "Acme by its domain")
    assert crm.asked == ["acme.example"]


async def test_a_source_that_fails_leaves_the_identity_as_it_is(
    service: Service, tenant: str, crm: Crm
) -> None:
    (_folder(service, tenant) / "crm.token").write_text(TOKEN)
    crm.answer = Response(status_code=503)
    source = {"kind": "http", "key": "email", "url": crm.url, "token": "crm.token"}
    await service.put_config(tenant, "company", {"enrichers": [source]})
    await _says(service, tenant, "s1", {"email": "jane@acme.example"})
    who = await _settled(service, tenant, "s1")
    assert (who.company, who.company_name, who.version) == ("acme.example", "", 1)
    assert service.parts.lookups.failed == 1
    # It failed a moment ago, so it is not asked for every Resolve.
    assert not (await service.resolve(tenant, "s1")).settling
    assert len(crm.asked) == 1
