"""What the environment wants to know about a process: traces, metrics, or neither.

The SDKs are only imported when something was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

from services.common import tracing

TRACE_FILE = "SIQ_TRACE_FILE"
OTLP_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def start(process: str, environ: Mapping[str, str]) -> None:
    """Set up what is asked for. Call once, before the process is wired.

    Raises:
        SettingsError: it cannot be had; the message names the variable and the mend.
    """
    if any(environ.get(name) for name in (TRACE_FILE, *OTLP_ENDPOINTS)):
        from services.common.trace_export import SdkRecorder

        tracing.use(SdkRecorder(process, environ))


def stop() -> None:
    """Write out what is waiting."""
    tracing.close()
