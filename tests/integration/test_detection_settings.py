"""What changes a detection process without a restart: a tenant's document, a model file."""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from sentientiq.behavior.v1 import types_pb2 as behavior
from sentientiq.detection.v1.emotion_pb2 import Emotion

from cli.config import command
from cli.up.ports import free_address
from hotpath.columns import from_wire
from hotpath.model_file import read_default, write
from services.common.log import BEHAVIOR, EMOTION, Append, EventLog, Record, open_log
from services.common.partition import partition_of, record_key
from tests.engines.running import Running
from tests.integration.identity_service import MESH, Service, running_service

TUNED = 'threshold = {rage = 40, confusion = 90}\nignore = ["button#like"]\n'


def write_models(folder: Path, source: str) -> None:
    for emotion, file in read_default().items():
        calibration = msgspec.structs.replace(file.calibration, source=source)
        version = f"{emotion}-{source}"
        changed = msgspec.structs.replace(file, version=version, calibration=calibration)
        (folder / f"{emotion}.json").write_bytes(write(changed))


@pytest.fixture
async def service(postgres_url: str, log_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(postgres_url, log_url, tmp_path) as made:
        yield made


@pytest.fixture
async def log(log_url: str) -> AsyncIterator[EventLog]:
    opened = open_log(log_url)
    yield opened
    await opened.close()


async def config(service: Service, *words: str, stdin: str = "") -> Result:
    env = {"SIQ_IDENTITY_ADDR": service.settings.listen, "SIQ_MESH_SECRET": MESH}
    runner = CliRunner(env=env)
    return await asyncio.to_thread(runner.invoke, command, list(words), input=stdin)


async def next_emotion(log: EventLog, tenant: str, source: str = "") -> Emotion:
    """Press a dead button in ever new sessions until one is found to be enraged."""
    columns = from_wire([[3, 250, 100, 100, 1] for _ in range(3)], {1: ("button#pay", 2)})
    for number in itertools.count():
        batch = behavior.BehaviorBatch(
            tenant_id=tenant,
            session_id=f"{source}{number}",
            stream_id="p",
            seq=1,
            t0_ms=1_700_000_000_000,
            page="/",
            count=3,
            columns=columns.blob,
            targets=[behavior.Target(descriptor=d, flags=f) for d, f in columns.targets],
        )
        partition = partition_of(tenant, batch.session_id)
        record = Record(record_key(tenant, batch.session_id), batch.SerializeToString())
        await log.append([Append(BEHAVIOR, partition, [record])])
        await asyncio.sleep(0.2)
        for entry in await log.read(EMOTION, dict.fromkeys(range(64), 0), limit=10_000):
            for found in entry.records:
                emotion = Emotion.FromString(found.value)
                if emotion.tenant_id == tenant and source in ("", emotion.calibration):
                    return emotion
    raise AssertionError


async def test_settings_and_models_change_while_it_runs(
    service: Service, log: EventLog, log_url: str, state_url: str, tmp_path: Path
) -> None:
    tenant = await service.make_tenant()
    write_models(tmp_path, "first")
    address = free_address()
    process = Running(
        "services.detection",
        {
            "SIQ_LOG_URL": log_url, "SIQ_STATE_URL": state_url, "SIQ_LISTEN": address,
            "SIQ_MESH_SECRET": MESH, "SIQ_IDENTITY_ADDR": service.settings.listen,
            "SIQ_MODELS": str(tmp_path), "SIQ_THRESHOLD": "100",
        },
    )  # fmt: skip
    try:
        await process.ready(address)
        put = await config(service, "put", tenant, "detection", "-", stdin=TUNED)
        assert put.stdout == f"detection of {tenant} is now version 1\n", put.output
        async with asyncio.timeout(30):
            emotion = await next_emotion(log, tenant)
        assert (emotion.confidence, emotion.calibration) == (85, "first")
        assert emotion.model == "rage-first"

        write_models(tmp_path, "second")
        process.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(30):
            second = await next_emotion(log, tenant, "second")
        assert (second.calibration, second.model) == ("second", "rage-second")
        assert process.process.poll() is None
    finally:
        process.kill()


async def test_a_document_comes_back_as_it_was_put(service: Service) -> None:
    tenant = await service.make_tenant()
    missing = await config(service, "get", tenant, "detection")
    assert (missing.exit_code, "sentientiq config put" in missing.stderr) == (1, True)
    for _ in range(2):
        await config(service, "put", tenant, "detection", "-", stdin=TUNED)
    got = await config(service, "get", tenant, "detection")
    assert (got.stdout, got.stderr) == (TUNED, "version 2\n")


@pytest.mark.parametrize(
    ("kind", "document", "why"),
    [
        ("detection", "threshold = {rage = 120}", "threshold.rage: expected 0 to 100, was 120"),
        ("detection", "of = ['rage']", "the keys are threshold, off and ignore"),
        ("detection", "threshold =", "not TOML"),
        ("sdk", "[]", "expected a JSON object"),
    ],
)
def test_a_bad_document_is_refused_before_it_is_sent(kind: str, document: str, why: str) -> None:
    result = CliRunner().invoke(command, ["put", "acme", kind, "-"], input=document)
    assert result.exit_code == 1
    assert why in result.stderr
