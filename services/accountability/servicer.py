"""AccountabilityService: protobuf in, protobuf out."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, cast

from sentientiq.accountability.v1 import accountability_service_pb2 as pb
from sentientiq.accountability.v1 import accountability_service_pb2_grpc as rpc
from sentientiq.identity.v1 import identity_service_pb2

from services.accountability.lifecycle import State
from services.accountability.store import Key, Standing, Store
from services.common.errors import InvalidArgument, NotFound

_DEFAULT_PAGE = 100
_LARGEST_PAGE = 1000
_NO_BOUND_MS = (1 << 63) - 1


class AccountabilityServicer(rpc.AccountabilityServiceServicer):
    """Answers from the tables."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def GetRecommendation(
        self, request: pb.GetRecommendationRequest, context: Any
    ) -> pb.GetRecommendationResponse:
        _require_tenant(request.tenant_id)
        if not request.decision_id:
            raise InvalidArgument("decision_id is empty: name the decision")
        standing = await self._store.get(Key(request.tenant_id, request.decision_id))
        if standing is None:
            raise NotFound(
                f"no decision {request.decision_id!r} of this tenant asked the team to act"
            )
        return pb.GetRecommendationResponse(recommendation=_record(standing))

    async def ListRecommendations(
        self, request: pb.ListRecommendationsRequest, context: Any
    ) -> pb.ListRecommendationsResponse:
        _require_tenant(request.tenant_id)
        size = request.page_size or _DEFAULT_PAGE
        if size > _LARGEST_PAGE:
            raise InvalidArgument(f"page_size is {size}: ask for at most {_LARGEST_PAGE}")
        before = _read_page_token(request.page_token) if request.page_token else None
        # One more than asked tells whether there is a next page.
        found = await self._store.page(request.tenant_id, request.person_id, before, size + 1)
        page = found[:size]
        return pb.ListRecommendationsResponse(
            recommendations=[_record(standing) for standing in page],
            next_page_token=_page_token(page[-1]) if len(found) > size else "",
        )

    async def GetScorecard(
        self, request: pb.GetScorecardRequest, context: Any
    ) -> pb.GetScorecardResponse:
        _require_tenant(request.tenant_id)
        since_ms, until_ms = request.since_ms, request.until_ms
        if since_ms < 0 or until_ms < 0 or (until_ms and until_ms <= since_ms):
            raise InvalidArgument(
                f"since_ms={since_ms}, until_ms={until_ms}: expected Unix epoch milliseconds with"
                " until_ms after since_ms, or 0 for no bound"
            )
        card = await self._store.scorecard(
            request.tenant_id, request.person_id, since_ms, until_ms or _NO_BOUND_MS
        )
        return pb.GetScorecardResponse(
            counts=[
                pb.StateCount(state=_state(state), count=count) for state, count in card.counts
            ],
            median_time_to_act_ms=card.median_time_to_act_ms,
            total=sum(count for _, count in card.counts),
        )


def _require_tenant(tenant_id: str) -> None:
    if not tenant_id:
        raise InvalidArgument("tenant_id is empty: name the tenant")


def _state(state: State) -> pb.RecommendationState.ValueType:
    # The numbers are proto's; ValueType exists only for type checkers.
    return cast("pb.RecommendationState.ValueType", state.value)


def _record(standing: Standing) -> pb.RecommendationRecord:
    asked, steps = standing.recommendation, standing.steps
    record = pb.RecommendationRecord(
        decision_id=asked.key.decision_id,
        tenant_id=asked.key.tenant_id,
        person_id=asked.person_id,
        # A decision recorded an instant ago may not have been folded yet.
        state=_state(steps[-1].state if steps else State.OPEN),
        due_at_ms=asked.terms.due_at_ms,
        transitions=[
            pb.Transition(state=_state(step.state), at_ms=step.at_ms, outcome_id=step.fact_id)
            for step in steps
        ],
        session_id=asked.session_id,
        company=asked.company,
    )
    if asked.value is not None:
        currency, minor = asked.value
        record.value.CopyFrom(identity_service_pb2.Money(currency=currency, minor=minor))
    return record


def _page_token(last: Standing) -> str:
    asked = last.recommendation
    text = f"{asked.terms.decided_at_ms}:{asked.key.decision_id}"
    return urlsafe_b64encode(text.encode()).decode()


def _read_page_token(token: str) -> tuple[int, str]:
    try:
        moment, colon, decision_id = urlsafe_b64decode(token.encode()).decode().partition(":")
        decided_at_ms = int(moment)
    except ValueError as error:
        raise InvalidArgument(
            "page_token is none of ours: pass next_page_token of the last response unchanged"
        ) from error
    if not colon or not 0 <= decided_at_ms < 1 << 53 or "\x00" in decision_id:
        raise InvalidArgument("page_token is none of ours: begin again without one")
    return decided_at_ms, decision_id
