"""Our client of a real broker: signing in, TLS, other users of the cluster, a queue that fills."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from cli.up.ports import free_port
from services.common.log import OUTCOME, Append, LogUnavailable, Record, open_log
from services.common.log.kafka.address import parse
from tests.certificates import self_signed
from tests.engines.kafka.broker import Broker, Listener
from tests.engines.kafka.jars import NoBroker, jars
from tests.engines.logs import empty_log

ONE = Append(OUTCOME, 7, [Record(b"k", b"v", {})])
PASSWORD = "p@ss:word"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
_PLAIN = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required "
    f'username="mesh" password="{PASSWORD}" user_mesh="{PASSWORD}";'
)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A broker with three guarded ways in: their URLs, with what a client needs."""
    try:
        jars()
    except NoBroker as error:
        pytest.skip(str(error))
    folder: Path = tmp_path_factory.mktemp("guarded")
    cert, key = self_signed(folder)
    store = folder / "store.pem"
    store.write_text(key.read_text() + cert.read_text())
    tls = {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(store)}
    scram, encrypted, plain = free_port(), free_port(), free_port()
    listeners = {
        "SCRAM": Listener(
            scram,
            scram,
            "SASL_PLAINTEXT",
            {"sasl.enabled.mechanisms": "SCRAM-SHA-512", "scram-sha-512.sasl.jaas.config": _SCRAM},
        ),
        "TLS": Listener(encrypted, encrypted, "SSL", tls),
        "BOTH": Listener(
            plain,
            plain,
            "SASL_SSL",
            {**tls, "sasl.enabled.mechanisms": "PLAIN", "plain.sasl.jaas.config": _PLAIN},
        ),
    }
    broker = Broker(folder / "kafka", listeners, {"mesh": PASSWORD})
    broker.start()
    user = "mesh:p%40ss%3Aword"
    try:
        yield {
            "scram": f"kafka://{user}@127.0.0.1:{scram}/a",
            "tls": f"kafkas://127.0.0.1:{encrypted}/b?ca={cert}",
            "both": f"kafkas://{user}@127.0.0.1:{plain}/c?mechanism=PLAIN&ca={cert}",
            "stranger": f"kafka://mesh:wrong@127.0.0.1:{scram}/a",
            "untrusted": f"kafkas://127.0.0.1:{encrypted}/b",
        }
    finally:
        broker.stop()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("way", ["scram", "tls", "both"])
async def test_what_is_written_over_a_guarded_way_is_read_over_it(
    guarded: dict[str, str], way: str
) -> None:
    log = open_log(guarded[way])
    try:
        assert await log.append([ONE]) == [1]
        await log.commit("archive", OUTCOME, {7: 1})
        assert (await log.committed("archive", OUTCOME))[7] == 1
        assert [entry.offset for entry in await log.read(OUTCOME, {7: 0})] == [1]
        assert await log.groups(OUTCOME) == ["archive"]
    finally:
        await log.close()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("way", ["stranger", "untrusted"])
async def test_who_may_not_come_in_is_told_that_the_log_is_away(
    guarded: dict[str, str], way: str
) -> None:
    log = open_log(guarded[way])
    try:
        with pytest.raises(LogUnavailable):
            await log.append([ONE])
    finally:
        await log.close()


@pytest.fixture
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with empty_log(request, "kafka") as found:
        yield found


def commit_as(address: dict[str, Any], topic: str, group: str) -> None:
    """What some other user of the cluster does."""
    consumer = Consumer({**address, "group.id": group})
    consumer.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False)
    consumer.close()


async def test_other_groups_are_found_and_cost_no_client_each(url: str) -> None:
    log = open_log(url)
    try:
        assert await log.append([Append(OUTCOME, 0, ONE.records)]) == [1]
        address = parse(url)
        prefix = address.name("")
        for number in range(10):
            commit_as(address.config, address.name(OUTCOME), f"{prefix}looker{number}")
        before = threading.active_count()
        expected = sorted(f"looker{number}" for number in range(10))
        assert await log.groups(OUTCOME) == expected
        assert await log.groups("emotion.v1") == []
        assert threading.active_count() - before <= 2
    finally:
        await log.close()


async def test_what_waits_to_be_delivered_fills_the_log(url: str, kafka_broker: Broker) -> None:
    log = open_log(url)
    pid = kafka_broker.pid
    assert pid is not None
    try:
        await log.append([ONE])
        assert await log.fullness() == 0.0
        os.kill(pid, signal.SIGSTOP)
        try:
            large = [Append(OUTCOME, part, [Record(b"k", bytes(15 << 20))]) for part in range(4)]
            writing = [asyncio.create_task(log.append([one])) for one in large]
            async with asyncio.timeout(10):
                while await log.fullness() < 0.8:
                    await asyncio.sleep(0.01)
        finally:
            os.kill(pid, signal.SIGCONT)
        await asyncio.gather(*writing)
        assert await log.fullness() == 0.0
    finally:
        await log.close()
