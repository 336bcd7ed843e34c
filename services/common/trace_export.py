"""Spans out of the process: to a file, to an OTLP endpoint, or both.

`SIQ_TRACE_FILE` names a file that every process of a mesh appends whole lines to, each one span in
OTLP's JSON file format, which the OpenTelemetry Collector reads as it is. The standard
`OTEL_EXPORTER_OTLP_ENDPOINT` sends the same to a collector.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from opentelemetry import trace as api
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from services.common.settings import SettingsError
from services.common.tracing import OTLP_ENDPOINTS, TRACE_FILE, Context, Kind, Value

_FILE_DELAY_MS = 200.0
# A collector that is away must not hold up a process that was told to stop.
_CLOSE_S = 3.0
_KINDS = {
    "internal": api.SpanKind.INTERNAL,
    "server": api.SpanKind.SERVER,
    "client": api.SpanKind.CLIENT,
    "producer": api.SpanKind.PRODUCER,
    "consumer": api.SpanKind.CONSUMER,
}


class _Ids(IdGenerator):
    """Hands the SDK the ids that were chosen for the span about to start."""

    def __init__(self) -> None:
        self.next = Context("", "")

    def generate_trace_id(self) -> int:
        return int(self.next.trace, 16)

    def generate_span_id(self) -> int:
        return int(self.next.span, 16)


class SdkRecorder:
    """The recorder on OpenTelemetry's SDK. One thread records; another exports in batches."""

    def __init__(self, process: str, environ: Mapping[str, str]) -> None:
        """Open the exporters that the environment asks for.

        Raises:
            SettingsError: the file cannot be written, or the OTLP exporter is not installed.
        """
        self._ids = _Ids()
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,
            id_generator=self._ids,
            resource=Resource.create(
                {
                    "service.namespace": "sentientiq",
                    "service.name": process,
                    "service.instance.id": environ.get("SIQ_WORKER") or str(os.getpid()),
                }
            ),
            shutdown_on_exit=False,
        )
        if environ.get(TRACE_FILE):
            self._provider.add_span_processor(
                BatchSpanProcessor(
                    FileExporter(environ[TRACE_FILE]), schedule_delay_millis=_FILE_DELAY_MS
                )
            )
        if any(environ.get(name) for name in OTLP_ENDPOINTS):
            self._provider.add_span_processor(BatchSpanProcessor(_otlp_exporter()))
        self._tracer = self._provider.get_tracer("sentientiq")

    def record(
        self,
        name: str,
        at: Context,
        parent: Context | None,
        start_ns: int,
        end_ns: int,
        kind: Kind,
        attributes: Mapping[str, Value],
        error: str,
    ) -> None:
        """Take a finished span."""
        self._ids.next = at
        span = self._tracer.start_span(
            name,
            context=_under(parent),
            kind=_KINDS[kind],
            attributes={f"siq.{key}": value for key, value in attributes.items()},
            start_time=start_ns,
        )
        if error:
            span.set_status(api.StatusCode.ERROR, error)
        span.end(end_ns)

    def close(self) -> None:
        """Write out what is waiting."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(_CLOSE_S)


def _under(parent: Context | None) -> Any:
    if parent is None:
        return api.set_span_in_context(api.INVALID_SPAN)
    return api.set_span_in_context(
        api.NonRecordingSpan(
            api.SpanContext(
                int(parent.trace, 16),
                int(parent.span, 16),
                is_remote=True,
                trace_flags=api.TraceFlags(api.TraceFlags.SAMPLED),
            )
        )
    )


def _otlp_exporter() -> SpanExporter:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise SettingsError(
            f"{' or '.join(OTLP_ENDPOINTS)} is set, but the OTLP exporter is not installed: "
            "pip install 'sentientiq[otlp]', or unset it"
        ) from error
    return OTLPSpanExporter()


class FileExporter(SpanExporter):
    """Appends one line of OTLP JSON a span. Lines are written whole: processes share the file."""

    def __init__(self, path: str) -> None:
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise SettingsError(
                f"{TRACE_FILE}={path!r} cannot be written ({error.strerror}): name another file"
            ) from error

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write a batch."""
        for span in spans:
            line = msgspec.json.encode(to_otlp(span)) + b"\n"
            if os.write(self._file, line) != len(line):
                return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close the file."""
        os.close(self._file)


def to_otlp(span: ReadableSpan) -> dict[str, Any]:
    """A span as OTLP's JSON mapping has it: ids in hex, 64-bit numbers as strings."""
    context = span.get_span_context()
    assert context is not None
    body: dict[str, Any] = {
        "traceId": f"{context.trace_id:032x}",
        "spanId": f"{context.span_id:016x}",
        "parentSpanId": f"{span.parent.span_id:016x}" if span.parent else "",
        "name": span.name,
        # OTLP counts kinds from 1; 0 is "unspecified".
        "kind": span.kind.value + 1,
        "startTimeUnixNano": str(span.start_time),
        "endTimeUnixNano": str(span.end_time),
        "attributes": _attributes(span.attributes or {}),
        "status": (
            {"code": 2, "message": span.status.description or ""}
            if span.status.status_code is api.StatusCode.ERROR
            else {}
        ),
    }
    scope = {"scope": {"name": "sentientiq"}, "spans": [body]}
    resource = {"attributes": _attributes(span.resource.attributes)}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}


def _attributes(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case _:
            return {"stringValue": str(value)}
