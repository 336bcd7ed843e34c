"""What is remembered of requests: receipts, messages, and how fast a key sends."""

from __future__ import annotations

import asyncio

import pytest

from edge.segment.memory import Memory, Receipt
from edge.segment.pace import BURST, PER_S, Pace


async def test_a_receipt_waits_for_all_that_the_request_brought():
    receipt = Receipt()
    await receipt.wait()  # nothing was brought
    receipt.record.accepted = 2
    waiting = asyncio.create_task(receipt.wait())
    receipt.record.appended(1)
    await asyncio.sleep(0)
    assert not waiting.done()
    receipt.record.appended(2)
    await asyncio.wait_for(waiting, 1)
    await receipt.wait()


def test_the_last_messages_are_remembered_by_tenant():
    memory, receipt = Memory(capacity=2), Receipt()
    for stream in ("a", "b", "c"):
        memory.keep("acme", stream, receipt)
    assert memory.find("acme", "a") is None
    assert memory.find("acme", "b") is receipt
    assert memory.find("other", "b") is None


def test_a_key_may_burst_and_then_sends_at_its_pace():
    pace = Pace()
    assert pace.take("k", int(BURST), 0.0) == 0.0
    assert pace.take("k", 500, 0.0) == pytest.approx(500 / PER_S)
    assert pace.take("other", 500, 0.0) == 0.0
    assert pace.take("k", 500, 0.4) == pytest.approx(0.1)  # what is refused costs nothing
    assert pace.take("k", 500, 0.5) == 0.0
    assert pace.take("k", int(BURST), 1_000.0) == 0.0
    assert pace.take("k", 1, 1_000.0) > 0
