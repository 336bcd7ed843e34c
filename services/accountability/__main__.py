"""python -m services.accountability"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from sentientiq.accountability.v1 import accountability_service_pb2 as pb
from sentientiq.accountability.v1 import accountability_service_pb2_grpc as rpc
from sentientiq.accountability.v1 import cost_service_pb2 as cost_pb
from sentientiq.accountability.v1 import cost_service_pb2_grpc as cost_rpc

from services.accountability.costing.servicer import CostServicer
from services.accountability.costing.sources import Sources as CostSources
from services.accountability.decoding import decode_decision, decode_outcome
from services.accountability.drafting import Drafting
from services.accountability.ledger import Ledger
from services.accountability.metrics import DRAFTING_METRICS, METRICS, TELLING_METRICS
from services.accountability.reading import Reader
from services.accountability.servicer import AccountabilityServicer
from services.accountability.settings import Settings
from services.accountability.store import FOLD_VERSION, MIGRATIONS, SCHEMA, Store
from services.accountability.telling import Telling
from services.accountability.tenants import KnownTeams, NoTeams, Teams
from services.accountability.timers import HeardUntil, refold_older, run_timers, wall_ms
from services.accountability.weekly.claims import Claims
from services.accountability.weekly.costs import measured_by
from services.accountability.weekly.metrics import METRICS as WEEKLY_METRICS
from services.accountability.weekly.sending import Weekly
from services.accountability.weekly.sources import Sources
from services.common import metrics, postgres
from services.common.auth import make_token
from services.common.channels import connect
from services.common.consumer import Consumer
from services.common.log import DECISION, OUTCOME, open_log
from services.common.process import GrpcServer, run, run_all
from services.common.settings import SettingsError
from services.common.smtp import read_server

GROUP = "accountability"
# Entries of a partition. What a crash interrupts is done again, so a batch is a matter of seconds.
_AT_ONCE = 20
_SERVICE = pb.DESCRIPTOR.services_by_name["AccountabilityService"].full_name
_COST_SERVICE = cost_pb.DESCRIPTOR.services_by_name["CostService"].full_name


async def serve(settings: Settings) -> None:
    """Consume, keep time, answer and write until cancelled."""
    try:
        mail_server = read_server(settings.smtp_url, settings.smtp_from)
    except ValueError as error:
        raise SettingsError(f"SIQ_SMTP_URL or SIQ_SMTP_FROM is not usable: {error}") from error
    await postgres.migrate(settings.postgres_url, SCHEMA, MIGRATIONS)
    async with AsyncExitStack() as stack:
        pool = await postgres.connect(settings.postgres_url, schema=SCHEMA)
        stack.push_async_callback(lambda: asyncio.wait_for(pool.close(), 5))
        log = open_log(settings.log_url)
        stack.push_async_callback(log.close)
        token = make_token(settings.mesh_secret, subject="accountability")
        identity, intervention, pipeline = (
            connect(address, token)
            for address in (
                settings.identity_addr,
                settings.intervention_addr,
                settings.pipeline_addr,
            )
        )
        for channel in (identity, intervention, pipeline):
            stack.push_async_callback(channel.close)
        teams: Teams = KnownTeams(identity) if settings.identity_addr else NoTeams()
        heard_until = HeardUntil(log, GROUP, round(settings.timer_grace_s * 1000))
        ledger = Ledger(Store(pool), heard_until)
        drafting = Drafting(pool, log, teams, ledger, wall_ms)
        reader = Reader(pool)
        telling = Telling(log, reader, ledger)
        metrics.publish(METRICS, ledger)
        metrics.publish(DRAFTING_METRICS, drafting)
        metrics.publish(TELLING_METRICS, telling)
        server = GrpcServer(settings.listen, settings.mesh_secret)
        servicer = AccountabilityServicer(pool, reader, telling, teams, wall_ms)
        rpc.add_AccountabilityServiceServicer_to_server(servicer, server.raw)
        stack.push_async_callback(server.stop)
        costs = CostServicer(CostSources(pipeline, identity), wall_ms)
        cost_rpc.add_CostServiceServicer_to_server(costs, server.raw)
        await server.start([_SERVICE, _COST_SERVICE])
        decisions = Consumer(
            log,
            group=GROUP,
            topic=DECISION,
            decode=decode_decision,
            handle=ledger.apply_decisions,
            limit=_AT_ONCE,
        )
        outcomes = Consumer(
            log,
            group=GROUP,
            topic=OUTCOME,
            decode=decode_outcome,
            handle=ledger.apply_outcomes,
            limit=_AT_ONCE,
        )
        weekly = Weekly(
            reader,
            Claims(pool),
            Sources(identity, intervention, pipeline),
            measured_by(costs),
            mail_server,
            wall_ms,
            executives=frozenset(settings.executive_roles),
        )
        metrics.publish(WEEKLY_METRICS, weekly.counts)
        await run_all(
            decisions.run(),
            outcomes.run(),
            drafting.run(settings.timer_interval_s, outcomes.caught_up),
            refold_older(ledger, FOLD_VERSION, settings.timer_interval_s),
            run_timers(ledger, heard_until, settings.timer_interval_s),
            *([weekly.run(settings.weekly_interval_s)] if settings.identity_addr else []),
        )


if __name__ == "__main__":
    run("accountability", Settings, serve)
