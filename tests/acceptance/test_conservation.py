"""AT-05: whatever is sent is accepted, refused with its code, or a dead letter, and is counted."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch
from sentientiq.identity.v1.identity_service_pb2 import SealedIdentify
from sentientiq.intervention.v1.intervention_pb2 import Outcome
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from cli.log.replaying import replay
from services.common.log import BEHAVIOR, IDENTITY, OUTCOME, Append, Record
from services.common.partition import partition_of, record_key
from tests.acceptance.mix import ACCEPTED, CLOSED, IGNORED, Message, Mix, Script, tally
from tests.engines.logs import empty_log, make_topics
from tests.engines.raw_log import append_garbage
from tests.engines.scrape import Scrape, scrape
from tests.integration.bad_input.world import World, running_world
from tests.integration.pipeline_line import ROWS_A_BATCH, query_stub, report, until_stored
from tests.unit.services.pipeline.messages import batch

pytestmark = pytest.mark.asyncio(loop_scope="module")

_AT_ONCE = 20
TORN = 10
# Codes of errors that edge/PROTOCOL.md names.
_DOCUMENTED = {
    *("bad_message", "bad_kind", "bad_dt", "bad_arity", "bad_number", "bad_target", "bad_string"),
    *("bad_props", "bad_time", "seq_gap"),
}
# Closings that are the only count of the message that caused them.
_BY_CLOSING = ("1002", "1007", "1009", "4413", "4429")


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["valkey", "kafka"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    settings = {"SIQ_ROLL_INTERVAL_S": "0.5", "SIQ_TRIM_INTERVAL_S": "3600"}
    with empty_log(request, request.param) as url:
        if request.param == "kafka":  # else the mesh brings its own
            await make_topics(url)
            settings["SIQ_LOG_URL"] = url
        async with running_world(settings) as made:
            yield made


class Heard:
    """What the clients were told."""

    def __init__(self) -> None:
        self.errors: Counter[str] = Counter()
        self.of_mutated: Counter[str] = Counter()
        self.closes: Counter[int] = Counter()
        self.mutated = 0


async def listen(socket: ClientConnection, errors: Counter[str]) -> None:
    """Count errors until the connection ends."""
    try:
        while True:
            frame = json.loads(await socket.recv())
            # `slow` asks for a pause and refuses nothing.
            if frame["type"] == "error" and frame["code"] != "slow":
                errors[frame["code"]] += 1
    except ConnectionClosed:
        return


async def say(socket: ClientConnection, message: Message) -> None:
    text = isinstance(message.data, str) or message.reason == "1007"
    await socket.send(message.data, text=text)


async def answered(socket: ClientConnection) -> None:
    """Wait until the edge has taken everything said so far, or has closed."""
    try:
        await (await socket.ping())
    except ConnectionClosed:
        return


async def perform(world: World, script: Script, heard: Heard) -> None:
    """Say one script on a connection of its own, to its end."""
    socket, _ = await world.opened()
    errors: Counter[str] = Counter()
    listening = asyncio.create_task(listen(socket, errors))
    for message in (*script.messages, *script.last):
        await say(socket, message)
    if script.closes:
        async with asyncio.timeout(20):
            await socket.wait_closed()
        heard.closes[socket.close_code or 0] += 1
        assert socket.close_code == script.closes, script.last
    await answered(socket)
    if script.mutated is not None:
        heard.errors.update(errors)
        errors.clear()
        heard.mutated += 1
        await socket.send(script.mutated)
        await answered(socket)
    await socket.close()
    await listening
    (heard.errors if script.mutated is None else heard.of_mutated).update(errors)


def gained(before: Scrape, after: Scrape, name: str, label: str) -> Counter[str]:
    """What a counter has gained, by one of its labels."""
    found = Counter(after.by(name, label))
    found.subtract(before.by(name, label))
    return +found


OF_PAGES: dict[str, Callable[[bytes], bool]] = {
    BEHAVIOR: lambda value: BehaviorBatch.FromString(value).seq > 0,  # 0: a tick of the edge's own
    IDENTITY: lambda value: SealedIdentify.FromString(value).seq > 0,
    OUTCOME: lambda value: Outcome.FromString(value).channel == "page",
}


LETTERS = tuple(f"{topic}.dead" for topic in OF_PAGES)


async def from_pages(world: World) -> Counter[str]:
    """Records of the log that pages sent, by topic."""
    found: Counter[str] = Counter()
    for topic, of_page in OF_PAGES.items():
        found[topic] = sum(of_page(record.value) for record in await world.records(topic))
    return +found


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param(10_000, id="short"),
        pytest.param(100_000, id="long", marks=[pytest.mark.long, pytest.mark.timeout(600)]),
    ],
)
async def test_at_05_what_is_sent_is_what_is_counted(world: World, messages: int) -> None:
    mix = Mix(seed=messages)
    scripts: list[Script] = []
    sent = 0
    while sent < messages:
        scripts.append(mix.script())
        sent += scripts[-1].size
    address = world.mesh.processes["edge"].metrics
    before, logged_before = await scrape(address), await from_pages(world)
    letters_before = len(await world.records(*LETTERS))
    heard = Heard()
    slots = asyncio.Semaphore(_AT_ONCE)

    async def perform_one(script: Script) -> None:
        async with slots:
            await perform(world, script, heard)

    async with asyncio.TaskGroup() as group:
        for script in scripts:
            group.create_task(perform_one(script))
    after = await scrape(address)

    accepted = gained(before, after, "siq_edge_accepted_total", "topic")
    ignored = gained(before, after, "siq_edge_ignored_total", "reason")
    closed = gained(before, after, "siq_edge_connections_closed_total", "code")
    skipped = ignored.pop("unknown_event", 0)  # an event of a frame that was accepted
    by_closing = {code: closed[code] for code in _BY_CLOSING}
    print(
        f"{sent} messages, {heard.mutated} mutated: accepted {dict(accepted)}, "
        f"ignored {dict(ignored)}, closed {by_closing}"
    )
    assert sent == accepted.total() + ignored.total() + sum(by_closing.values())

    # What was accepted is in the log, all of it and nothing else.
    async with asyncio.timeout(20):
        while (await from_pages(world)) - logged_before != accepted:
            await asyncio.sleep(0.1)
    # And readers can use all of it.
    for topic in OF_PAGES:
        await until_stored(world.log, topic, within_s=60)
    assert len(await world.records(*LETTERS)) == letters_before

    # What is no mutation met the very fate that the contract gives it.
    counted, errors = tally(scripts)
    assert heard.errors == errors
    assert heard.closes == Counter(script.closes for script in scripts if script.closes)
    there = {ACCEPTED: accepted, IGNORED: ignored, CLOSED: closed}
    more = Counter({place: there[place[0]][place[1]] - count for place, count in counted.items()})
    assert min(more.values()) >= 0, f"missing: {-more}"
    assert more.total() <= heard.mutated
    assert skipped >= sum(message.odd for script in scripts for message in script.messages)
    # And a mutation, a documented one.
    assert set(heard.of_mutated) <= _DOCUMENTED
    refused = ignored["bad_message"] + ignored["seq_gap"]
    assert heard.errors.total() + heard.of_mutated.total() == refused


def spoiled(chance: random.Random, seq: int) -> bytes:
    """A record that no reader can use."""
    good = batch(seq, tenant="mine", session="spoiled")
    match chance.randrange(5):
        case 0:
            return chance.randbytes(chance.randint(1, 200))
        case 1:
            return good.SerializeToString()[: chance.randint(1, 20)]
        case 2:
            good.session_id = ""
        case 3:
            good.columns = good.columns[:-1]
        case _:
            good.t0_ms = 1 << 50
    return good.SerializeToString()


@pytest.mark.parametrize(
    "records",
    [
        pytest.param(1_000, id="short"),
        pytest.param(20_000, id="long", marks=[pytest.mark.long, pytest.mark.timeout(600)]),
    ],
)
async def test_at_05_what_no_reader_can_use_is_a_dead_letter(world: World, records: int) -> None:
    chance = random.Random(records)
    address = world.mesh.processes["pipeline"].metrics
    await until_stored(world.log, within_s=120)
    before, rows_before = await scrape(address), await stored(world)

    key, torn = f"k{records}".encode(), b"\xff" * 9 + str(records).encode()
    good, bad = 0, [spoiled(chance, seq) for seq in range(1, records // 5 + 1)]
    waiting = list(bad)
    while good + len(bad) < records or waiting:
        entry: list[Record] = []
        for _ in range(20):
            if waiting and chance.random() < 0.25:
                entry.append(Record(key, waiting.pop(), {"schema": "behavior.v1/1"}))
            else:
                good += 1
                value = batch(good, tenant="mine", session=f"g{records}").SerializeToString()
                entry.append(Record(record_key("mine", f"g{records}"), value))
        await world.log.append([Append(BEHAVIOR, partition_of("mine", f"g{records}"), entry)])
    for _ in range(TORN):  # and entries that are none
        await append_garbage(world.mesh.env["SIQ_LOG_URL"], BEHAVIOR, 5, torn)
    received = good + len(bad) + TORN
    await until_stored(world.log, within_s=120)

    after = await scrape(address)
    for reader in ("analytics", "archive"):
        labels = {"topic": BEHAVIOR, "group": reader}
        applied, dead = (
            after.value(name, **labels) - before.value(name, **labels)
            for name in ("siq_consumer_applied_total", "siq_consumer_dead_total")
        )
        assert (applied, dead) == (good, len(bad) + TORN), reader
        assert applied + dead == received
    assert await stored(world) - rows_before == good * ROWS_A_BATCH

    # Unchanged, so that it can be played again: one of each reader.
    letters = await world.records(f"{BEHAVIOR}.dead")
    kept = [letter for letter in letters if letter.key == key]
    assert Counter(letter.value for letter in kept) == Counter(bad * 2)
    assert {letter.headers["schema"] for letter in kept} == {"behavior.v1/1"}
    whole = [letter for letter in letters if letter.value == torn]
    assert len(whole) == 2 * TORN
    assert all(letter.headers["reason"] for letter in kept + whole)

    # Played again, each goes back once. Nothing was mended: it dies again, and nothing else does.
    again = await replay(world.log, BEHAVIOR)
    assert (again.replayed, again.unreadable) == (len(set(bad)), 2 * TORN)
    assert again.repeated == 2 * len(bad) - len(set(bad))
    await until_stored(world.log, within_s=120)
    last = await scrape(address)
    for reader in ("analytics", "archive"):
        labels = {"topic": BEHAVIOR, "group": reader}
        name = "siq_consumer_dead_total"
        assert last.value(name, **labels) - after.value(name, **labels) == len(set(bad)), reader
    assert await stored(world) - rows_before == good * ROWS_A_BATCH


async def stored(world: World) -> int:
    """Events of the tenant in analytics."""
    async with query_stub(world.mesh.env["SIQ_PIPELINE_ADDR"], world.secret) as stub:
        return sum(row["events"] for row in await report(stub, "mine", "events_by_type"))
