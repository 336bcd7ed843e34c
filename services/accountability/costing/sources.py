"""Ask those who know: analytics for decisions and events, identity for payments and people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, Final

import grpc
import grpc.aio
from sentientiq.analytics.v1 import query_service_pb2 as apb
from sentientiq.analytics.v1 import query_service_pb2_grpc as analytics_rpc
from sentientiq.identity.v1 import identity_service_pb2 as ipb
from sentientiq.identity.v1 import identity_service_pb2_grpc as identity_rpc
from sentientiq.identity.v1 import transaction_service_pb2 as tpb
from sentientiq.identity.v1 import transaction_service_pb2_grpc as transaction_rpc
from sentientiq.tenant.v1 import tenant_service_pb2 as cpb
from sentientiq.tenant.v1 import tenant_service_pb2_grpc as tenant_rpc

from services.accountability.costing.facts import (
    DAY_MS,
    HISTORY_DAYS,
    Decided,
    Facts,
    Met,
    Question,
)
from services.accountability.outcomes.document import (
    DEFAULTS,
    Kind,
    MappingError,
    folded,
    parse_mapping,
)
from services.accountability.outcomes.facts import Paid, Tracked
from services.common import logs
from services.common.errors import (
    FailedPrecondition,
    InvalidArgument,
    ResourceExhausted,
    Unavailable,
)

_log = logs.get(__name__)
UNITS: Final = "cost_units"
OUTCOMES: Final = "cost_outcomes"
KIND: Final = "outcomes"
_MOST_DECISIONS: Final = 200_000
_MOST_EVENTS: Final = 1_000_000
_PAGE: Final = {UNITS: 20_000, OUTCOMES: 50_000}
_SESSIONS_AT_ONCE: Final = 1_000
_CALL_S: Final = 60.0


class DidNotAnswer(Unavailable):
    """Who was asked is away, or failed."""

    def __init__(self, who: str, why: str) -> None:
        super().__init__(why)
        self.who = who


class Sources:
    """Clients of what a cost is made of."""

    def __init__(self, pipeline: grpc.aio.Channel, identity: grpc.aio.Channel) -> None:
        # Types of the stubs are those of blocking ones.
        self._analytics: Any = analytics_rpc.QueryServiceStub(pipeline)
        self._identity: Any = identity_rpc.IdentityServiceStub(identity)
        self._transactions: Any = transaction_rpc.TransactionServiceStub(identity)
        self._tenants: Any = tenant_rpc.TenantServiceStub(identity)

    async def facts(self, question: Question, now_ms: int) -> Facts:
        """Everything that a question needs.

        Raises:
            InvalidArgument: the tenant's mapping has no such outcome.
            FailedPrecondition: the tenant's mapping cannot be used.
            ResourceExhausted: the period holds more than one answer can be made of.
            Unavailable: analytics or identity is away.
        """
        mapping = await self._mapping(question.tenant_id)
        kind = mapping.get(question.outcome)
        if kind is None:
            raise InvalidArgument(
                f"question.outcome: {question.outcome!r} is none of {', '.join(sorted(mapping))};"
                " add it with `sentientiq config put TENANT outcomes FILE`"
            )
        purchase = mapping["purchase"]
        payments = Kind(purchase.track, ("purchase", "subscription"))
        decided = await self._decided(question)
        users = {one.session_id: one.user_id for one in decided if one.user_id}
        tracked = await self._tracked(question, kind, payments, users)
        paid = await self._paid(question, kind)
        return Facts(question, kind, payments, decided, tracked, paid, now_ms)

    async def _mapping(self, tenant_id: str) -> Mapping[str, Kind]:
        request = cpb.GetConfigRequest(tenant_id=tenant_id, kind=KIND)
        try:
            answer = await self._tenants.GetConfig(request)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return DEFAULTS
            raise _away("identity", "SIQ_IDENTITY_ADDR", error) from error
        try:
            return parse_mapping(answer.document.body)
        except MappingError as error:
            raise FailedPrecondition(
                f"the tenant's document `outcomes` cannot be used: {error}; mend it and store it"
                " with `sentientiq config put TENANT outcomes FILE`"
            ) from error

    async def _decided(self, question: Question) -> list[Decided]:
        rows = await self._report(
            question.tenant_id, UNITS, units_parameters(question), "after_id", "decision_id",
            _MOST_DECISIONS,
        )  # fmt: skip
        return [_read_decided(row, named=not question.emotion) for row in rows]

    async def _tracked(
        self, question: Question, kind: Kind, payments: Kind, users: Mapping[str, str]
    ) -> list[Tracked]:
        rows = await self._report(
            question.tenant_id, OUTCOMES, outcomes_parameters(question, kind, payments),
            "after_key", "key", _MOST_EVENTS,
        )  # fmt: skip
        strangers = sorted({row["session_id"] for row in rows} - users.keys())
        known = {**users, **await self._users(question.tenant_id, strangers)}
        return [
            Tracked(
                row["key"], row["name"], row["props"], row["session_id"],
                known.get(row["session_id"], ""), row["at_ms"],
            )
            for row in rows
        ]  # fmt: skip

    async def _users(self, tenant_id: str, sessions: list[str]) -> dict[str, str]:
        """Whose visits they are: people come back to buy in a visit that nothing was decided in."""
        found: dict[str, str] = {}
        for start in range(0, len(sessions), _SESSIONS_AT_ONCE):
            part = sessions[start : start + _SESSIONS_AT_ONCE]
            request = ipb.BatchResolveRequest(tenant_id=tenant_id, session_ids=part)
            request.read_mask.paths.append("user_id")
            answer = await _ask(
                "identity", "SIQ_IDENTITY_ADDR", self._identity.BatchResolve, request
            )
            for session, identity in zip(part, answer.identities, strict=True):
                if identity.user_id:
                    found[session] = identity.user_id
        return found

    async def _paid(self, question: Question, kind: Kind) -> list[Paid]:
        since_ms, until_ms = _reach(question, kind)
        request = tpb.ListTransactionsRequest(
            tenant_id=question.tenant_id, since_ms=since_ms, until_ms=until_ms
        )
        found: list[Paid] = []
        while True:
            answer = await _ask(
                "identity", "SIQ_IDENTITY_ADDR", self._transactions.ListTransactions, request
            )
            found += [_read_paid(one) for one in answer.transactions]
            if len(found) > _MOST_EVENTS:
                raise _too_much("transactions", _MOST_EVENTS)
            if not answer.next_page_token:
                return found
            request.page_token = answer.next_page_token

    async def _report(
        self, tenant_id: str, report: str, parameters: Mapping[str, str], after: str, key: str,
        most: int,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """All pages of a report that is in order of `at_ms` and a key."""
        found: list[dict[str, Any]] = []
        given = {**parameters, "limit": str(_PAGE[report])}
        while True:
            request = apb.RunReportRequest(tenant_id=tenant_id, report=report, parameters=given)
            answer = await _ask(
                "the pipeline", "SIQ_PIPELINE_ADDR", self._analytics.RunReport, request
            )
            arrow: Any = import_module("pyarrow")  # without types; 40 MB, when they are needed
            page = arrow.ipc.open_stream(answer.arrow).read_all().to_pylist()
            found += page
            if len(found) > most:
                raise _too_much(report, most)
            if len(page) < _PAGE[report]:
                return found
            given |= {"after_t": moment(page[-1]["at_ms"]), after: page[-1][key]}


def units_parameters(question: Question) -> dict[str, str]:
    """What `cost_units` is asked."""
    return {
        "emotion": question.emotion or "any",
        "from": moment(question.since_ms),
        "to": moment(question.until_ms),
    }


def outcomes_parameters(question: Question, kind: Kind, payments: Kind) -> dict[str, str]:
    """What `cost_outcomes` is asked: outcomes, and payments for the history."""
    since_ms, until_ms = _reach(question, kind)
    names = sorted({folded(name) for name in (*kind.track, *payments.track)})
    quoted = ", ".join("'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'" for name in names)
    return {"names": f"[{quoted}]", "from": moment(since_ms), "to": moment(until_ms)}


def moment(at_ms: int) -> str:
    """A moment as reports take it."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at_ms % 1000:03d}"


def _reach(question: Question, kind: Kind) -> tuple[int, int]:
    """From the history of the first to the end of the last one's window."""
    since_ms = max(question.since_ms - HISTORY_DAYS * DAY_MS, 0)
    # A due time comes on top of the window.
    return since_ms, question.until_ms + round((kind.window_days + 31) * DAY_MS)


async def _ask(who: str, variable: str, call: Callable[..., Any], request: Any) -> Any:
    try:
        return await call(request, timeout=_CALL_S)
    except grpc.aio.AioRpcError as error:
        raise _away(who, variable, error) from error


def _away(who: str, variable: str, error: grpc.aio.AioRpcError) -> DidNotAnswer:
    # What it says of itself may name addresses of the mesh, which are nobody's business outside.
    _log.warning("no answer", of=who, code=error.code().name, details=error.details())
    return DidNotAnswer(
        who,
        f"{who} did not answer ({error.code().name}): is it up, and {variable} right? Then ask"
        " again",
    )


def _too_much(what: str, most: int) -> ResourceExhausted:
    return ResourceExhausted(f"the period holds more than {most:,} {what}: ask for a shorter one")


def _read_decided(row: Mapping[str, Any], *, named: bool) -> Decided:
    at = datetime.fromtimestamp(row["at_ms"] / 1000, UTC)
    met = zip(
        row["met"], row["met_unit_kinds"], row["met_arms"], row["met_propensities"], strict=True
    )
    words = {key: row[key] for key in ("page", "rule", "assurance", "intervention_type")}
    return Decided(
        id=row["decision_id"], session_id=row["session_id"], user_id=row["user_id"],
        company=row["company"], emotion=row["emotion"], offered=row["action"] == "intervene",
        met=tuple(Met(*one) for one in met),
        at_ms=row["at_ms"], due_at_ms=row["due_at_ms"], acted_at_ms=row["acted_at_ms"],
        shown_at_ms=row["shown_at_ms"], currency=row["value_currency"], minor=row["value_minor"],
        before={
            "confidence": float(row["confidence"]),
            "emotions_before": float(row["emotions_before"]),
            "events_before": float(row["events_before"]),
            "visit_ms_before": float(row["visit_ms_before"]),
            "hour": float(at.hour),
            "weekend": float(at.weekday() >= 5),
        },
        words={**words, "emotion": row["emotion"]} if named else words,
        stored_at_ms=row.get("stored_at_ms", 0),  # a pipeline of before does not tell
    )  # fmt: skip


def _read_paid(one: Any) -> Paid:
    word = str(ipb.TransactionKind.Name(one.kind)).removeprefix("TRANSACTION_KIND_").lower()
    at_ms = one.occurred_at.seconds * 1000 + one.occurred_at.nanos // 1_000_000
    return Paid(
        one.transaction_id, one.user_id, word, one.amount.currency, one.amount.minor, at_ms,
        one.refers_to,
    )  # fmt: skip
