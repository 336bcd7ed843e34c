"""Traces: one for each emotion, from the press to the provider's acknowledgement.

Every emotion is traced, nearly no frame is; so spans are recorded when it is known that they are
wanted, from timestamps that were kept. The trace's id is the emotion's id, and the spans that other
processes hang things on have ids made of what they stand for: whoever holds an emotion, a decision
or a message can name its span, and a replay joins the trace of the first run. All other span ids
are random. docs/decisions/0004 says why.

Off (the default) nothing here does more than look at one variable, and no exporter is loaded.
"""

from __future__ import annotations

import contextvars
import re
import secrets
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from services.common.errors import ServiceError
from services.common.ids import stable_id

TRACE_FILE = "SIQ_TRACE_FILE"
OTLP_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
HEADER = "traceparent"
Kind = Literal["internal", "server", "client", "producer", "consumer"]
Value = str | int | float | bool
_PATTERN = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Context:
    """One span of one trace, as W3C Trace Context names it."""

    trace: str
    """32 hex digits."""
    span: str
    """16 hex digits."""

    @property
    def traceparent(self) -> str:
        """The value of the header."""
        return f"00-{self.trace}-{self.span}-01"

    def fresh(self) -> Context:
        """Another span of the same trace, with a random id."""
        return Context(self.trace, secrets.token_hex(8))


def of_presses(emotion_id: str) -> Context:
    """The root of an emotion's trace: what the visitor did."""
    return _named(emotion_id, "presses")


def of_emotion(emotion_id: str, rev: int) -> Context:
    """The span of one revision being emitted."""
    return _named(emotion_id, "emotion", rev)


def of_decision(emotion_id: str, decision_id: str) -> Context:
    """The span of the decision becoming durable."""
    return _named(emotion_id, "decision", decision_id)


def of_message(parent: Context, message_id: str) -> Context:
    """The span of a message to a person, from the decision to its end."""
    return Context(parent.trace, stable_id("span", "message", message_id)[:16])


def _named(emotion_id: str, *parts: str | int) -> Context:
    plain = _TRACE_ID.fullmatch(emotion_id) is not None and int(emotion_id, 16) != 0
    trace = emotion_id if plain else stable_id("trace", emotion_id)
    return Context(trace, stable_id("span", emotion_id, *parts)[:16])


def alone() -> Context:
    """The root of a trace that belongs to no emotion."""
    return Context(secrets.token_hex(16), secrets.token_hex(8))


def parse(traceparent: str) -> Context | None:
    """Read a header; None for an empty or malformed one, which starts no trace."""
    found = _PATTERN.fullmatch(traceparent)
    if found is None or not int(found[1], 16) or not int(found[2], 16):
        return None
    return Context(found[1], found[2])


class Recorder(Protocol):
    """Where spans go: `trace_export` has the one on OpenTelemetry's SDK."""

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
        ...

    def close(self) -> None:
        """Write out what is waiting."""
        ...


_recorder: Recorder | None = None
_here: contextvars.ContextVar[Context | None] = contextvars.ContextVar("trace", default=None)


def use(recorder: Recorder | None) -> None:
    """Send this process's spans to `recorder` from now on; None: trace nothing."""
    global _recorder
    _recorder = recorder


def close() -> None:
    """Write out what is waiting and trace no more."""
    if _recorder is not None:
        _recorder.close()
    use(None)


def enabled() -> bool:
    """Whether this process traces."""
    return _recorder is not None


def current() -> Context | None:
    """The span that the running task works under."""
    return _here.get()


def header(context: Context) -> str:
    """What to hand on with a record or a row: the header's value, "" where nothing is traced."""
    return context.traceparent if _recorder is not None else ""


def record(
    name: str,
    *,
    parent: Context | None,
    start_ns: int,
    end_ns: int | None = None,
    at: Context | None = None,
    kind: Kind = "internal",
    **attributes: Value,
) -> None:
    """Record a span that is over.

    Args:
        start_ns, end_ns: Unix epoch in nanoseconds; without an end: now.
        at: its id, where others name it; else a random one in the parent's trace.
    """
    if _recorder is not None:
        if at is None:
            at = parent.fresh() if parent is not None else alone()
        end_ns = time.time_ns() if end_ns is None else end_ns
        # The page's clock is corrected, not ours: a span never ends before it starts.
        start_ns = min(start_ns, end_ns)
        _recorder.record(name, at, parent, start_ns, end_ns, kind, attributes, "")


def record_under(
    name: str, traceparent: str, *, start_ns: int, kind: Kind = "internal", **attributes: Value
) -> None:
    """Record a span that ends now under what a record, row or message brought along, if it did."""
    if _recorder is not None and (parent := parse(traceparent)) is not None:
        end_ns = time.time_ns()
        _recorder.record(
            name, parent.fresh(), parent, min(start_ns, end_ns), end_ns, kind, attributes, ""
        )


@dataclass(slots=True)
class Open:
    """A span that is still under way."""

    context: Context | None
    """None: nothing is traced."""
    attributes: dict[str, Value] = field(default_factory=dict[str, Value])


@contextmanager
def span(name: str, parent: Context | None, *, kind: Kind = "internal") -> Generator[Open]:
    """Record the block as a span under `parent`; without one, or with tracing off, do nothing.

    Calls to other services made inside carry the span as their parent.
    """
    if _recorder is None or parent is None:
        yield Open(None)
        return
    here = parent.fresh()
    opened = Open(here)
    token = _here.set(here)
    start_ns = time.time_ns()
    error = ""
    try:
        yield opened
    except ServiceError as answer:
        opened.attributes["code"] = answer.code  # an answer like any other, not a fault of ours
        raise
    except BaseException as problem:
        error = type(problem).__name__
        raise
    finally:
        _here.reset(token)
        end_ns = max(start_ns, time.time_ns())
        _recorder.record(name, here, parent, start_ns, end_ns, kind, opened.attributes, error)


def from_metadata(metadata: Iterable[tuple[Any, Any]] | Mapping[Any, Any] | None) -> Context | None:
    """The caller's span from gRPC metadata; None where nothing is traced here."""
    if _recorder is None or metadata is None:
        return None
    return parse(str(dict(metadata).get(HEADER, "")))
