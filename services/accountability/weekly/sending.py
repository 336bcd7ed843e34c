"""Sends each person their letter on Monday morning, once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import aiosmtplib
from sentientiq.tenant.v1 import tenant_service_pb2

from services.accountability.reading import Reader
from services.accountability.store import AWAY
from services.accountability.weekly.claims import Claim, Claims, Outcome
from services.accountability.weekly.compose import Asked, compose
from services.accountability.weekly.letter import Letter
from services.accountability.weekly.render import mail_of, render
from services.accountability.weekly.sources import Away, Costs, Links, Sources
from services.accountability.weekly.week import WeekError, last_week, parse_zone
from services.common import logs
from services.common.errors import Unavailable
from services.common.smtp import MailServer, hand_in

_log = logs.get(__name__)
_LATEST_MS: Final = 3 * 86_400_000
"""A process that was away on Monday sends until Thursday morning; later it would be no news."""
_WHOLE: Final = 2
"""Attempts at a whole letter; after these one that says what it lacks is better than none."""
_TIMEOUT_S: Final = 20.0
_RETRY_MS: Final = (60_000, 5 * 60_000, 30 * 60_000, 2 * 3_600_000)
_FAILURES: Final[tuple[type[Exception], ...]] = (Away, Unavailable, *AWAY)


@dataclass(slots=True)
class Counts:
    """What came of letters."""

    by_outcome: Counter[str] = field(
        default_factory=lambda: Counter({outcome.value: 0 for outcome in Outcome})
    )
    put_off: int = 0


class Weekly:
    """Looks who is due, and sends."""

    def __init__(
        self,
        reader: Reader,
        claims: Claims,
        sources: Sources,
        costs: Costs,
        server: MailServer,
        now_ms: Callable[[], int],
        *,
        executives: frozenset[str],
    ) -> None:
        self._reader = reader
        self._claims = claims
        self._sources = sources
        self._costs = costs
        self._server = server
        self._now_ms = now_ms
        self._executives = executives
        self.counts = Counts()

    async def run(self, interval_s: float) -> None:
        """Look every so often, until cancelled."""
        if not self._server.complete:
            return
        while True:
            try:
                await self.look()
            except _FAILURES as error:
                _log.warning("weekly mails wait", error=str(error))
            await asyncio.sleep(interval_s)

    async def look(self) -> None:
        """Send what is due now.

        Raises:
            Away, Unavailable: whoever must be asked is away; the next look goes on.
        """
        async for tenant_id in self._sources.tenants():
            try:
                people = await self._sources.people(tenant_id)
            except Away as error:
                _log.warning("weekly mails wait", tenant=tenant_id, error=str(error))
                continue
            for person in people:
                await self._attend(tenant_id, person)

    async def _attend(self, tenant_id: str, person: tenant_service_pb2.Person) -> None:
        address = address_of(person)
        if not address:
            return
        try:
            zone = parse_zone(person.zone)
        except WeekError as error:
            _log.warning(
                "no weekly mail", tenant=tenant_id, person=person.person_id, why=str(error)
            )
            return
        now_ms = self._now_ms()
        week = last_week(now_ms, zone)
        if not week.due_ms(zone) <= now_ms < week.due_ms(zone) + _LATEST_MS:
            return
        claim = await self._claims.take(tenant_id, person.person_id, week, now_ms)
        if claim is None:
            return
        try:
            await self._write(claim, person, address)
        except _FAILURES as error:
            await self._put_off(claim, str(error))
        except Exception as error:
            # A letter that cannot be made must not end the ledger: it is tried again, and counted.
            _log.exception("weekly mail failed", tenant=tenant_id, person=person.person_id)
            await self._put_off(claim, repr(error))

    async def _write(self, claim: Claim, person: tenant_service_pb2.Person, address: str) -> None:
        asked = Asked(claim.tenant_id, person, claim.week, person.role in self._executives)
        letter = await compose(asked, self._reader, self._sources, self._costs)
        if letter.gaps and claim.attempts <= _WHOLE:
            raise Away("; ".join(letter.gaps))
        if letter.empty:
            await self._end(claim, Outcome.EMPTY)
            return
        links = await links_of(letter, address, self._sources)
        if links.off:
            await self._end(claim, Outcome.UNSUBSCRIBED)
            return
        mail = mail_of(
            letter,
            render(letter, links),
            links,
            sender=self._server.sender,
            to=address,
            at_ms=self._now_ms(),
        )
        if not await self._claims.renew(claim, self._now_ms()):
            _log.warning(
                "weekly mail left to another", tenant=claim.tenant_id, person=claim.person_id
            )
            return
        try:
            await hand_in(self._server, mail, timeout_s=_TIMEOUT_S)
        except (aiosmtplib.SMTPException, OSError) as error:
            if _final(error):
                await self._end(claim, Outcome.REFUSED, str(error)[:200])
            else:
                await self._put_off(claim, f"{type(error).__name__}: {error}"[:200])
            return
        await self._end(claim, Outcome.SENT)

    async def _end(self, claim: Claim, outcome: Outcome, detail: str = "") -> None:
        await self._claims.end(claim, outcome, self._now_ms(), detail)
        self.counts.by_outcome[outcome.value] += 1
        _log.info(
            "weekly mail",
            tenant=claim.tenant_id,
            person=claim.person_id,
            week=claim.week.name,
            outcome=outcome.value,
        )

    async def _put_off(self, claim: Claim, why: str) -> None:
        pause_ms = _RETRY_MS[min(claim.attempts, len(_RETRY_MS)) - 1]
        await self._claims.later(claim, self._now_ms() + pause_ms, why)
        self.counts.put_off += 1
        _log.warning("weekly mail put off", tenant=claim.tenant_id, person=claim.person_id, why=why)


def address_of(person: tenant_service_pb2.Person) -> str:
    """Where a person takes mail; empty: nowhere."""
    return next((c.address for c in person.channels if c.kind == "email"), "")


async def links_of(letter: Letter, address: str, sources: Sources) -> Links:
    """Have everything signed that a letter links to."""
    return await sources.links(
        letter.tenant_id,
        letter.person_id,
        address,
        [item.decision_id for item in letter.missed if item.can_act],
        letter.queries(),
    )


def _final(error: Exception) -> bool:
    """5xx never will; of authentication it is ours to mend."""
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return False
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(one.code >= 500 for one in error.recipients)
    return isinstance(error, aiosmtplib.SMTPResponseException) and error.code >= 500
