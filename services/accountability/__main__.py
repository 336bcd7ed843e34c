"""python -m services.accountability"""

from __future__ import annotations

import asyncio
from pathlib import Path

from sentientiq.accountability.v1 import accountability_service_pb2 as pb
from sentientiq.accountability.v1 import accountability_service_pb2_grpc as rpc

from services.accountability.ledger import Ledger, decode_decision, decode_outcome
from services.accountability.metrics import METRICS
from services.accountability.servicer import AccountabilityServicer
from services.accountability.settings import Settings
from services.accountability.store import Store
from services.accountability.timers import HeardUntil, run_timers
from services.common import metrics, postgres
from services.common.consumer import Consumer
from services.common.log import DECISION, OUTCOME, open_log
from services.common.process import GrpcServer, run, run_all

GROUP = "accountability"
_SERVICE = pb.DESCRIPTOR.services_by_name["AccountabilityService"].full_name


async def serve(settings: Settings) -> None:
    """Consume, keep time and answer until cancelled."""
    await postgres.migrate(
        settings.postgres_url, "accountability", Path(__file__).with_name("migrations")
    )
    pool = await postgres.connect(settings.postgres_url, schema="accountability")
    log = open_log(settings.log_url)
    server = GrpcServer(settings.listen, settings.mesh_secret)
    try:
        store = Store(pool)
        heard_until = HeardUntil(log, GROUP, round(settings.timer_grace_s * 1000))
        ledger = Ledger(store, heard_until)
        metrics.publish(METRICS, ledger)
        rpc.add_AccountabilityServiceServicer_to_server(AccountabilityServicer(store), server.raw)
        await server.start([_SERVICE])
        decisions = Consumer(
            log,
            group=GROUP,
            topic=DECISION,
            decode=decode_decision,
            handle=ledger.apply_decisions,
        )
        outcomes = Consumer(
            log, group=GROUP, topic=OUTCOME, decode=decode_outcome, handle=ledger.apply_outcomes
        )
        await run_all(
            decisions.run(),
            outcomes.run(),
            run_timers(ledger, heard_until, settings.timer_interval_s),
        )
    finally:
        await server.stop()
        await log.close()
        await asyncio.wait_for(pool.close(), 5)


if __name__ == "__main__":
    run("accountability", Settings, serve)
