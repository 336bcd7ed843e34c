"""Keys of tenants and subjects, in PostgreSQL and for a while in memory.

A key is kept in memory only when it was read outside a transaction: what a transaction made may yet
be rolled back. Erasure is announced, and every replica forgets within moments; while nothing is
heard, a destroyed key opens nothing that is still stored.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.common import logs
from services.identity.pii import Pii
from services.identity.privacy import aead
from services.identity.privacy.aead import PiiError
from services.identity.privacy.keks import Keks
from services.identity.privacy.subjects import DataSubject, Index

# Payload: tenant_id, then a space and the pseudonym in hex.
CHANNEL = "identity_keys"
_log = logs.get(__name__)
_MOST_TENANTS: Final = 20_000
_MOST_SUBJECTS: Final = 50_000

_SUBJECTS = (
    "SELECT s.subject, s.tenant_key, s.wrapped, s.erased_at_ms, t.kek_id, t.wrapped AS tenant"
    " FROM subject_keys s LEFT JOIN tenant_keys t ON t.tenant_id = s.tenant_id AND t.use = 'data'"
    " AND t.version = s.tenant_key WHERE s.tenant_id = $1 AND s.subject = ANY($2)"
)


class Held(NamedTuple):
    """A subject's key, and what of the subject was erased."""

    key: AESGCM | None
    """None: destroyed."""
    erased_at_ms: int


class Opened:
    """The keys that open some values, held fast: no cache can lose them meanwhile."""

    __slots__ = ("_held", "_old")

    def __init__(self, old: Pii, held: Mapping[bytes, Held]) -> None:
        self._old = old
        self._held = held

    def text(self, stored: bytes, *at: str) -> str:
        """Decrypt a value; one whose subject was erased is empty.

        Raises:
            PiiError: it does not open.
        """
        if not stored:
            return ""
        subject = aead.subject_of(stored)
        if subject is None:
            return self._old.decrypt(stored, *at)
        key, erased_at_ms = self._held[subject]
        if key is None:
            return ""
        try:
            return aead.open_sealed(key, stored, at)
        except PiiError:
            # Of the time before the erasure, when the subject had another key.
            if erased_at_ms:
                return ""
            raise


@dataclass(frozen=True, slots=True)
class Sealer:
    """Encrypts what is about one subject."""

    subject: bytes
    key: AESGCM
    erased_at_ms: int

    def seal(self, text: str, *at: str) -> bytes:
        """Encrypt a text for a place; an empty one stays empty."""
        return aead.seal(self.key, self.subject, text, at)


class Vault:
    """Opens, makes and destroys keys."""

    channels = (CHANNEL,)

    def __init__(self, keks: Keks, old: Pii) -> None:
        self.keks = keks
        self.old = old
        self._indexes: OrderedDict[str, Index] = OrderedDict()
        self._data: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._subjects: OrderedDict[tuple[str, bytes], Held] = OrderedDict()
        self._forgotten = 0

    async def index(self, connection: Any, tenant_id: str) -> Index:
        """The tenant's key for blind indexes and pseudonyms; made at the first use.

        Raises:
            NotFound: no such tenant (by the foreign key).
        """
        known = self._indexes.get(tenant_id)
        if known is not None:
            return known
        _, key = await self._tenant_key(connection, tenant_id, "index")
        index = Index(key)
        if not connection.is_in_transaction():
            _keep(self._indexes, tenant_id, index, _MOST_TENANTS)
        return index

    async def opened(self, connection: Any, tenant_id: str, stored: Iterable[bytes]) -> Opened:
        """Have the keys at hand that these values need.

        Raises:
            PiiError: a key is missing, or does not unwrap.
        """
        held: dict[bytes, Held] = {}
        missing: list[bytes] = []
        for value in stored:
            subject = aead.subject_of(value)
            if subject is None or subject in held:
                continue
            known = self._subjects.get((tenant_id, subject))
            if known is None:
                missing.append(subject)
            else:
                self._subjects.move_to_end((tenant_id, subject))
                held[subject] = known
        if missing:
            held |= await self._load(connection, tenant_id, missing)
            for subject in missing:
                if subject not in held:
                    raise PiiError(
                        f"subject_keys has no key {subject.hex()} of {tenant_id}: was an older"
                        " backup of that table restored?"
                    )
        return Opened(self.old, held)

    async def held(
        self, connection: Any, tenant_id: str, subjects: Collection[bytes]
    ) -> dict[bytes, Held]:
        """The subjects' keys as they stand; none of them is erased before the transaction ends."""
        return await self._load(connection, tenant_id, subjects, lock=True)

    async def sealer(self, connection: Any, tenant_id: str, subject: DataSubject) -> Sealer:
        """A subject's key to encrypt with; made where there is none, or none any more."""
        name = (await self.index(connection, tenant_id)).pseudonym(subject)
        held = await self.held(connection, tenant_id, [name])
        return await self._sealer(connection, tenant_id, name, held)

    async def sealer_since(
        self,
        connection: Any,
        tenant_id: str,
        subject: DataSubject,
        session: DataSubject,
        stated_at_ms: int,
    ) -> Sealer | None:
        """As `sealer`, for what was stated in a session; None if either was erased since."""
        index = await self.index(connection, tenant_id)
        name = index.pseudonym(subject)
        held = await self.held(connection, tenant_id, {name, index.pseudonym(session)})
        if any(stated_at_ms <= one.erased_at_ms for one in held.values()):
            return None
        sealer = await self._sealer(connection, tenant_id, name, held)
        # One that was made meanwhile may have been erased meanwhile.
        return sealer if stated_at_ms > sealer.erased_at_ms else None

    async def _sealer(
        self, connection: Any, tenant_id: str, name: bytes, held: Mapping[bytes, Held]
    ) -> Sealer:
        while True:
            one = held.get(name)
            if one is not None and one.key is not None:
                return Sealer(name, one.key, one.erased_at_ms)
            made = await self._make(connection, tenant_id, name)
            if made is not None:
                return made
            held = await self.held(connection, tenant_id, [name])

    async def _make(self, connection: Any, tenant_id: str, subject: bytes) -> Sealer | None:
        """Make a subject's key; None if another did meanwhile."""
        # The newest, and locked: a rotation that ends meanwhile waits before it destroys it.
        version, data = await self._tenant_key(connection, tenant_id, "data")
        key = aead.new_key()
        erased_at_ms: Any = await connection.fetchval(
            "INSERT INTO subject_keys AS s (tenant_id, subject, tenant_key, wrapped)"
            " VALUES ($1, $2, $3, $4) ON CONFLICT (tenant_id, subject) DO UPDATE"
            " SET tenant_key = $3, wrapped = $4 WHERE s.wrapped IS NULL RETURNING erased_at_ms",
            tenant_id,
            subject,
            version,
            wrap_subject(data, key, tenant_id, subject),
        )
        return None if erased_at_ms is None else Sealer(subject, AESGCM(key), int(erased_at_ms))

    async def _load(
        self, connection: Any, tenant_id: str, subjects: Collection[bytes], *, lock: bool = False
    ) -> dict[bytes, Held]:
        query = _SUBJECTS + (" ORDER BY s.subject FOR SHARE OF s" if lock else "")
        # Rows that were erased while they were read must not be kept.
        forgotten = self._forgotten
        rows: list[Any] = await connection.fetch(query, tenant_id, list(subjects))
        found: dict[bytes, Held] = {}
        for row in rows:
            key: AESGCM | None = None
            if row["wrapped"] is not None:
                data = await self._data_key(connection, tenant_id, row)
                key = AESGCM(unwrap_subject(data, row["wrapped"], tenant_id, row["subject"]))
            found[row["subject"]] = Held(key, row["erased_at_ms"])
        if not connection.is_in_transaction() and forgotten == self._forgotten:
            for subject, held in found.items():
                _keep(self._subjects, (tenant_id, subject), held, _MOST_SUBJECTS)
        return found

    async def _data_key(self, connection: Any, tenant_id: str, row: Any) -> bytes:
        """Unwrap the tenant's key that a subject's row was read with."""
        place = (tenant_id, int(row["tenant_key"]))
        known = self._data.get(place)
        if known is not None:
            return known
        if row["tenant"] is None:
            raise PiiError(f"tenant_keys lacks version {place[1]} of {tenant_id}")
        context = tenant_context(tenant_id, "data", place[1])
        key = await self.keks.unwrap(row["kek_id"], row["tenant"], context)
        if not connection.is_in_transaction():
            _keep(self._data, place, key, _MOST_TENANTS)
        return key

    async def _tenant_key(self, connection: Any, tenant_id: str, use: str) -> tuple[int, bytes]:
        """The newest key of a use; made at the first."""
        while True:
            row: Any = await connection.fetchrow(
                "SELECT version, kek_id, wrapped FROM tenant_keys WHERE tenant_id = $1"
                " AND use = $2 ORDER BY version DESC LIMIT 1 FOR KEY SHARE",
                tenant_id,
                use,
            )
            if row is not None:
                version = int(row["version"])
                known = self._data.get((tenant_id, version)) if use == "data" else None
                context = tenant_context(tenant_id, use, version)
                return version, known or await self.keks.unwrap(
                    row["kek_id"], row["wrapped"], context
                )
            await add_tenant_key(connection, self.keks, tenant_id, use, 1)

    async def check(self, connection: Any) -> None:
        """Say in the log which key encryption keys are missing, before somebody needs them."""
        rows: list[Any] = await connection.fetch(
            "SELECT DISTINCT ON (kek_id) kek_id, tenant_id, use, version, wrapped FROM tenant_keys"
        )
        for row in rows:
            context = tenant_context(row["tenant_id"], row["use"], row["version"])
            try:
                await self.keks.unwrap(row["kek_id"], row["wrapped"], context)
            except PiiError as error:
                _log.error("tenants' keys do not open", kek_id=row["kek_id"], error=str(error))

    def forget(self, tenant_id: str, subject: bytes) -> None:
        """Keep a subject's key no longer."""
        self._forgotten += 1
        self._subjects.pop((tenant_id, subject), None)

    def heard(self, channel: str, payload: str) -> None:
        """A subject was erased, perhaps by another replica."""
        tenant_id, _, subject = payload.partition(" ")
        self.forget(tenant_id, bytes.fromhex(subject))

    def began(self) -> None:
        """Anybody may have been erased unheard."""
        self._forgotten += 1
        self._subjects.clear()

    def lost(self) -> None:
        """What is kept stays: a destroyed key opens nothing that is still stored."""

    def ended(self) -> None:
        """The process stops: nothing to let go of."""


async def add_tenant_key(
    connection: Any, keks: Keks, tenant_id: str, use: str, version: int
) -> None:
    """Make a tenant's key; one that another made first stays."""
    context = tenant_context(tenant_id, use, version)
    kek_id, wrapped = await keks.wrap(aead.new_key(), context)
    await connection.execute(
        "INSERT INTO tenant_keys (tenant_id, use, version, kek_id, wrapped)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        tenant_id,
        use,
        version,
        kek_id,
        wrapped,
    )


def tenant_context(tenant_id: str, use: str, version: int) -> tuple[str, ...]:
    """What is authenticated with a tenant's wrapped key."""
    return ("tenant key", tenant_id, use, str(version))


def wrap_subject(data: bytes, key: bytes, tenant_id: str, subject: bytes) -> bytes:
    """Wrap a subject's key with a tenant's."""
    return aead.wrap(data, key, "subject key", tenant_id, subject.hex())


def unwrap_subject(data: bytes, wrapped: bytes, tenant_id: str, subject: bytes) -> bytes:
    """Undo `wrap_subject`."""
    return aead.unwrap(data, wrapped, "subject key", tenant_id, subject.hex())


def _keep(cache: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> None:
    cache[key] = value
    cache.move_to_end(key)
    if len(cache) > most:
        cache.popitem(last=False)
