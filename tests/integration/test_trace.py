"""One visitor's rage as one trace, from the press to the provider's acknowledgement."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.common import tracing
from services.common.log import DECISION, EMOTION, OUTCOME, open_log
from services.common.partition import PARTITIONS
from tests.integration.mesh_up import Up, sentientiq, temporary_folder, until


@dataclass(frozen=True, slots=True)
class Span:
    """One line of the file."""

    process: str
    name: str
    trace: str
    id: str
    parent: str
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]


def _plain(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    return {item["key"]: next(iter(item["value"].values())) for item in attributes}


def read_spans(path: Path) -> list[Span]:
    """Read whole lines as an OTLP JSON reader does."""
    found: list[Span] = []
    for line in path.read_text().splitlines():
        (resource,) = json.loads(line)["resourceSpans"]
        (scope,) = resource["scopeSpans"]
        (raw,) = scope["spans"]
        found.append(
            Span(
                _plain(resource["resource"]["attributes"])["service.name"],
                raw["name"],
                raw["traceId"],
                raw["spanId"],
                raw["parentSpanId"],
                int(raw["startTimeUnixNano"]),
                int(raw["endTimeUnixNano"]),
                _plain(raw["attributes"]),
            )
        )
    return found


async def _traces_in_log(url: str) -> dict[str, set[str]]:
    """Trace ids in the headers of each topic's records; "" for a record without."""
    log = open_log(url)
    try:
        return {
            topic: {
                context.trace if (context := tracing.parse(record.headers["traceparent"])) else ""
                for entry in await log.read(topic, dict.fromkeys(range(PARTITIONS), 0))
                for record in entry.records
            }
            for topic in (EMOTION, DECISION, OUTCOME)
        }
    finally:
        await log.close()


@pytest.fixture(scope="module")
def file() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder / "trace.jsonl"


@pytest.fixture(scope="module")
def logged(file: Path) -> dict[str, set[str]]:
    """Let one visitor rage and one owner act under `up --trace`; what the log's headers say."""
    up = Up(file.parent, "--no-demo", "--trace", str(file))
    try:
        up.start()
        done = sentientiq("smoke", "--data", str(up.data), "--visitors", "1", "--json")
        assert json.loads(done.stdout.splitlines()[-1])["acted"] == 1, done.stderr

        def told_of() -> set[tuple[str, str]]:
            return {(span.name, span.attributes.get("siq.status", "")) for span in read_spans(file)}

        until(lambda: {("provider.callback", "delivered"), ("page.clicked", "")} <= told_of(), 20)
        # The pipeline takes what it reads by the block.
        until(lambda: any(span.process == "pipeline" for span in read_spans(file)), 20)
        return asyncio.run(_traces_in_log(up.mesh.env["SIQ_LOG_URL"]))
    finally:
        up.end()


@pytest.fixture(scope="module")
def spans(logged: dict[str, set[str]], file: Path) -> list[Span]:
    """Everything that was written, once every process has stopped."""
    return read_spans(file)


def the(spans: list[Span], name: str, **attributes: Any) -> list[Span]:
    wanted = {f"siq.{key}": value for key, value in attributes.items()}
    return [one for one in spans if one.name == name and one.attributes.items() >= wanted.items()]


def test_one_trace_holds_every_step(spans: list[Span], logged: dict[str, set[str]]) -> None:
    (trace,) = {span.trace for span in spans}
    assert logged == {EMOTION: {trace}, DECISION: {trace}, OUTCOME: {trace}}
    steps = {(span.process, span.name) for span in spans}
    assert steps >= {
        ("edge", "presses"),
        ("edge", "press"),
        ("edge", "edge.frame"),
        ("edge", "log.append"),
        ("edge", "detection.send"),
        ("detection", "detection.apply"),
        ("detection", "emotion.emit"),
        ("detection", "log.append"),
        ("edge", "edge.react"),
        ("edge", "identity.resolve"),
        ("edge", "edge.decide"),
        ("intervention", "sentientiq.intervention.v1.InterventionService/Decide"),
        ("intervention", "intervention.decide"),
        ("intervention", "decision.commit"),
        ("edge", "page.push"),
        ("edge", "page.shown"),
        ("intervention", "outbox.relay"),
        ("intervention", "message.dispatch"),
        ("intervention", "provider.send"),
        ("intervention", "provider.callback"),
        ("intervention", "person.seen"),
        ("intervention", "person.acted"),
        ("intervention", "log.consume"),
        ("accountability", "log.consume"),
        ("pipeline", "log.consume"),
    }


def test_every_span_has_its_parent_and_none_comes_before_it(spans: list[Span]) -> None:
    known = {span.id: span for span in spans}
    assert len(known) == len(spans)
    roots = [span for span in spans if not span.parent]
    assert [root.name for root in roots] == ["presses"]
    for span in spans:
        assert span.start_ns <= span.end_ns, span
        if span.parent:
            assert span.parent in known, span
            assert known[span.parent].start_ns <= span.start_ns, (span, known[span.parent])


def test_it_leads_from_the_press_to_the_acknowledgement(spans: list[Span]) -> None:
    known = {span.id: span for span in spans}
    (step,) = the(spans, "provider.callback", status="delivered")
    names = [step.name]
    while step.parent:
        step = known[step.parent]
        names.append(step.name)
    assert names[::-1] == [
        "presses",
        "detection.apply",
        "emotion.emit",
        "edge.react",
        "edge.decide",
        "sentientiq.intervention.v1.InterventionService/Decide",
        "intervention.decide",
        "decision.commit",
        "message.dispatch",
        "provider.callback",
    ]


def test_no_span_says_who_it_is_about(spans: list[Span]) -> None:
    words = " ".join(str(value) for span in spans for value in span.attributes.values())
    for secret in ("user-0", "company-0", "+1555", "Visitor", "/i/"):
        assert secret not in words
