"""Consents as the service uses them: recorded with an audit record, asked for at each read."""

from __future__ import annotations

from collections.abc import Sequence

from services.common.audit.record import Entry
from services.common.audit.writer import AuditWriter
from services.common.auth import principal
from services.common.errors import InvalidArgument
from services.identity.database import Database
from services.identity.privacy import consent
from services.identity.privacy.consent import OPERATION, PURPOSES, Consent
from services.identity.privacy.subjects import DataSubject
from services.identity.privacy.vault import Vault


class Consents:
    """Records and consults them."""

    def __init__(self, database: Database, vault: Vault, audit: AuditWriter) -> None:
        self._database = database
        self._vault = vault
        self._audit = audit
        self.withheld = 0

    async def put(
        self, tenant_id: str, subject: DataSubject, consents: Sequence[Consent]
    ) -> list[Consent]:
        """Record what a subject said; returns what is in force.

        Raises:
            NotFound: no such tenant.
        """
        async with self._database.transaction() as connection:
            name = (await self._vault.index(connection, tenant_id)).pseudonym(subject)
            changed = set(await consent.write(connection, tenant_id, name, consents))
            now = await consent.read(connection, tenant_id, [name])
            entries = [
                Entry(
                    "consent.put",
                    name.hex(),
                    detail={"topic": one.topic, "granted": one.granted, "source": one.source},
                )
                for one in now.values()
                if one.topic in changed
            ]
            if entries:
                await self._audit.append(connection, tenant_id, *entries)
        return sorted(now.values())

    async def of(self, tenant_id: str, *subjects: DataSubject) -> dict[str, Consent]:
        """What is in force of subjects that are one."""
        async with self._database.connection() as connection:
            index = await self._vault.index(connection, tenant_id)
            names = [index.pseudonym(subject) for subject in subjects]
            return await consent.read(connection, tenant_id, names)

    async def refuses(self, tenant_id: str, session_id: str, user_id: str, purpose: str) -> str:
        """Why a purpose may not see who the session is; empty if it may."""
        if purpose == OPERATION:
            return ""
        subjects = [DataSubject("session", session_id)]
        if user_id:
            subjects.append(DataSubject("user", user_id))
        reason = consent.withheld(purpose, await self.of(tenant_id, *subjects))
        self.withheld += bool(reason)
        return reason


def purpose_of(field: str, stated: str) -> str:
    """What the caller reads for: stated, else to run the mesh, or, asked by a person, support.

    Raises:
        InvalidArgument: there is no such purpose.
    """
    if stated and stated not in PURPOSES:
        raise InvalidArgument(
            f"{field}: expected one of {', '.join(PURPOSES)}, or nothing, was {stated[:64]!r}"
        )
    return stated or (OPERATION if principal().role == "mesh" else "support")
