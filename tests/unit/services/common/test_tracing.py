"""Names of spans, and what recording does: nothing at all unless somebody asked."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from services.common import tracing
from services.common.errors import NotFound
from services.common.settings import SettingsError
from services.common.telemetry import observed
from services.common.tracing import Context, Kind, Value
from tests.integration.mesh_up import environment

EMOTION = "595bda4e010769e5cc31bdff3027eba1"


class Recorded:
    """A recorder that keeps what it gets."""

    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []

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
        self.spans.append(
            {
                "name": name,
                "at": at,
                "parent": parent,
                "start": start_ns,
                "end": end_ns,
                "attributes": dict(attributes),
                "error": error,
            }
        )

    def close(self) -> None:
        """Nothing waits."""


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    recorder = Recorded()
    tracing.use(recorder)
    yield recorder
    tracing.use(None)


def test_the_trace_is_the_emotion() -> None:
    root = tracing.of_presses(EMOTION)
    assert root.trace == EMOTION
    assert root == tracing.of_presses(EMOTION)
    spans = [
        root,
        tracing.of_emotion(EMOTION, 1),
        tracing.of_emotion(EMOTION, 2),
        tracing.of_decision(EMOTION, "d1"),
        tracing.of_message(root, "m1"),
        root.fresh(),
        root.fresh(),
    ]
    assert {span.trace for span in spans} == {EMOTION}
    assert len({span.span for span in spans}) == len(spans)


@given(st.text(max_size=128))
def test_any_emotion_id_makes_a_valid_header(emotion_id: str) -> None:
    context = tracing.of_emotion(emotion_id, 1)
    assert tracing.parse(context.traceparent) == context


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00-short",
        f"00-{'0' * 32}-{'1' * 16}-01",
        f"00-{'1' * 32}-{'0' * 16}-01",
        f"01-{'1' * 32}-{'1' * 16}-01",
        f"00-{'A' * 32}-{'1' * 16}-01",
        f"00-{'1' * 32}-{'1' * 16}-01\n",
    ],
)
def test_a_malformed_header_is_no_context(header: str) -> None:
    assert tracing.parse(header) is None


def test_calls_inside_a_span_carry_it(recorded: Recorded) -> None:
    root = tracing.of_presses(EMOTION)
    with tracing.span("outer", root) as outer, tracing.span("inner", tracing.current()) as inner:
        assert tracing.current() == inner.context
    assert tracing.current() is None
    assert [(one["name"], one["parent"]) for one in recorded.spans] == [
        ("inner", outer.context),
        ("outer", root),
    ]


def test_an_answer_is_no_fault_but_a_fault_is(recorded: Recorded) -> None:
    root = tracing.of_presses(EMOTION)
    with pytest.raises(NotFound), tracing.span("asked", root):
        raise NotFound("never set")
    with pytest.raises(ZeroDivisionError), tracing.span("broke", root):
        raise ZeroDivisionError
    asked, broke = recorded.spans
    assert (asked["error"], asked["attributes"]) == ("", {"code": "NOT_FOUND"})
    assert broke["error"] == "ZeroDivisionError"


def test_a_span_never_ends_before_it_starts(recorded: Recorded) -> None:
    tracing.record("press", parent=tracing.of_presses(EMOTION), start_ns=2_000, end_ns=1_000)
    assert (recorded.spans[0]["start"], recorded.spans[0]["end"]) == (1_000, 1_000)


def test_without_a_recorder_nothing_is_handed_on() -> None:
    root = tracing.of_presses(EMOTION)
    with tracing.span("quiet", root) as span:
        assert span.context is None
        assert tracing.current() is None
    assert tracing.header(root) == ""
    assert tracing.from_metadata({"traceparent": root.traceparent}) is None


def test_no_exporter_is_loaded_unless_asked_for() -> None:
    code = (
        "import sys, edge.worker, services.intervention.service, services.detection.servicer;"
        "exporters = {'services.common.trace_export', 'services.common.metrics_export'};"
        "sys.exit(bool({*exporters, 'prometheus_client'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), check=False)
    assert done.returncode == 0


async def test_spans_arrive_in_the_file_as_otlp(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    root = tracing.of_presses(EMOTION)
    async with observed("edge", {"SIQ_TRACE_FILE": str(path), "SIQ_WORKER": "edge-7"}):
        tracing.record(
            "page.push", parent=root, start_ns=1_000, end_ns=2_000, kind="server", seq=3, late=False
        )
    assert not tracing.enabled()
    (line,) = path.read_text().splitlines()
    (resource,) = json.loads(line)["resourceSpans"]
    assert {"key": "service.name", "value": {"stringValue": "edge"}} in resource["resource"][
        "attributes"
    ]
    (span,) = resource["scopeSpans"][0]["spans"]
    assert span.pop("spanId") != root.span
    assert span == {
        "traceId": EMOTION,
        "parentSpanId": root.span,
        "name": "page.push",
        "kind": 2,
        "startTimeUnixNano": "1000",
        "endTimeUnixNano": "2000",
        "attributes": [
            {"key": "siq.seq", "value": {"intValue": "3"}},
            {"key": "siq.late", "value": {"boolValue": False}},
        ],
        "status": {},
    }


async def test_a_file_that_cannot_be_written_is_named_with_the_mend(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"SIQ_TRACE_FILE=.*name another file"):
        async with observed("edge", {"SIQ_TRACE_FILE": str(tmp_path)}):
            pass
    assert not tracing.enabled()


async def test_a_collector_gets_the_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        # The exporter reads the environment itself, and so every other OTEL_* variable.
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        async with observed("edge", os.environ):
            tracing.record("page.push", parent=tracing.of_presses(EMOTION), start_ns=1, end_ns=2)
        server.shutdown()
        thread.join()
    (request,) = [ExportTraceServiceRequest.FromString(gunzip(body)) for body in bodies]
    (span,) = request.resource_spans[0].scope_spans[0].spans
    assert (span.name, span.trace_id.hex()) == ("page.push", EMOTION)


def gunzip(body: bytes) -> bytes:
    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
