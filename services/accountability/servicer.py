"""AccountabilityService: protobuf in, protobuf out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sentientiq.accountability.v1 import accountability_service_pb2 as pb
from sentientiq.accountability.v1 import accountability_service_pb2_grpc as rpc
from sentientiq.intervention.v1 import intervention_pb2

from services.accountability import asking, messages
from services.accountability.appeals import AppealState
from services.accountability.facts import FALSE_ALARM, GRANTED, REFUSED, RIGHT, WRONG
from services.accountability.lifecycle import FINAL, State
from services.accountability.reading import NO_BOUND_MS, Reader, Wanted
from services.accountability.records import Key, Standing
from services.accountability.scorecard import Scope, read_cards
from services.accountability.telling import Said, Telling
from services.accountability.tenants import Teams
from services.common.auth import principal
from services.common.errors import FailedPrecondition, InvalidArgument, PermissionDenied

# Callers' clocks may be ahead of ours by so much.
_SKEW_MS = 60_000
_ENDS = {
    pb.TASK_END_DONE: intervention_pb2.OUTCOME_KIND_ACTED,
    pb.TASK_END_DECLINED: intervention_pb2.OUTCOME_KIND_DECLINED,
}


class AccountabilityServicer(rpc.AccountabilityServiceServicer):
    """Answers from the tables; what callers say goes into the log first."""

    def __init__(
        self,
        pool: Any,
        reader: Reader,
        telling: Telling,
        teams: Teams,
        now_ms: Callable[[], int],
    ) -> None:
        self._pool = pool
        self._reader = reader
        self._telling = telling
        self._teams = teams
        self._now_ms = now_ms

    async def GetRecommendation(
        self, request: pb.GetRecommendationRequest, context: Any
    ) -> pb.GetRecommendationResponse:
        key = asking.require_key(request.tenant_id, request.decision_id)
        standing = await self._telling.standing(key)
        return pb.GetRecommendationResponse(recommendation=messages.record(standing))

    async def ListRecommendations(
        self, request: pb.ListRecommendationsRequest, context: Any
    ) -> pb.ListRecommendationsResponse:
        asking.require_tenant(request.tenant_id)
        asking.period(request.since_ms, request.until_ms)
        size = asking.page_size(request.page_size)
        before = asking.read_page_token(request.page_token)
        wanted = Wanted(
            request.tenant_id,
            asking.text("person_id", request.person_id),
            tuple(_state(number) for number in request.states),
            request.since_ms,
            request.until_ms or NO_BOUND_MS,
            request.due_before_ms,
            request.under_appeal,
        )
        # One more than asked tells whether there is a next page.
        found = await self._reader.page(wanted, before, size + 1)
        page = found[:size]
        last = page[-1].recommendation if len(found) > size else None
        return pb.ListRecommendationsResponse(
            recommendations=[messages.record(standing) for standing in page],
            next_page_token=(
                asking.page_token(last.terms.decided_at_ms, last.key.decision_id) if last else ""
            ),
        )

    async def GetScorecard(
        self, request: pb.GetScorecardRequest, context: Any
    ) -> pb.GetScorecardResponse:
        asking.require_tenant(request.tenant_id)
        since_ms, until_ms = request.since_ms, request.until_ms
        asking.period(since_ms, until_ms)
        if request.person_id and request.team:
            raise InvalidArgument("person_id and team: name one of them, the other is empty")
        scope = Scope(
            request.tenant_id,
            asking.text("person_id", request.person_id),
            asking.text("team", request.team),
        )
        periods = [(since_ms, until_ms or NO_BOUND_MS)]
        length_ms = (until_ms or self._now_ms()) - since_ms
        if since_ms and length_ms > 0:
            periods.append((max(0, since_ms - length_ms), since_ms))
        card, *before = await read_cards(self._pool, scope, periods)
        return messages.scorecard(card, before[0] if before else None)

    async def TaskClosed(
        self, request: pb.TaskClosedRequest, context: Any
    ) -> pb.TaskClosedResponse:
        key = asking.require_key(request.tenant_id, request.decision_id)
        kind = _ENDS.get(request.end)
        if kind is None:
            raise InvalidArgument("end: expected TASK_END_DONE or TASK_END_DECLINED")
        reason = messages.DECLINES.get(request.reason)
        if reason is None or (reason and request.end != pb.TASK_END_DECLINED):
            raise InvalidArgument("reason: expected a DeclineReason, and only of a declined one")
        standing = await self._telling.standing(key)
        person = asking.text("person_id", request.person_id) or standing.owner_id
        said = Said(
            kind,
            self._moment(request.closed_at_ms, standing),
            person,
            channel=asking.text("channel", request.channel) or "crm",
            detail=reason or ("task_closed" if request.end == pb.TASK_END_DONE else "decline"),
            note=asking.note(request.note),
            keyed=bool(request.idempotency_key),
        )
        # Without a key of their own it is the person's act, which counts once wherever it was done.
        unique = _unique(request.idempotency_key, "closed", key, "person", person, kind)
        standing = await self._telling.tell(standing, said, *unique)
        return pb.TaskClosedResponse(recommendation=messages.record(standing))

    async def HandOver(self, request: pb.HandOverRequest, context: Any) -> pb.HandOverResponse:
        key = asking.require_key(request.tenant_id, request.decision_id)
        to = asking.require_person("to_person_id", request.to_person_id)
        standing = await self._telling.standing(key)
        state = standing.steps[-1].state
        from_ = asking.text("from_person_id", request.from_person_id) or standing.owner_id
        unique = _unique(
            request.idempotency_key, "handed", key, "hand_over", from_, to, len(standing.owners)
        )
        repeated = standing.owner_id == to
        if not repeated:
            if state in FINAL or state is State.IGNORED:
                raise FailedPrecondition(
                    f"it is {state.name.lower()}: what is closed or past due stays with its owner"
                )
            if await self._teams.person(key.tenant_id, to) is None:
                raise InvalidArgument(f"to_person_id: nobody of the team is {to!r}")
            said = Said(
                intervention_pb2.OUTCOME_KIND_HANDED_OVER,
                self._now_ms(),
                to,
                by_person_id=from_,
                note=asking.note(request.note),
                keyed=bool(request.idempotency_key),
            )
            standing = await self._telling.tell(standing, said, *unique)
        return pb.HandOverResponse(recommendation=messages.record(standing))

    async def Appeal(self, request: pb.AppealRequest, context: Any) -> pb.AppealResponse:
        key = asking.require_key(request.tenant_id, request.decision_id)
        person = asking.require_person("person_id", request.person_id)
        reason = messages.APPEALS.get(request.reason)
        if reason is None:
            raise InvalidArgument(
                "reason: expected APPEAL_REASON_NEVER_SAW or APPEAL_REASON_FALSE_ALARM"
            )
        standing = await self._telling.standing(key)
        mine = [owner for owner in standing.owners if owner.person_id == person]
        if not mine:
            raise FailedPrecondition(f"it was never {person!r}'s: nothing is said of them")
        # A person's first appeal counts; another one changes nothing and is told nowhere.
        if mine[0].appeal is AppealState.NONE:
            said = Said(
                intervention_pb2.OUTCOME_KIND_APPEALED,
                self._now_ms(),
                person,
                detail=reason,
                note=asking.note(request.note),
            )
            standing = await self._telling.tell(standing, said, "appeal", *key, person)
        return pb.AppealResponse(recommendation=messages.record(standing))

    async def RuleOnAppeal(
        self, request: pb.RuleOnAppealRequest, context: Any
    ) -> pb.RuleOnAppealResponse:
        principal().require_role("mesh", "operator")
        key = asking.require_key(request.tenant_id, request.decision_id)
        person = asking.require_person("person_id", request.person_id)
        by = asking.require_person("by_person_id", request.by_person_id)
        if by == person:
            raise PermissionDenied("by_person_id: nobody rules on their own appeal")
        standing = await self._telling.standing(key)
        appeals = [owner.appeal for owner in standing.owners if owner.person_id == person]
        if not appeals or appeals[0] is AppealState.NONE:
            raise FailedPrecondition(f"person_id: {person!r} has not appealed")
        if appeals[0] is AppealState.OPEN:
            said = Said(
                intervention_pb2.OUTCOME_KIND_APPEAL_RULED,
                self._now_ms(),
                person,
                by_person_id=by,
                detail=GRANTED if request.granted else REFUSED,
                note=asking.note(request.note),
            )
            standing = await self._telling.tell(standing, said, "ruling", *key, person)
        return pb.RuleOnAppealResponse(recommendation=messages.record(standing))

    async def Withdraw(self, request: pb.WithdrawRequest, context: Any) -> pb.WithdrawResponse:
        principal().require_role("mesh", "operator")
        key = asking.require_key(request.tenant_id, request.decision_id)
        standing = await self._telling.standing(key)
        said = Said(
            intervention_pb2.OUTCOME_KIND_VOIDED,
            self._now_ms(),
            "",
            by_person_id=asking.require_person("by_person_id", request.by_person_id),
            detail=FALSE_ALARM if request.false_alarm else "withdrawn",
            note=asking.note(request.note),
        )
        standing = await self._telling.tell(standing, said, "void", *key, said.detail)
        return pb.WithdrawResponse(recommendation=messages.record(standing))

    async def GiveFeedback(
        self, request: pb.GiveFeedbackRequest, context: Any
    ) -> pb.GiveFeedbackResponse:
        key = asking.require_key(request.tenant_id, request.decision_id)
        person = asking.require_person("person_id", request.person_id)
        standing = await self._telling.standing(key)
        now_ms = self._now_ms()
        said = Said(
            intervention_pb2.OUTCOME_KIND_FEEDBACK,
            now_ms,
            person,
            detail=RIGHT if request.right else WRONG,
            note=asking.note(request.note),
            keyed=bool(request.idempotency_key),
        )
        # A person may think again, so without a key each word is a new one.
        unique = _unique(request.idempotency_key, "feedback", key, "feedback", person, now_ms)
        standing = await self._telling.tell(standing, said, *unique)
        return pb.GiveFeedbackResponse(recommendation=messages.record(standing))

    async def ListFeedback(
        self, request: pb.ListFeedbackRequest, context: Any
    ) -> pb.ListFeedbackResponse:
        asking.require_tenant(request.tenant_id)
        size = asking.page_size(request.page_size)
        after = asking.read_page_token(request.page_token)
        found = await self._reader.feedback(request.tenant_id, after, size + 1)
        page = found[:size]
        last = page[-1] if len(found) > size else None
        return pb.ListFeedbackResponse(
            feedback=[messages.feedback(judged) for judged in page],
            next_page_token=(
                asking.page_token(last.decided_at_ms, last.key.decision_id) if last else ""
            ),
        )

    def _moment(self, at_ms: int, standing: Standing) -> int:
        now_ms = self._now_ms()
        if not at_ms:
            return now_ms
        decided_at_ms = standing.recommendation.terms.decided_at_ms
        if not decided_at_ms - _SKEW_MS <= at_ms <= now_ms + _SKEW_MS:
            raise InvalidArgument(
                f"closed_at_ms={at_ms}: expected a moment after the decision"
                f" ({decided_at_ms}) and not in the future, in Unix epoch milliseconds"
            )
        return at_ms


def _state(number: int) -> State:
    try:
        return State(number)
    except ValueError as error:
        raise InvalidArgument(f"states: {number} is no state of a recommendation") from error


def _unique(
    idempotency_key: str, what: str, key: Key, *otherwise: str | int
) -> tuple[str | int, ...]:
    """What makes a word one and the same: the caller's key, else what was said."""
    if idempotency_key:
        return "key", what, *key, asking.text("idempotency_key", idempotency_key)
    first, *rest = otherwise
    if first == "person":
        # As intervention makes the ids of a person's acts, who has no tenant in them.
        return first, key.decision_id, *rest
    return first, *key, *rest
