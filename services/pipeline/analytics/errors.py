"""How analytics fails.

AnalyticsError
    AnalyticsUnfit: somebody has to mend something before it can be used
"""

from __future__ import annotations

# A connection that is gone has no code; a network that is slow or fails has the driver's own.
_AWAY = (0, 209, 210)


class AnalyticsError(Exception):
    """The engine did not take a block or answer a query; `code` is ClickHouse's, 0 if unknown."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code

    @property
    def away(self) -> bool:
        """Whether it did not answer at all: another error comes again if the same is asked."""
        return self.code in _AWAY


class AnalyticsUnfit(AnalyticsError):
    """A server or schema that this version cannot use; to try again does not help."""
