"""The dispatcher over PostgreSQL: lanes, breaker, budgets, giving up, dead letters."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from sentientiq.intervention.v1 import intervention_pb2 as pb
from sentientiq.intervention.v1 import intervention_service_pb2 as service_pb2

from services.intervention.channels.verdict import Ending, Verdict
from services.intervention.clock import wall_ms
from services.intervention.sending.breaker import THRESHOLD, circuit
from services.intervention.sending.dispatcher import MAX_ATTEMPTS
from services.intervention.sending.lanes import ROOM
from services.intervention.store import acts, dead_letters
from services.intervention.store import messages as store
from tests.integration.dispatching import Bench, fresh_pool
from tests.integration.intervention_line import until

DOWN = Verdict(Ending.RETRY, "http_503", down=True)


@pytest.fixture
async def pool(postgres_url: str) -> AsyncGenerator[Any, None]:
    made, schema = await fresh_pool(postgres_url)
    yield made
    await made.execute(f"DROP SCHEMA {schema} CASCADE")
    await made.close()


@pytest.fixture
async def bench(pool: Any) -> AsyncGenerator[Bench, None]:
    made = Bench(pool, ())
    yield made
    await made.close()


async def test_a_text_does_not_wait_behind_a_flood_of_mails(bench: Bench) -> None:
    mail, text = bench.posts["email"], bench.posts["sms"]
    mail.gate.clear()
    for host in range(20):
        await bench.put("email", 20, destination=f"mx{host}:25")
    bench.start()
    await until(lambda: _true(len(mail.given) >= ROOM[3] - 8))
    (id_,) = await bench.put("sms")
    await until(lambda: _true(len(text.given) == 1))
    assert text.given[0].id == id_
    assert len(mail.given) < ROOM[3] + 8, "mails take no more than their lane's room"
    mail.gate.set()
    await until(lambda: _all(bench, delivered=401))


async def test_the_most_urgent_of_what_waits_is_claimed_first(bench: Bench) -> None:
    for channel in ("email", "webhook", "slack", "sms"):
        await bench.put(channel, 3)
    claimed = [
        row.channel
        for _ in range(3)
        for row in await store.claim(
            bench.pool,
            wall_ms(),
            busy=(),
            shut=(),
            held=(),
            full_lanes=(),
            channels=("email", "webhook", "slack", "sms"),
            limit=4,
        )
    ]
    assert claimed == [*["sms"] * 3, *["slack"] * 3, *["webhook"] * 3, *["email"] * 3]


async def test_a_broken_destination_is_left_alone_and_probed(bench: Bench) -> None:
    broken = bench.posts["webhook"]
    broken.answer = lambda message: DOWN
    await bench.put("webhook", 60, destination="down.example:443")
    await bench.put("slack", 5, destination="up.example:443")
    bench.start()
    await until(lambda: _true(bench.dispatcher.breaker.opened >= 1))
    assert bench.dispatcher.breaker.shut() == [circuit(bench.tenant, "down.example:443")]
    # What was under way when it opened, and a claim's worth: not all sixty.
    assert THRESHOLD <= len(broken.given) <= 24
    assert (await bench.states())["pending"] >= 36
    await until(lambda: _true(len(bench.posts["slack"].given) == 5))
    broken.answer = lambda message: Verdict(Ending.DELIVERED)
    await until(lambda: _all(bench, delivered=65), 20)
    assert bench.dispatcher.breaker.open == 0


async def test_what_expires_while_its_destination_is_left_alone_ends_all_the_same(
    bench: Bench,
) -> None:
    bench.posts["webhook"].answer = lambda message: DOWN
    bench.start()
    await bench.put("webhook", 12, destination="down.example:443", lives_ms=900)
    await until(lambda: _all(bench, failed=12))


async def test_retry_after_is_honoured_for_the_whole_address(bench: Bench) -> None:
    post = bench.posts["slack"]
    post.answer = lambda message: Verdict(Ending.RETRY, "http_429", "", 1.0)
    await bench.put("slack", 1, destination="hooks:443")
    bench.start()
    await until(lambda: _true(len(post.given) == 1))
    held_from_ms = wall_ms()
    await bench.put("slack", 3, destination="hooks:443")
    post.answer = lambda message: Verdict(Ending.DELIVERED)
    await until(lambda: _all(bench, delivered=4))
    rows = await bench.pool.fetch("SELECT changed_at_ms FROM messages WHERE state = 'delivered'")
    assert min(row["changed_at_ms"] for row in rows) >= held_from_ms + 900


async def test_it_gives_up_before_the_message_is_of_no_use(bench: Bench) -> None:
    post = bench.posts["webhook"]
    post.answer = lambda message: Verdict(Ending.RETRY, "http_429", "", 30.0)
    (id_,) = await bench.put("webhook", lives_ms=20_000)
    bench.start()
    row = await until(lambda: _in_state(bench, id_, "failed"))
    assert row["detail"] == "http_429"
    assert row["changed_at_ms"] < row["expires_at_ms"] - 10_000
    assert len(post.given) == 1


async def test_what_may_be_out_is_never_more_than_unknown(bench: Bench) -> None:
    post = bench.posts["slack"]
    post.answer = lambda message: Verdict(Ending.UNKNOWN, "no_answer:ReadTimeout")
    (id_,) = await bench.put("slack", lives_ms=4_000)
    bench.start()
    row = await until(lambda: _in_state(bench, id_, "failed"))
    assert row["detail"] == "unknown"


async def test_attempts_end(bench: Bench) -> None:
    post = bench.posts["webhook"]
    post.answer = lambda message: Verdict(Ending.RETRY, "http_404", "", 0.0)
    (id_,) = await bench.put("webhook")
    bench.start()
    row = await until(lambda: _in_state(bench, id_, "failed"), 30)
    assert (row["attempts"], row["detail"]) == (MAX_ATTEMPTS, "http_404")
    assert len(post.given) == MAX_ATTEMPTS
    assert bench.dispatcher.dead == 1


async def test_a_budget_holds_over_replicas_and_costs_no_attempts(pool: Any) -> None:
    bench = Bench(pool, ("sms=60",))
    other = bench.make(("sms=60",))
    await bench.put("sms", 64)
    bench.start()
    bench.start(other)
    text = bench.posts["sms"]
    await until(lambda: _all(bench, delivered=64), 20)
    assert bench.dispatcher.budgets.postponed + other.budgets.postponed >= 3
    assert all(message.attempts == 1 for message in text.given)
    ends = [row["changed_at_ms"] for row in await pool.fetch("SELECT * FROM messages")]
    assert max(ends) - min(ends) >= 2_900, "four above the budget, one a second"
    await bench.close()


async def test_a_tenant_does_not_use_up_the_budget_of_another(pool: Any) -> None:
    loud, quiet = Bench(pool, ("sms=60",)), Bench(pool, ())
    await loud.put("sms", 100, lives_ms=50_000)
    await quiet.put("sms", 1)
    loud.start()
    await until(lambda: _all(quiet, delivered=1))
    # 60 at once and one a second while they are of use; the rest is given up at once.
    await until(lambda: _at_least(loud, "delivered", 60))
    await loud.close()


async def test_what_cannot_go_before_its_expiry_is_given_up_at_once(pool: Any) -> None:
    bench = Bench(pool, ("sms=60",))
    await bench.put("sms", 70, lives_ms=2_500)
    bench.start()
    await until(lambda: _at_least(bench, "failed", 5))
    rows = await pool.fetch("SELECT * FROM messages WHERE state = 'failed'")
    assert {row["detail"] for row in rows} == {"over_budget"}
    assert all(row["changed_at_ms"] < row["expires_at_ms"] for row in rows)
    await bench.close()


async def test_a_dead_letter_says_why_and_goes_out_once_more(bench: Bench) -> None:
    post = bench.posts["webhook"]
    post.answer = lambda message: Verdict(Ending.DROP, "http_400")
    (id_,) = await bench.put("webhook")
    bench.start()
    await until(lambda: _in_state(bench, id_, "failed"))
    (dead,) = await dead_letters.listed(bench.pool, bench.tenant, dead_letters.DEAD, 10)
    assert (dead.id, dead.detail, dead.kept, dead.replays) == (id_, "http_400", True, 0)
    post.answer = lambda message: Verdict(Ending.DELIVERED)
    assert await _replay(bench, id_)
    row = await until(lambda: _in_state(bench, id_, "delivered"))
    assert row["sealed"] is None
    assert [message.uncertain for message in post.given] == [False, False]
    assert not await _replay(bench, id_), "what was delivered is no dead letter"


async def test_what_may_be_out_is_replayed_as_such(bench: Bench) -> None:
    post = bench.posts["sms"]
    post.answer = lambda message: Verdict(Ending.UNKNOWN, "no_answer")
    (id_,) = await bench.put("sms", lives_ms=3_000)
    bench.start()
    await until(lambda: _in_state(bench, id_, "failed"))
    post.answer = lambda message: Verdict(Ending.DELIVERED)
    assert await _replay(bench, id_)
    await until(lambda: _in_state(bench, id_, "delivered"))
    assert [message.uncertain for message in post.given] == [False, True]


async def test_an_address_that_is_gone_is_no_dead_letter_to_replay(bench: Bench) -> None:
    bench.posts["slack"].answer = lambda message: Verdict(Ending.ENDPOINT_OFF, "no_service")
    (id_,) = await bench.put("slack")
    bench.start()
    await until(lambda: _in_state(bench, id_, "failed"))
    assert not await _replay(bench, id_)


async def test_texts_of_dead_letters_are_forgotten_after_a_week(bench: Bench) -> None:
    bench.posts["slack"].answer = lambda message: Verdict(Ending.DROP, "no_text")
    (id_,) = await bench.put("slack")
    bench.start()
    row = await until(lambda: _in_state(bench, id_, "failed"))
    await dead_letters.purge(bench.pool, row["changed_at_ms"] + dead_letters.KEPT_MS)
    assert (await bench.row(id_))["sealed"] is not None
    await dead_letters.purge(bench.pool, row["changed_at_ms"] + dead_letters.KEPT_MS + 1)
    assert (await bench.row(id_))["sealed"] is None
    assert not await _replay(bench, id_)


async def test_a_broken_destination_of_one_tenant_is_another_ones_own(bench: Bench) -> None:
    breaker, way = bench.dispatcher.breaker, circuit("another", "shared.example:443")
    for _ in range(THRESHOLD):
        breaker.ill(way)
    assert breaker.shut() == [way]
    await bench.put("webhook", destination="shared.example:443")
    bench.start()
    await until(lambda: _all(bench, delivered=1))


async def test_a_page_that_goes_out_after_the_work_was_done_is_settled(bench: Bench) -> None:
    post = bench.posts["pagerduty"]
    event = json.dumps({"event_action": "trigger", "dedup_key": "k"})
    sealed = bench.sealer.seal({"address": "a", "secret": "", "body": event})
    for done in (True, False):
        (id_,) = await bench.put("pagerduty")
        decision = (await bench.row(id_))["decision_id"]
        await bench.pool.execute("UPDATE messages SET sealed = $2 WHERE id = $1", id_, sealed)
        await acts.add_visit(bench.pool, decision, "p1", wall_ms())
        if done:
            act = acts.Act(decision[:9], decision, "done", 0, "p1", wall_ms())
            await acts.add_act(bench.pool, act)
    bench.start()
    await until(lambda: _all(bench, delivered=4))
    told = sorted(json.loads(one.body)["event_action"] for one in post.given)
    assert told == ["acknowledge", "resolve", "trigger", "trigger"]


async def test_a_switch_stops_what_was_promised_before_it(bench: Bench) -> None:
    (loud,) = await bench.put("sms", rules=("shop", "shop_rage"))
    (other,) = await bench.put("sms", rules=("calm",))
    (settling,) = await bench.put("pagerduty", rules=("shop", "shop_rage"))
    await bench.pool.execute("UPDATE messages SET stoppable = false WHERE id = $1", settling)
    shop = service_pb2.Switch(tenant_id=bench.tenant, rule="shop", reason="drill")
    await bench.switches.set(shop, off=True, now_ms=wall_ms())
    bench.start()
    await until(lambda: _all(bench, delivered=2, failed=1))
    assert [one.id for one in bench.posts["sms"].given] == [other]
    assert [one.id for one in bench.posts["pagerduty"].given] == [settling]
    row = await bench.row(loud)
    assert (row["state"], row["detail"]) == ("failed", "withdrawn:shop")
    values = await bench.pool.fetch(
        "SELECT value FROM outbox WHERE tenant_id = $1 ORDER BY seq", bench.tenant
    )
    told = {one.detail: one.kind for one in (pb.Outcome.FromString(row[0]) for row in values)}
    assert told["withdrawn:shop"] == pb.OUTCOME_KIND_WITHDRAWN
    # Once it may go on, an operator can have it sent after all.
    await bench.switches.set(shop, off=False, now_ms=wall_ms())
    assert await _replay(bench, loud)
    await until(lambda: _all(bench, delivered=3))


async def test_a_switch_thrown_while_a_message_waits_for_its_next_attempt(bench: Bench) -> None:
    refusing = bench.posts["sms"]
    refusing.answer = lambda message: Verdict(Ending.RETRY, "http_503")
    await bench.put("sms")
    bench.start()
    await until(lambda: _true(len(refusing.given) >= 1))
    everybody = service_pb2.Switch(reason="drill")
    await bench.switches.set(everybody, off=True, now_ms=wall_ms())
    refusing.answer = lambda message: Verdict(Ending.DELIVERED)
    await until(lambda: _all(bench, failed=1))
    assert bench.dispatcher.withdrawn == 1


async def test_of_two_dispatchers_each_message_is_one_ones(bench: Bench) -> None:
    await bench.put("slack", 200, destination="a:1")
    await bench.put("webhook", 200, destination="b:1")
    for dispatcher in (bench.dispatcher, bench.make(), bench.make()):
        bench.start(dispatcher)
    await until(lambda: _all(bench, delivered=400), 30)
    given = [one.id for post in bench.posts.values() for one in post.given]
    assert len(given) == len(set(given)) == 400


async def _replay(bench: Bench, id_: str) -> bool:
    done = await dead_letters.replay(
        bench.pool, bench.tenant, id_, now_ms=wall_ms(), for_ms=60_000, even_if_sent=False
    )
    bench.dispatcher.wake()
    return done


async def _true(value: bool) -> bool:
    await asyncio.sleep(0)
    return value


async def _at_least(bench: Bench, state: str, count: int) -> bool:
    return (await bench.states()).get(state, 0) >= count


async def _all(bench: Bench, **wanted: int) -> bool:
    return await bench.states() == wanted


async def _in_state(bench: Bench, id_: str, state: str) -> Any:
    row = await bench.row(id_)
    return row if row["state"] == state else None
