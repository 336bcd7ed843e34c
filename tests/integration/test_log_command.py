"""`sentientiq log`, on Valkey Streams and on Kafka."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from cli.log.command import command
from services.common.consumer import Consumer, Delivery
from services.common.log import BEHAVIOR, EMOTION, TOPICS, Append, EventLog, Record, open_log
from services.common.log.port import session_append
from services.common.partition import partition_of
from services.pipeline.decode import decode_emotion
from tests.engines.logs import empty_log
from tests.unit.services.pipeline.messages import emotion

Step = Callable[[EventLog], Awaitable[Any]]
PARTITION = partition_of("acme", "s1")


@pytest.fixture(params=["valkey", "kafka-mock"])
def url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with empty_log(request, request.param) as found:
        monkeypatch.setenv("SIQ_LOG_URL", found)
        yield found


def run(*words: str) -> list[Any]:
    done = CliRunner().invoke(command, [*words, "--json"])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.output.splitlines() if line.startswith("{")]


def emotions() -> list[Append]:
    good = emotion(tenant="acme").SerializeToString()
    return [session_append(EMOTION, "acme", "s1", value, {}) for value in (b"\xff\xff", good)]


async def consume(log: EventLog, group: str) -> list[str]:
    """Read the topic to its end as a service does; the ids that were applied."""
    applied: list[str] = []

    async def take(deliveries: list[Delivery[Any]]) -> None:
        applied.extend(delivery.message.id for delivery in deliveries)

    consumer = Consumer(log, group=group, topic=EMOTION, decode=decode_emotion, handle=take)
    running = asyncio.create_task(consumer.run())
    await asyncio.wait_for(consumer.caught_up.wait(), 30)
    running.cancel()
    return applied


def with_log(url: str, *steps: Step) -> list[Any]:
    async def work() -> list[Any]:
        log = open_log(url)
        try:
            return [await step(log) for step in steps]
        finally:
            await log.close()

    return asyncio.run(work())


def test_tail_shows_messages_of_a_tenant_and_ends_when_told(url: str) -> None:
    with_log(url, lambda log: log.append(emotions()))
    (shown,) = run("tail", "--topic", EMOTION, "--from-start", "--tenant", "acme", "--most", "1")
    assert (shown["session"], shown["message"]) == ("s1", None)
    shown = run("tail", "--topic", EMOTION, "--from-start", "--most", "2")[1]
    assert shown["message"]["tenant_id"] == "acme"
    assert (shown["partition"], shown["offset"]) == (PARTITION, 2)


def test_dead_letters_are_listed_with_their_reason(url: str) -> None:
    assert run("dead") == []
    with_log(url, lambda log: log.append(emotions()), lambda log: consume(log, "analytics"))
    (letter,) = run("dead", "--topic", EMOTION)
    assert letter["headers"]["reason"]
    assert (letter["topic"], letter["partition"]) == ("emotion.v1.dead", PARTITION)
    assert run("dead", "--tenant", "somebody else") == []


def test_replay_gives_a_letter_back_once_however_often_it_is_called(url: str) -> None:
    good = emotion(tenant="acme").SerializeToString()
    letter = Record(b"acme\x00s1", good, {"reason": "not known yet", "schema": "emotion.v1/1"})
    garbage = Record(b"", b"\xff", {"unreadable": "entry", "reason": "unreadable entry"})
    with_log(
        url,
        # Two readers could not take it.
        lambda log: log.append([Append("emotion.v1.dead", PARTITION, [letter, letter, garbage])]),
    )
    counts = {"topic": EMOTION, "replayed": 1, "repeated": 1, "tried_before": 0, "unreadable": 1}
    assert run("replay", "--topic", EMOTION) == [counts]
    assert run("replay", "--topic", EMOTION) == [{**dict.fromkeys(counts, 0), "topic": EMOTION}]
    (back,) = run("tail", "--topic", EMOTION, "--from-start", "--most", "1")
    assert back["headers"] == {"schema": "emotion.v1/1", "replayed": "1"}
    (applied,) = with_log(url, lambda log: consume(log, "analytics"))
    assert len(applied) == 1


def test_a_letter_that_dies_again_is_not_tried_a_third_time(url: str) -> None:
    with_log(url, lambda log: log.append(emotions()), lambda log: consume(log, "analytics"))
    assert run("replay", "--topic", EMOTION)[0]["replayed"] == 1
    with_log(url, lambda log: consume(log, "analytics"))
    assert len(run("dead", "--topic", EMOTION)) == 2
    (second,) = run("replay", "--topic", EMOTION)
    assert (second["replayed"], second["tried_before"]) == (0, 1)


@pytest.mark.parametrize("url", ["valkey"], indirect=True)
def test_lag_counts_what_each_reader_has_not_read(url: str) -> None:
    with_log(
        url,
        lambda log: log.append(emotions()),
        lambda log: log.commit("analytics", EMOTION, {PARTITION: 1}),
    )
    found = {(one["topic"], one["group"]): one for one in run("lag")}
    assert {topic for topic, _ in found} == set(TOPICS)
    behind = found[EMOTION, "analytics"]
    assert (behind["entries"], behind["worst"], behind["started"]) == (1, 1, True)
    assert (found[EMOTION, "archive"]["entries"], found[EMOTION, "archive"]["started"]) == (
        2,
        False,
    )
    assert found[BEHAVIOR, "detection"]["entries"] == 0


def test_a_log_that_is_away_is_told_in_a_line(
    unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIQ_LOG_URL", f"redis://127.0.0.1:{unused_tcp_port}")
    done = CliRunner().invoke(command, ["lag"])
    assert done.exit_code == 1
    assert "is SIQ_LOG_URL right" in done.output
