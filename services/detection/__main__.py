"""The detection process: `python -m services.detection`."""

from __future__ import annotations

import asyncio
import signal

from services.common import logs, metrics, state
from services.common.auth import make_token
from services.common.channels import connect
from services.common.log import open_log
from services.common.ownership import LeaseStore
from services.common.process import GrpcServer, run, run_all
from services.detection import models
from services.detection.emotions import EmotionWriter
from services.detection.keeper import Keeper
from services.detection.metrics import METRICS, Parts
from services.detection.servicer import SERVICE, DetectionServicer, add_to_server
from services.detection.settings import Settings
from services.detection.snapshots import SnapshotStore
from services.detection.tunings import Tunings

_log = logs.get(__name__)
_SETTINGS_WITHIN_S = 5.0


async def serve(settings: Settings) -> None:
    """Wire the process, serve until cancelled, hand over."""
    model = models.read(settings.models)
    log = open_log(settings.log_url)
    client = state.connect(settings.state_url)
    writer = EmotionWriter(log)
    servicer = DetectionServicer(writer)
    keeper = Keeper(
        endpoint=settings.endpoint,
        leases=LeaseStore(client),
        snapshots=SnapshotStore(client),
        log=log,
        threshold=settings.threshold,
        streams=settings.streams,
        model=model,
        on_applied=servicer.on_applied,
        flush_emotions=writer.flush,
    )
    servicer.serve_folds(keeper.folds)

    def read_models_again() -> None:
        nonlocal model
        model = models.read_again(settings.models, model)
        keeper.use_model(model)

    async def keep_leases() -> None:
        # What is replayed on taking a partition is judged by the tenants' settings, too.
        await tunings.wait(_SETTINGS_WITHIN_S)
        await keeper.keep_leases()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, read_models_again)
    identity = connect(
        settings.identity_addr, make_token(settings.mesh_secret, subject="detection")
    )
    tunings = Tunings(identity, keeper.tune)
    metrics.publish(METRICS, Parts(keeper, servicer, writer, tunings))
    server = GrpcServer(settings.listen, settings.mesh_secret)
    add_to_server(servicer, server.raw)
    await server.start([SERVICE])
    _log.info("ready", listen=settings.listen, endpoint=settings.endpoint)
    try:
        await run_all(
            writer.run(),
            keep_leases(),
            keeper.keep_level(),
            keeper.keep_snapshots(settings.snapshot_s),
            tunings.watch(),
        )
    finally:
        await server.stop()
        await keeper.leave()
        await identity.close()
        await log.close()
        await client.aclose()


if __name__ == "__main__":
    run("detection", Settings, serve)
