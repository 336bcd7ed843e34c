"""Analytics: one port and one schema, on the ClickHouse engine in this process or on a server."""

from services.pipeline.analytics.address import open_analytics
from services.pipeline.analytics.daily import Daily
from services.pipeline.analytics.embedded import EmbeddedAnalytics
from services.pipeline.analytics.errors import AnalyticsError, AnalyticsUnfit
from services.pipeline.analytics.port import Analytics
from services.pipeline.analytics.server import ServerAnalytics
from services.pipeline.analytics.statements import statements

__all__ = [
    "Analytics",
    "AnalyticsError",
    "AnalyticsUnfit",
    "Daily",
    "EmbeddedAnalytics",
    "ServerAnalytics",
    "open_analytics",
    "statements",
]
