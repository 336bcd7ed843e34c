"""CostService: protobuf in, protobuf out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from sentientiq.accountability.v1 import cost_service_pb2 as pb
from sentientiq.accountability.v1 import cost_service_pb2_grpc as rpc
from sentientiq.detection.v1.emotion_pb2 import EmotionKind

from services.accountability.costing.facts import Question
from services.accountability.costing.sources import Sources
from services.common.auth import principal
from services.common.errors import InvalidArgument

if TYPE_CHECKING:
    from types import ModuleType

    from services.accountability.costing.answer import Answer

_DEFAULT_OUTCOME: Final = "purchase"
_ROWS_AT_ONCE: Final = 500
_MOST_MS: Final = 4_102_444_800_000  # the year 2100


class CostServicer(rpc.CostServiceServicer):
    """Asks, judges and tells."""

    def __init__(self, sources: Sources, clock_ms: Callable[[], int]) -> None:
        self._sources = sources
        self._clock_ms = clock_ms
        # To judge takes a processor for seconds, and the ledger must go on. And it takes up to a
        # million records: there is room for those of one question at a time.
        self._judging = asyncio.Semaphore(1)

    async def GetIgnoredCost(
        self, request: pb.GetIgnoredCostRequest, context: Any
    ) -> pb.GetIgnoredCostResponse:
        found = await self._answer(request.question)
        return pb.GetIgnoredCostResponse(cost=_judging().cost_of(found))

    async def ListIgnoredCostRows(
        self, request: pb.ListIgnoredCostRowsRequest, context: Any
    ) -> AsyncIterator[pb.ListIgnoredCostRowsResponse]:
        # They name users and what they paid, which identity tells no team either.
        principal().require_role("mesh", "operator")
        rows = _judging().rows_of(await self._answer(request.question))
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            yield pb.ListIgnoredCostRowsResponse(rows=rows[start : start + _ROWS_AT_ONCE])

    async def _answer(self, asked: pb.CostQuestion) -> Answer:
        now_ms = self._clock_ms()
        question = _read(asked, now_ms)
        async with self._judging:
            facts = await self._sources.facts(question, now_ms)
            return await asyncio.to_thread(lambda: _judging().answer(facts))


def _judging() -> ModuleType:
    """Loaded with the first question: NumPy, SciPy and the rest are twice what the ledger takes."""
    return import_module("services.accountability.costing.answer")


def _read(asked: pb.CostQuestion, now_ms: int) -> Question:
    if not asked.tenant_id:
        raise InvalidArgument("question.tenant_id is empty: name the tenant")
    if asked.emotion not in EmotionKind.values():
        raise InvalidArgument(f"question.emotion: {asked.emotion} is no emotion")
    since_ms, until_ms = asked.since_ms, asked.until_ms or now_ms
    if not 0 <= since_ms < until_ms <= _MOST_MS:
        raise InvalidArgument(
            f"question: since_ms={since_ms}, until_ms={until_ms}: expected Unix epoch milliseconds"
            " with until_ms after since_ms, or 0 for no bound"
        )
    word = str(EmotionKind.Name(asked.emotion)).removeprefix("EMOTION_KIND_").lower()
    return Question(
        asked.tenant_id, "" if word == "unspecified" else word,
        asked.outcome or _DEFAULT_OUTCOME, since_ms, until_ms, asked.holdout,
    )  # fmt: skip
