"""Wire the service together and serve until cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentientiq.identity.v1 import identity_service_pb2 as pb
from sentientiq.identity.v1 import identity_service_pb2_grpc as identity_rpc
from sentientiq.identity.v1 import privacy_service_pb2_grpc as privacy_rpc
from sentientiq.identity.v1 import transaction_service_pb2_grpc as transaction_rpc
from sentientiq.tenant.v1 import tenant_service_pb2_grpc as tenant_rpc

from services.common import logs, metrics, postgres
from services.common.consumer import Consumer
from services.common.guard import Guard
from services.common.log import EventLog, open_log
from services.common.process import GrpcServer, run_all
from services.identity.answer import answer
from services.identity.change_feed import ChangeFeed
from services.identity.company import classify
from services.identity.company.rules import NO_RULES, Rules
from services.identity.company.rules import parse as parse_rules
from services.identity.config_feed import ConfigFeed
from services.identity.config_store import ConfigStore
from services.identity.database import Database
from services.identity.enrich.lookups import Lookups
from services.identity.enrich.open import Opener
from services.identity.graph import history
from services.identity.graph.attach import Attach
from services.identity.graph.calls import ProfileCalls
from services.identity.graph.rules import NO_RULES as NO_GRAPH_RULES
from services.identity.graph.rules import parse_rules as parse_graph_rules
from services.identity.identify import Identifier
from services.identity.identity_servicer import IdentityServicer
from services.identity.identity_store import IdentityStore
from services.identity.intake import Intake
from services.identity.kept_answers import KeptAnswers
from services.identity.key_sets import KeySets
from services.identity.listener import Listener
from services.identity.metrics import (
    ANSWER_METRICS,
    GRAPH_METRICS,
    METRICS,
    TRANSACTION_METRICS,
    VALUE_METRICS,
    Counted,
)
from services.identity.pii import Pii
from services.identity.privacy.auditing import Audit, open_audit
from services.identity.privacy.certificate import Signer
from services.identity.privacy.counted import PRIVACY_METRICS, PrivacyCounted
from services.identity.privacy.derive import audit_key
from services.identity.privacy.keks import Keks, open_keks
from services.identity.privacy.vault import Vault
from services.identity.privacy.wiring import Privacy, open_privacy
from services.identity.sealing import SealingKey, load_sealing_key
from services.identity.settings import Settings
from services.identity.tenant_documents import TenantDocuments
from services.identity.tenant_servicer import TenantServicer
from services.identity.tenant_store import TenantStore
from services.identity.token_checks import TokenChecks
from services.identity.token_policy import TokenPolicy, parse_policy
from services.identity.value.basis_store import BasisStore
from services.identity.value.calls import TransactionCalls
from services.identity.value.recorder import Recorder
from services.identity.value.refresher import Refresher
from services.identity.value.transaction_servicer import TransactionServicer
from services.identity.value.value_feed import ValueFeed
from services.identity.value.webhook import TransactionHook

SCHEMA = "identity"
MIGRATIONS = Path(__file__).parent / "migrations"
SERVICES = (
    "sentientiq.identity.v1.IdentityService",
    "sentientiq.identity.v1.PrivacyService",
    "sentientiq.identity.v1.TransactionService",
    "sentientiq.tenant.v1.TenantService",
)
_CATCH_UP_S = 10.0
_CLOSE_S = 5
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """The wired service."""

    identifier: Identifier
    identity_servicer: IdentityServicer
    tenant_servicer: TenantServicer
    listener: Listener
    consumer: Consumer[Any]
    documents: Mapping[str, TenantDocuments[Any]]
    """By kind."""
    lookups: Lookups
    key_sets: KeySets
    attach: Attach
    answers: KeptAnswers
    recorder: Recorder
    refresher: Refresher
    audit: Audit
    privacy: Privacy
    transaction_servicer: TransactionServicer

    async def settle(self) -> None:
        """Record what was only counted, and tell the audit's heads, while there is a database."""
        await self.privacy.reads.flush()
        await self.audit.anchor.tell()

    def loops(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """What runs beside the calls, for as long as the service lives."""
        return (
            self.consumer.run(),
            self.listener.run(),
            self.lookups.run(),
            self.refresher.run(),
            self.privacy.reads.run(),
            self.privacy.rewriter.run(),
            self.privacy.sweeper.run(),
            self.audit.pending.run(),
            self.audit.anchor.run(),
            *(documents.watch() for documents in self.documents.values()),
        )


def wire(pool: Any, log: EventLog, sealing: SealingKey, keks: Keks, settings: Settings) -> Parts:
    """Put the parts together; nothing runs yet."""
    database, vault = Database(pool), Vault(keks, Pii(sealing.secret))
    audit = open_audit(database, audit_key(sealing.secret), settings.audit_anchor_file)
    tenants = TenantStore(database, vault, audit.writer)
    configs = ConfigStore(database, audit.writer)
    bases = BasisStore()
    identities = IdentityStore(database, vault, bases, audit.writer)
    recorder = Recorder(database, bases, vault)
    calls = TransactionCalls(recorder)
    hook = TransactionHook(tenants, calls)
    feed, value_feed = ConfigFeed(configs), ValueFeed()
    guard = Guard(settings.allowed_private_hosts)
    lookups = Lookups(Opener(settings.enrichment_folder, guard), identities.enrich)

    async def use_enrichers(tenant_id: str, before: Rules, after: Rules) -> None:
        if after.enrichers != before.enrichers:
            await lookups.use(tenant_id, after.enrichers)

    rules = TenantDocuments("company", parse_rules, NO_RULES, configs, feed, use_enrichers)
    policies = TenantDocuments("identity", parse_policy, TokenPolicy(), configs, feed)
    key_sets = KeySets(guard)
    graph_rules = TenantDocuments("graph", parse_graph_rules, NO_GRAPH_RULES, configs, feed)
    attach = Attach(vault, graph_rules)
    checks = TokenChecks(tenants, policies, key_sets)

    async def load(tenant_id: str, session_id: str) -> pb.ResolveResponse:
        resolved = await identities.resolve(tenant_id, session_id)
        return pb.ResolveResponse(identity=answer(resolved, lookups))

    answers = KeptAnswers(load)
    identifier = Identifier(sealing, checks, identities, rules, attach, answers)
    signer = Signer(sealing.secret)
    privacy = open_privacy(
        database,
        vault,
        audit.writer,
        identities,
        attach,
        rules.of,
        signer,
        recorder.clock_ms,
        answers.forget_tenant,
        settings,
    )
    profiles = ProfileCalls(
        identities, lookups, graph_rules, attach, answers, privacy.disclosure, audit.writer, vault
    )
    profile_feed = ChangeFeed(history.CHANNEL)
    servicer = IdentityServicer(
        identifier,
        identities,
        lookups,
        sealing,
        calls,
        hook,
        value_feed,
        profiles,
        profile_feed,
        answers,
        privacy.disclosure,
    )
    return Parts(
        identifier,
        servicer,
        TenantServicer(tenants, configs, feed, answers, privacy.reads, settings.mesh_secret),
        Listener(settings.postgres_url, (feed, value_feed, profile_feed, vault, answers)),
        Intake(identifier, identities).consumer(log),
        {documents.kind: documents for documents in (rules, policies, graph_rules)},
        lookups,
        key_sets,
        attach,
        answers,
        recorder,
        Refresher(database, bases, recorder.clock_ms, settings.value_refresh_s),
        audit,
        privacy,
        TransactionServicer(database),
    )


@asynccontextmanager
async def running(
    settings: Settings, before_serving: Callable[[Parts], Awaitable[None]] | None = None
) -> AsyncGenerator[Parts, None]:
    """Migrate, connect and serve; on exit let calls finish and release everything."""
    sealing = load_sealing_key(settings.sealing_key_file)
    keks = open_keks(sealing.secret, settings.kek_file, settings.kms)
    await postgres.migrate(settings.postgres_url, SCHEMA, MIGRATIONS)
    pool = await postgres.connect(settings.postgres_url, schema=SCHEMA)
    log = open_log(settings.log_url)
    parts = wire(pool, log, sealing, keks, settings)
    metrics.publish(
        METRICS, Counted(parts.identifier, parts.lookups, parts.documents, parts.key_sets)
    )
    metrics.publish(TRANSACTION_METRICS, parts.recorder)
    metrics.publish(VALUE_METRICS, parts.refresher)
    metrics.publish(GRAPH_METRICS, parts.attach)
    metrics.publish(ANSWER_METRICS, parts.answers)
    metrics.publish(PRIVACY_METRICS, PrivacyCounted(parts.privacy, parts.audit))
    classify.load()
    server = GrpcServer(settings.listen, settings.mesh_secret, parts.audit.denials.record)
    privacy_rpc.add_PrivacyServiceServicer_to_server(parts.privacy.servicer, server.raw)
    identity_rpc.add_IdentityServiceServicer_to_server(parts.identity_servicer, server.raw)
    transaction_rpc.add_TransactionServiceServicer_to_server(parts.transaction_servicer, server.raw)
    tenant_rpc.add_TenantServiceServicer_to_server(parts.tenant_servicer, server.raw)
    try:
        async with pool.acquire() as connection:
            await parts.privacy.vault.check(connection)
        for documents in parts.documents.values():
            await documents.load()
        if before_serving is not None:
            await before_serving(parts)
        await server.start(SERVICES)
        _log.info("serving", listen=settings.listen, key_id=sealing.key_id.hex())
        yield parts
    finally:
        await server.stop()
        await parts.settle()
        await log.close()
        await parts.key_sets.close()
        await _close(pool)


async def _close(pool: Any) -> None:
    """Close the pool, by force if PostgreSQL no longer answers."""
    try:
        async with asyncio.timeout(_CLOSE_S):
            await pool.close()
    except TimeoutError:
        pool.terminate()


async def serve(settings: Settings) -> None:
    """Serve until cancelled.

    What the log took while no identity service ran is applied before the first answer: a Resolve
    that does not know yet who somebody is would make an alert about them anonymous for good.
    """
    loops: list[asyncio.Task[None]] = []

    async def follow_log(parts: Parts) -> None:
        loops.append(asyncio.create_task(run_all(*parts.loops())))
        caught_up = asyncio.create_task(parts.consumer.caught_up.wait())
        await asyncio.wait(
            [caught_up, *loops], timeout=_CATCH_UP_S, return_when=asyncio.FIRST_COMPLETED
        )
        if not caught_up.done():
            caught_up.cancel()
            _log.warning("serving before the log is applied")

    try:
        async with running(settings, follow_log):
            await asyncio.wait(loops)
            loops[0].result()
    finally:
        for task in loops:
            task.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
