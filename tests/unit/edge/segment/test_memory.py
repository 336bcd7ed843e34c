"""What is remembered of requests: receipts and messages."""

from __future__ import annotations

import asyncio

from edge.segment.memory import Memory, Receipt


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
