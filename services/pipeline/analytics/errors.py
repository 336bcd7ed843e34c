"""How analytics fails.

AnalyticsError
    AnalyticsUnfit: somebody has to mend something before it can be used
"""

from __future__ import annotations


class AnalyticsError(Exception):
    """The engine did not take a block or answer a query; `code` is ClickHouse's, 0 if unknown."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class AnalyticsUnfit(AnalyticsError):
    """A server or schema that this version cannot use; to try again does not help."""
