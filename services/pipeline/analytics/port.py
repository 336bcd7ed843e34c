"""What an adapter of analytics does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final

from services.pipeline.analytics import migrating

# One block may hold many days (a replay of recordings): take it whole. Merges replace what is
# repeated and FINAL hides it till then: not worth half of an insert's cost.
INSERT_SETTINGS: Final[Mapping[str, int]] = {
    "max_partitions_per_insert_block": 0,
    "optimize_on_insert": 0,
}
NOTHING: Final[Mapping[str, Any]] = {}


class Analytics(ABC):
    """The port. Every method raises AnalyticsError when the engine is away or refuses."""

    async def migrate(self) -> list[str]:
        """Apply the migrations that are missing; returns their names.

        Raises:
            AnalyticsUnfit: an applied file has changed, or the engine is too old.
            AnalyticsError: the engine is away, or refuses.
        """
        return await migrating.apply(self)

    @abstractmethod
    async def insert(self, table: str, rows: Any) -> None:
        """Store an Arrow table durably, in one block. To repeat it changes nothing that is read
        with FINAL."""

    @abstractmethod
    async def execute(
        self,
        sql: str,
        parameters: Mapping[str, str] = NOTHING,
        settings: Mapping[str, int] = NOTHING,
    ) -> None:
        """Run a statement that changes something. A server that is too old to know a setting does
        without it."""

    @abstractmethod
    async def query(self, sql: str, parameters: Mapping[str, str]) -> bytes:
        """Answer with an Arrow IPC stream; parameters are bound, never formatted."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of the engine."""
