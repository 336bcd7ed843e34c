"""Apply an identify: open the seal, judge what it proves, record it, fold the session anew.

The RPC and the consumer of identity.v1 both come here; whichever is first applies, and the other
finds it applied.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from services.common import logs
from services.identity.company.rules import Rules
from services.identity.graph.attach import Attach
from services.identity.identity_store import IdentityStore
from services.identity.kept_answers import KeptAnswers
from services.identity.model import Assurance, Envelope, Facts, Resolved
from services.identity.record import Stated, record
from services.identity.sealing import SealError, SealingKey
from services.identity.statement import (
    Statement,
    StatementError,
    claimed_facts,
    read_statement,
    verified_facts,
)
from services.identity.tenant_documents import TenantDocuments
from services.identity.token_checks import TokenChecks
from services.identity.tokens import TokenRefused

_log = logs.get(__name__)


class IdentifyRefused(Exception):
    """An identify that can never be applied: its seal or its content is bad."""


class Identifier:
    """Applies identifies, each exactly once."""

    def __init__(
        self,
        sealing: SealingKey,
        tokens: TokenChecks,
        identities: IdentityStore,
        rules: TenantDocuments[Rules],
        attach: Attach,
        answers: KeptAnswers,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._sealing = sealing
        self._tokens = tokens
        self._identities = identities
        self._rules = rules
        self._attach = attach
        self._answers = answers
        self._clock = clock
        self.applied = 0
        self.repeated = 0
        self.refused = 0
        self.refused_tokens = 0
        self.unusable_fields = 0

    async def identify(self, envelope: Envelope) -> Resolved:
        """Apply an identify, or find it applied. Returns who the session is then.

        Raises as `apply` does.
        """
        if await self._identities.applied([envelope]):
            self.repeated += 1
        else:
            await self.apply(envelope)
        return await self._identities.resolve(envelope.tenant_id, envelope.session_id)

    async def apply(self, envelope: Envelope) -> None:
        """Apply an identify; one that was applied before changes nothing.

        Raises:
            IdentifyRefused: the seal does not open or holds no identify.
            NotFound: no such tenant.
            Unavailable: PostgreSQL is away.
        """
        if not envelope.sealed:
            await self._apply(envelope, Assurance.ANONYMOUS, Facts())
            return
        try:
            statement = read_statement(self._sealing.open(envelope.sealed, envelope.key_id))
        except (SealError, StatementError) as error:
            self.refused += 1
            raise IdentifyRefused(f"sealed: {error}") from error
        assurance, facts = await self._judge(envelope, statement)
        await self._apply(envelope, assurance, facts)

    async def _judge(self, envelope: Envelope, statement: Statement) -> tuple[Assurance, Facts]:
        """A valid token speaks alone; without one, the rest is what the page claims."""
        if statement.token:
            try:
                claims = await self._tokens.claims(
                    envelope.tenant_id, statement.token, self._clock()
                )
                facts, unusable = verified_facts(claims)
                if facts.user_id is None:
                    raise TokenRefused("claim sub is not usable as a user_id")
            except TokenRefused as refusal:
                self.refused_tokens += 1
                _log.warning(
                    "identity token refused",
                    tenant_id=envelope.tenant_id,
                    session_id=envelope.session_id,
                    reason=str(refusal),
                )
            else:
                self._count_unusable(envelope, unusable)
                return Assurance.VERIFIED, facts
        facts, unusable = claimed_facts(statement)
        self._count_unusable(envelope, unusable)
        return Assurance.CLAIMED, facts

    def _count_unusable(self, envelope: Envelope, names: list[str]) -> None:
        if names:
            self.unusable_fields += len(names)
            _log.info(
                "identify fields not usable",
                tenant_id=envelope.tenant_id,
                session_id=envelope.session_id,
                fields=names,
            )

    async def _apply(self, envelope: Envelope, assurance: Assurance, facts: Facts) -> None:
        # A clock that runs ahead must not make its identify the newest for ever.
        now_ms = int(self._clock().timestamp() * 1000)
        dated = replace(envelope, occurred_at_ms=min(envelope.occurred_at_ms, now_ms))
        statement = Stated(dated, assurance, facts)
        rules = self._rules.of(envelope.tenant_id)
        changed = await record(self._identities, self._attach, statement, rules)
        if changed is None:
            self.repeated += 1
            return
        self.applied += 1
        # Whoever is told may resolve them before the change is announced.
        for session_id in changed:
            self._answers.forget(envelope.tenant_id, session_id)
        if facts.user_id:
            self._answers.forget_users(envelope.tenant_id, [facts.user_id])
