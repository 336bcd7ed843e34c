"""Identifies and sessions in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from services.common.audit.record import Entry as AuditEntry
from services.common.audit.writer import AuditWriter
from services.identity.change_feed import announce
from services.identity.database import Database
from services.identity.enrich.lookups import Subject
from services.identity.enrich.port import NOTHING, Enrichment
from services.identity.fold import Entry
from services.identity.graph.history import CHANNEL as PROFILE_CHANNEL
from services.identity.model import Assurance, Envelope, Facts, Identity, Resolved, Tier
from services.identity.money import Money
from services.identity.privacy.subjects import DataSubject, visitor
from services.identity.privacy.vault import Vault
from services.identity.value.basis_store import VERSIONS, BasisStore
from services.identity.value.overlay import Worth, valued
from services.identity.value.value_store import read_value

# The newest identifies of a session that make its identity: bounds the work a page can cause.
_FOLDED = 500

_FACTS = {field.name for field in fields(Facts)}

# Who owns the company, else whom the tenant's sources name, if they are of the team.
_SESSION = (
    "SELECT s.*, v.version AS value_version, v.currency, v.paid_minor, v.expected_minor,"
    " v.low_minor, v.high_minor, v.occasions, v.first_day, v.last_day, v.lack, v.reason,"
    " v.as_of_ms,"
    f" {VERSIONS}, coalesce((SELECT p.person_id FROM people p"
    " WHERE coalesce(nullif(s.company, ''), s.enriched_company) <> ''"
    " AND p.tenant_id = s.tenant_id"
    " AND p.owns_companies @> ARRAY[coalesce(nullif(s.company, ''), s.enriched_company)]"
    ' ORDER BY p.person_id COLLATE "C" LIMIT 1),'
    " (SELECT p.person_id FROM people p WHERE s.enriched_owner <> ''"
    " AND p.tenant_id = s.tenant_id AND p.person_id = s.enriched_owner)) AS owner_person_id"
    " FROM sessions s LEFT JOIN user_values v ON v.tenant_id = s.tenant_id"
    " AND v.user_id = coalesce(nullif(s.user_id, ''), nullif(s.joined_user, ''))"
    " WHERE s.tenant_id = $1 AND s.session_id = $2"
)


async def donor_of(connection: Any, tenant_id: str, user_id: str) -> str | None:
    """The session that says most of a user: the best proof, and of these the newest."""
    found: Any = await connection.fetchval(
        "SELECT session_id FROM sessions WHERE tenant_id = $1 AND user_id = $2"
        " ORDER BY assurance DESC, established_at_ms DESC, session_id LIMIT 1",
        tenant_id,
        user_id,
    )
    return None if found is None else str(found)


class IdentityStore:
    """Reads and writes the tables of 0002_identities.sql and 0003_company.sql."""

    def __init__(
        self, database: Database, vault: Vault, bases: BasisStore, audit: AuditWriter
    ) -> None:
        self.database = database
        self.vault = vault
        self._audit = audit
        self._bases = bases

    async def applied(self, envelopes: Sequence[Envelope]) -> set[tuple[str, str, str, int]]:
        """Tell which of the identifies were applied before."""
        async with self.database.connection() as connection:
            rows: list[Any] = await connection.fetch(
                "SELECT tenant_id, session_id, stream_id, seq FROM identifies"
                " JOIN unnest($1::text[], $2::text[], $3::text[], $4::bigint[])"
                " AS asked (tenant_id, session_id, stream_id, seq)"
                " USING (tenant_id, session_id, stream_id, seq)",
                [envelope.tenant_id for envelope in envelopes],
                [envelope.session_id for envelope in envelopes],
                [envelope.stream_id for envelope in envelopes],
                [envelope.seq for envelope in envelopes],
            )
            # Outside the transaction that follows, so that it is kept.
            for tenant_id in {envelope.tenant_id for envelope in envelopes}:
                await self.vault.index(connection, tenant_id)
        return {tuple(row) for row in rows}

    async def resolve(self, tenant_id: str, session_id: str) -> Resolved:
        """Return who the session is and what they are worth; anonymous if nobody ever said."""
        async with self.database.connection() as connection:
            row: Any = await connection.fetchrow(_SESSION, tenant_id, session_id)
            if row is None:
                return Resolved(tenant_id, session_id, Identity())
            resolved = await self._joined(connection, row)
            rules_version = row["rules_version"]
            worth = Worth(
                read_value(row),
                await self._bases.rules(connection, tenant_id, rules_version),
                await self._bases.rates(connection, tenant_id, row["rates_version"]),
                has_rules=rules_version > 0,
            )
        return replace(resolved, identity=valued(resolved.identity, worth))

    async def _joined(self, connection: Any, row: Any) -> Resolved:
        """The session as it states itself, else as the user that it is taken for."""
        session = await self._resolved(connection, row)
        if session.identity.user_id or not row["joined_user"]:
            return session
        donor_id = await donor_of(connection, row["tenant_id"], row["joined_user"])
        if donor_id is None:
            return session
        found: Any = await connection.fetchrow(_SESSION, row["tenant_id"], donor_id)
        donor = await self._resolved(connection, found)
        identity = replace(donor.identity, assurance=Assurance.INFERRED, joined_by=row["joined_by"])
        # The sources are asked for the donor; the session is about nobody of its own.
        return replace(
            donor,
            session_id=session.session_id,
            identity=identity,
            version=session.version,
            looked_up=True,
        )

    async def lock(self, connection: Any, tenant_id: str, session_id: str) -> Resolved:
        """Return what its identifies make of the session, and have others who would change it wait.

        Raises:
            NotFound: no such tenant.
        """
        await connection.execute(
            "INSERT INTO sessions (tenant_id, session_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            tenant_id,
            session_id,
        )
        row: Any = await connection.fetchrow(_SESSION + " FOR UPDATE OF s", tenant_id, session_id)
        return await self._resolved(connection, row)

    async def held_version(self, connection: Any, session: Resolved, user_id: str) -> int:
        """Return the version of a locked session, whose user's value stays as it is from now on.

        Needed where the session leaves the user: the value's part of the version goes with them.
        """
        version: Any = await connection.fetchval(
            "SELECT s.version + v.version FROM sessions s JOIN user_values v"
            " ON v.tenant_id = s.tenant_id AND v.user_id = $3"
            " WHERE s.tenant_id = $1 AND s.session_id = $2 FOR SHARE OF v",
            session.tenant_id,
            session.session_id,
            user_id,
        )
        return session.version if version is None else int(version)

    async def add(
        self, connection: Any, envelope: Envelope, assurance: Assurance, facts: Facts
    ) -> bool:
        """Record an identify; False if it was recorded before.

        Of whom was erased since it was stated, nothing is kept but that it was recorded.
        """
        stated = {name: value for name, value in asdict(facts).items() if value is not None}
        text = json.dumps(stated) if stated else ""
        place = (envelope.tenant_id, envelope.session_id)
        own = None
        if text:
            own = await self.vault.sealer_since(
                connection,
                envelope.tenant_id,
                visitor(facts.user_id, envelope.session_id),
                DataSubject("session", envelope.session_id),
                envelope.occurred_at_ms,
            )
        new: Any = await connection.fetchval(
            "INSERT INTO identifies (tenant_id, session_id, stream_id, seq, occurred_at_ms,"
            " assurance, facts, subject) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
            " ON CONFLICT DO NOTHING RETURNING 1",
            *envelope.key,
            envelope.occurred_at_ms,
            int(assurance),
            own.seal(text, *place, "facts") if own else b"",
            own.subject if own else None,
        )
        if new is not None and own is not None:
            detail = {"fields": sorted(stated), "session": envelope.session_id}
            deed = self._audit.deed(AuditEntry("identity.stated", own.subject.hex(), detail=detail))
            await self._audit.defer(connection, envelope.tenant_id, deed)
        return new is not None

    async def entries(self, connection: Any, tenant_id: str, session_id: str) -> list[Entry]:
        """Return what the session's identifies say: of each assurance the newest."""
        rows: list[Any] = await connection.fetch(
            "SELECT * FROM (SELECT stream_id, seq, occurred_at_ms, assurance, facts, row_number()"
            " OVER (PARTITION BY assurance ORDER BY occurred_at_ms DESC, seq DESC) AS place"
            " FROM identifies WHERE tenant_id = $1 AND session_id = $2 AND facts <> '') AS stated"
            " WHERE place <= $3",
            tenant_id,
            session_id,
            _FOLDED,
        )
        opened = await self.vault.opened(connection, tenant_id, [row["facts"] for row in rows])
        return [
            Entry(
                row["stream_id"],
                row["seq"],
                row["occurred_at_ms"],
                Assurance(row["assurance"]),
                _facts(text),
            )
            for row in rows
            if (text := opened.text(row["facts"], tenant_id, session_id, "facts"))
        ]

    async def save(self, connection: Any, session: Resolved) -> None:
        """Write a session's identity and version.

        What was looked up goes where the session is now about somebody else.

        The version that is told is this one and that of the user's value together, so it grows
        whichever changes. What `lock` returned is the sum; kept as this part, it makes the next sum
        larger whoever the user is now.
        """
        identity = session.identity
        place = (session.tenant_id, session.session_id)
        index = await self.vault.index(connection, session.tenant_id)
        email, name = b"", b""
        if identity.email or identity.name:
            subject = visitor(identity.user_id, session.session_id)
            own = await self.vault.sealer(connection, session.tenant_id, subject)
            email = own.seal(identity.email, *place, "email")
            name = own.seal(identity.name, *place, "name")
        await connection.execute(
            "UPDATE sessions SET version = $3, assurance = $4, user_id = $5, email = $6,"
            " email_index = $7, name = $8, company = $9, company_name = $10, ltv_currency = $11,"
            " ltv_minor = $12, ltv_low_minor = $13, ltv_high_minor = $14, ltv_source = $15,"
            " tier = $16, established_at_ms = $17, company_kind = $18, company_parent = $19,"
            " enriched_for = CASE WHEN enriched_for = $20 THEN enriched_for END,"
            " enriched = CASE WHEN enriched_for = $20 THEN enriched ELSE '' END,"
            " enriched_company = CASE WHEN enriched_for = $20 THEN enriched_company ELSE '' END,"
            " enriched_owner = CASE WHEN enriched_for = $20 THEN enriched_owner ELSE '' END,"
            " plan = $21, stated_tier = $22"
            " WHERE tenant_id = $1 AND session_id = $2",
            *place,
            session.version,
            int(identity.assurance),
            identity.user_id,
            email,
            index.blind(identity.email),
            name,
            identity.company,
            identity.company_name,
            identity.ltv.currency if identity.ltv else None,
            identity.ltv.minor if identity.ltv else None,
            identity.ltv_low.minor if identity.ltv_low else None,
            identity.ltv_high.minor if identity.ltv_high else None,
            identity.ltv_source,
            int(identity.tier),
            identity.established_at_ms,
            identity.company_kind,
            identity.company_parent,
            index.blind(about(identity.email, identity.company)),
            identity.plan,
            int(identity.stated_tier),
        )

    async def enrich(self, subject: Subject, found: Enrichment) -> None:
        """Write what was looked up, if the session is still about the same person and company.

        Raises:
            Unavailable: PostgreSQL is away.
        """
        place = subject.place
        told = {name: value for name, value in asdict(found).items() if value}
        async with self.database.transaction() as connection:
            row: Any = await connection.fetchrow(_SESSION + " FOR UPDATE OF s", *place)
            if row is None:
                return
            before = await self._resolved(connection, row)
            identity = before.identity
            if (identity.email, identity.company) != (subject.email, subject.company):
                return
            index = await self.vault.index(connection, subject.tenant_id)
            of = visitor(identity.user_id, subject.session_id)
            own = await self.vault.sealer(connection, subject.tenant_id, of)
            await connection.execute(
                "UPDATE sessions SET version = version + $3, enriched_for = $4, enriched = $5,"
                " enriched_company = $6, enriched_owner = $7"
                " WHERE tenant_id = $1 AND session_id = $2",
                *place,
                int(found != before.enrichment),
                index.blind(about(subject.email, subject.company)),
                own.seal(json.dumps(told) if told else "", *place, "enriched"),
                found.company,
                found.owner,
            )
            await announce(connection, PROFILE_CHANNEL, subject.tenant_id, [subject.session_id])

    async def _resolved(self, connection: Any, row: Any) -> Resolved:
        place = (row["tenant_id"], row["session_id"])
        stored = (row["email"], row["name"], row["enriched"])
        opened = await self.vault.opened(connection, row["tenant_id"], stored)
        identity = Identity(
            assurance=Assurance(row["assurance"]),
            user_id=row["user_id"],
            email=opened.text(row["email"], *place, "email"),
            name=opened.text(row["name"], *place, "name"),
            company=row["company"],
            company_name=row["company_name"],
            company_kind=row["company_kind"],
            company_parent=row["company_parent"],
            ltv=_money(row, "ltv_minor"),
            ltv_low=_money(row, "ltv_low_minor"),
            ltv_high=_money(row, "ltv_high_minor"),
            ltv_source=row["ltv_source"],
            tier=Tier(row["tier"]),
            established_at_ms=row["established_at_ms"],
            plan=row["plan"],
            stated_tier=Tier(row["stated_tier"]),
        )
        enriched = opened.text(row["enriched"], *place, "enriched")
        return Resolved(
            *place,
            identity,
            row["version"] + (row["value_version"] or 0),
            row["owner_person_id"] or "",
            Enrichment(**json.loads(enriched)) if enriched else NOTHING,
            row["enriched_for"] is not None,
        )


def about(email: str, company: str) -> str:
    """Whom a look-up is about, as one text."""
    return f"{email}\n{company}"


def _money(row: Any, column: str) -> Money | None:
    minor = row[column]
    return None if minor is None else Money(row["ltv_currency"], minor)


def _facts(text: str) -> Facts:
    stated: dict[str, Any] = json.loads(text)
    if ltv := stated.get("ltv"):
        stated["ltv"] = Money(**ltv)
    if tier := stated.get("tier"):
        stated["tier"] = Tier(tier)
    if ids := stated.get("ids"):
        stated["ids"] = tuple((name, told) for name, told in ids)
    # A newer replica may have recorded more than this one knows.
    return Facts(**{name: stated[name] for name in _FACTS & stated.keys()})
