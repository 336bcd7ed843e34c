"""Terms of many tenants, while identity can tell of some."""

from __future__ import annotations

from typing import Any

from services.accountability.drafting import Drafting
from services.accountability.facts import Terms
from services.accountability.ledger import Ledger
from services.accountability.records import Key, Recommendation
from services.accountability.store import MIGRATIONS, Store
from services.accountability.tenants import NoTeams
from services.accountability.terms import Person
from services.common import postgres
from services.common.errors import Unavailable
from services.common.log import open_log
from tests.integration.accountability_line import now_ms


class Teams(NoTeams):
    """Identity that cannot tell of one tenant."""

    def __init__(self) -> None:
        self.away = {"mute"}

    async def person(self, tenant_id: str, person_id: str) -> Person | None:
        """See Teams."""
        if tenant_id in self.away:
            raise Unavailable("identity did not list people: INTERNAL")
        return await super().person(tenant_id, person_id)


async def test_a_tenant_nobody_can_tell_of_keeps_no_other_waiting(
    postgres_url: str, log_url: str
) -> None:
    await postgres.migrate(postgres_url, "drafting", MIGRATIONS)
    pool: Any = await postgres.connect(postgres_url, schema="drafting")
    log = open_log(log_url)
    try:
        store = Store(pool)
        ledger = Ledger(store, lambda: 0)
        keys = [Key(tenant, "same") for tenant in ("mute", "b", "c")] + [Key("mute", "another")]
        terms = Terms(1_000, 60_000, "ann")
        await store.record_recommendations(
            [Recommendation(key, "s", "", None, terms) for key in keys]
        )
        teams = Teams()
        drafting = Drafting(pool, log, teams, ledger, now_ms)
        # Of one id in two tenants, each has its own.
        assert (await drafting.draft(), drafting.failures) == (2, 1)
        assert (await drafting.draft(), drafting.failures) == (0, 1), (
            "it is not asked at once again"
        )
        teams.away.clear()
        # As if the time had passed.
        drafting.put_off.clear()
        assert (await drafting.draft(), drafting.failures) == (2, 1)
    finally:
        await log.close()
        await pool.close()
