"""Everything that a weekly mail needs, real: identity, reports, links, tables, a mail server."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio
from aiosmtpd.smtp import SMTP
from sentientiq.analytics.v1 import query_service_pb2, query_service_pb2_grpc
from sentientiq.intervention.v1 import letter_service_pb2, letter_service_pb2_grpc
from sentientiq.tenant.v1 import tenant_service_pb2 as tpb

import services.accountability
from cli.up.ports import free_address
from services.accountability.facts import Fact, FactKind, OwnerTerms, Terms
from services.accountability.ledger import Ledger
from services.accountability.reading import Reader
from services.accountability.records import HeardFact, Key, Recommendation
from services.accountability.store import Store
from services.accountability.weekly.claims import Claims
from services.accountability.weekly.letter import Cost
from services.accountability.weekly.sending import Weekly
from services.accountability.weekly.sources import Costs, Sources
from services.common import postgres
from services.common.auth import make_token
from services.common.channels import connect
from services.common.process import GrpcServer
from services.common.smtp import MailServer
from services.intervention.answering.letter_servicer import QUERY_USE, LetterServicer
from services.intervention.answering.links import Links
from services.intervention.answering.signed import Signed
from services.intervention.answering.unsubscribing import Unsubscribing
from services.intervention.sending.secrets import Sealer
from services.pipeline.analytics import EmbeddedAnalytics
from services.pipeline.reports import Reports
from services.pipeline.servicer import QueryServicer
from tests.golden.reports.golden import load
from tests.integration.dispatching import fresh_pool
from tests.integration.identity_service import MESH, Service, running_service
from tests.unit.services.intervention.providers import MailBox

PUBLIC = "https://help.siq.test"
_DAY_MS = 86_400_000
TENANT = "gold"
"""The golden data set's: reports have something to tell."""


class NoCosts:
    """Where nobody can tell: then no money is made up."""

    async def of(self, tenant_id: str, since_ms: int, until_ms: int) -> Cost:
        """Always the same."""
        del tenant_id, since_ms, until_ms
        return Cost(
            "Cannot tell yet: it takes visitors who are left alone by chance to compare with.",
            "none",
            (),
            (),
            "",
        )


@dataclass(slots=True)
class Line:
    """What runs, and how to look at it."""

    identity: Service
    pool: Any
    """Accountability's tables."""
    intervention_pool: Any
    store: Store
    box: MailBox
    server: MailServer
    channels: list[grpc.aio.Channel]
    intervention: str
    pipeline: str
    unsubscribing: Unsubscribing
    queries: Signed
    links: Links

    def weekly(
        self, now_ms: int, pipeline: grpc.aio.Channel | None = None, costs: Costs | None = None
    ) -> Weekly:
        """A sender at a moment; a new one each time, as after a restart."""
        return Weekly(
            Reader(self.pool),
            Claims(self.pool),
            Sources(self.channels[0], self.channels[1], pipeline or self.channels[2]),
            costs or NoCosts(),
            self.server,
            lambda: now_ms,
            executives=frozenset({"ceo"}),
        )

    async def person(self, person: str, role: str, zone: str, *addresses: str) -> None:
        """Put somebody into the team."""
        made = tpb.Person(
            person_id=person,
            name=person.capitalize(),
            role=role,
            zone=zone,
            channels=[tpb.Channel(kind="email", address=address) for address in addresses],
        )
        request = tpb.PutPersonRequest(tenant_id=TENANT, person=made)
        await self.identity.tenants.PutPerson(request)

    async def asked(
        self, person: str, at_ms: int, *facts: FactKind, company: str = "globex.example"
    ) -> str:
        """A recommendation that was due ten minutes later, and what became of it in a minute."""
        key = Key(TENANT, secrets.token_hex(16))
        terms = Terms(at_ms, at_ms + 600_000, person)
        value = ("USD", 10_000_000)
        await self.store.record_recommendations([Recommendation(key, "s1", company, value, terms)])
        told = [Fact(secrets.token_hex(8), kind, at_ms + 60_000, person) for kind in facts]
        # They work all day, and may answer late for a month.
        held = OwnerTerms(
            at_ms + 600_000, at_ms + 30 * _DAY_MS, "support", ((at_ms, at_ms + _DAY_MS),), 0, "test"
        )
        told.append(Fact(secrets.token_hex(8), FactKind.TERMS_SET, at_ms, person, "", "", held))
        await self.store.record_facts([HeardFact(key, fact, "sms") for fact in told])
        await Ledger(self.store, _now_ms).fold([key])
        return key.decision_id


@asynccontextmanager
async def running_line(postgres_url: str, log_url: str, folder: Path) -> AsyncGenerator[Line]:
    """Start it all."""
    await postgres.migrate(
        postgres_url, "accountability", Path(services.accountability.__path__[0]) / "migrations"
    )
    pool = await postgres.connect(postgres_url, schema="accountability", max_size=4)
    intervention_pool, _ = await fresh_pool(postgres_url)
    engine = EmbeddedAnalytics(folder / "analytics")
    await engine.migrate()
    await load(engine)
    unsubscribing, queries = Unsubscribing(MESH, public_url=PUBLIC), Signed(MESH, QUERY_USE)
    links, sealer = Links(MESH), Sealer(MESH)
    letters, reports = GrpcServer(free_address(), MESH), GrpcServer(free_address(), MESH)
    letter_service_pb2_grpc.add_LetterServiceServicer_to_server(
        LetterServicer(
            intervention_pool, links, unsubscribing, sealer, queries, _now_ms, public_url=PUBLIC
        ),
        letters.raw,
    )
    tails: Any = None  # nobody looks on here
    query_service_pb2_grpc.add_QueryServiceServicer_to_server(
        QueryServicer(Reports(engine), tails), reports.raw
    )
    await letters.start([letter_service_pb2.DESCRIPTOR.services_by_name["LetterService"].full_name])
    await reports.start([query_service_pb2.DESCRIPTOR.services_by_name["QueryService"].full_name])
    box, loop = MailBox(), asyncio.get_running_loop()
    smtp = await loop.create_server(
        lambda: SMTP(box, hostname="mx.test", loop=loop), "127.0.0.1", 0
    )
    port = smtp.sockets[0].getsockname()[1]
    server = MailServer("127.0.0.1", port, False, "", "", "SentientIQ <weekly@acme.example>")
    token = make_token(MESH, subject="accountability")
    try:
        async with (
            running_service(postgres_url, log_url, folder) as identity,
            connect(identity.settings.listen, token) as to_identity,
            connect(letters.listen, token) as to_letters,
            connect(reports.listen, token) as to_reports,
        ):
            tenant = tpb.Tenant(tenant_id=TENANT)
            await identity.tenants.PutTenant(tpb.PutTenantRequest(tenant=tenant))
            yield Line(
                identity,
                pool,
                intervention_pool,
                Store(pool),
                box,
                server,
                [to_identity, to_letters, to_reports],
                letters.listen,
                reports.listen,
                unsubscribing,
                queries,
                links,
            )
    finally:
        smtp.close()
        for one in (letters, reports):
            await one.stop(0)
        await engine.close()
        await intervention_pool.close()
        await pool.close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
