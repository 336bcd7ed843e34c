"""Whom a letter asks: people, reports, links, costs. A letter says what it lacks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
import grpc.aio
import pyarrow as pa  # pyright: ignore[reportMissingTypeStubs]
from sentientiq.analytics.v1 import query_service_pb2, query_service_pb2_grpc
from sentientiq.intervention.v1 import letter_service_pb2, letter_service_pb2_grpc
from sentientiq.tenant.v1 import tenant_service_pb2, tenant_service_pb2_grpc

from services.accountability.weekly.letter import Cost
from services.common import logs

_log = logs.get(__name__)
_REPORT_S = 30.0
_arrow: Any = pa  # without stubs
Row = Mapping[str, Any]


class Away(Exception):
    """Who was asked did not answer; the message says who."""


@dataclass(frozen=True, slots=True)
class Links:
    """Signed links of a letter; `off`: it must not be sent."""

    off: bool
    unsubscribe: str
    decisions: Mapping[str, str]
    queries: Mapping[str, str]


class Costs(Protocol):
    """Who can tell what ignoring cost."""

    async def of(self, tenant_id: str, since_ms: int, until_ms: int) -> Cost:
        """The cost of a period; raises Away."""
        ...


class Sources:
    """The services that are asked, over their channels."""

    def __init__(
        self,
        identity: grpc.aio.Channel,
        intervention: grpc.aio.Channel,
        pipeline: grpc.aio.Channel,
    ) -> None:
        self._tenants: Any = tenant_service_pb2_grpc.TenantServiceStub(identity)
        self._letters: Any = letter_service_pb2_grpc.LetterServiceStub(intervention)
        self._reports: Any = query_service_pb2_grpc.QueryServiceStub(pipeline)

    async def tenants(self) -> AsyncIterator[str]:
        """Every tenant's id.

        Raises:
            Away: identity.
        """
        token = ""
        while True:
            request = tenant_service_pb2.ListTenantsRequest(page_size=1000, page_token=token)
            page = await _ask("identity", self._tenants.ListTenants(request))
            for tenant in page.tenants:
                yield tenant.tenant_id
            token = page.next_page_token
            if not token:
                return

    async def people(self, tenant_id: str) -> Sequence[tenant_service_pb2.Person]:
        """The tenant's team.

        Raises:
            Away: identity.
        """
        request = tenant_service_pb2.ListPeopleRequest(tenant_id=tenant_id)
        answer = await _ask("identity", self._tenants.ListPeople(request))
        people: Sequence[tenant_service_pb2.Person] = answer.people
        return people

    async def report(self, tenant_id: str, name: str, parameters: Mapping[str, str]) -> list[Row]:
        """The rows of a report.

        Raises:
            Away: the pipeline.
        """
        request = query_service_pb2.RunReportRequest(
            tenant_id=tenant_id, report=name, parameters=parameters
        )
        answer = await _ask("the pipeline", self._reports.RunReport(request, timeout=_REPORT_S))
        rows: list[Row] = _arrow.ipc.open_stream(answer.arrow).read_all().to_pylist()
        return rows

    async def links(
        self,
        tenant_id: str,
        person_id: str,
        address: str,
        decisions: Sequence[str],
        queries: Sequence[str],
    ) -> Links:
        """Have links signed.

        Raises:
            Away: intervention.
        """
        request = letter_service_pb2.PrepareLetterRequest(
            tenant_id=tenant_id,
            person_id=person_id,
            address=address,
            decision_ids=decisions,
            queries=queries,
        )
        answer = await _ask("intervention", self._letters.PrepareLetter(request))
        return Links(
            answer.off,
            answer.unsubscribe_url,
            dict(zip(decisions, answer.decision_urls, strict=True)),
            dict(zip(queries, answer.query_urls, strict=True)),
        )


async def _ask(who: str, call: Any) -> Any:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        # Letters say what they lack, to people who know nothing of addresses of the mesh.
        _log.warning("no answer", of=who, code=error.code().name, details=error.details())
        raise Away(f"{who} did not answer") from error
