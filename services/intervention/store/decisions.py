"""SQL of the group writer: read what guards remember and what is known, write decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common.log import DECISION
from services.intervention.database import OUTRUN, TWICE
from services.intervention.deciding.proposal import DraftMessage
from services.intervention.experiments.assignment import Exposure
from services.intervention.policy import UNGUARDED, Policy
from services.intervention.store.outbox import Row
from services.intervention.store.promises import Promise

GuardKey = tuple[str, str]
"""Tenant and subject."""

# Parameters are JSON: the driver looks at each element of an array for longer than PostgreSQL takes
# to read it. The OFFSET keeps the look-up by key one, however the tables grow.
_READ = """
SELECT found.*
FROM json_to_recordset($1::json) AS key (tenant_id text, subject text)
CROSS JOIN LATERAL (
    SELECT subject AS id, tenant_id, '' AS emotion_id, false AS intervened, state AS record,
        version, touched_at_ms
    FROM guards WHERE tenant_id = key.tenant_id AND subject = key.subject OFFSET 0
) AS found
UNION ALL
SELECT id, tenant_id, emotion_id, intervened, record, -1, 0 FROM decisions
WHERE emotion_id = ANY (ARRAY(SELECT json_array_elements_text($2::json)))
"""

# For whoever was outrun: takes every row's lock, in one order for all writers, so that they cannot
# deadlock, and so that the next try is the last.
_LOCK = """
INSERT INTO guards (tenant_id, subject, touched_at_ms)
SELECT tenant_id, subject, $3 FROM unnest($1::text[], $2::text[]) AS key (tenant_id, subject)
ORDER BY tenant_id, subject
ON CONFLICT (tenant_id, subject) DO UPDATE SET touched_at_ms = EXCLUDED.touched_at_ms
"""

# A decision that stands already ends the statement: all is written or nothing. What a group
# has none of is left out of its statement: to prepare for it costs as much as a row of it.
_GUARDED = """
WITH draft AS MATERIALIZED (
    SELECT * FROM json_to_recordset($1::json) AS draft
        (tenant_id text, subject text, state text, version bigint, touched_at_ms bigint)
), guarded AS (
    INSERT INTO guards (tenant_id, subject, state, version, touched_at_ms)
    SELECT tenant_id, subject, decode(state, 'base64'), version + 1, $4
    FROM draft WHERE state IS NOT NULL
    ORDER BY tenant_id, subject
    ON CONFLICT (tenant_id, subject) DO UPDATE
    SET state = EXCLUDED.state, version = EXCLUDED.version, touched_at_ms = EXCLUDED.touched_at_ms
    WHERE guards.version = EXCLUDED.version - 1
    RETURNING 1
), written AS (
    INSERT INTO decisions
        (id, tenant_id, session_id, emotion_id, rev, intervened, record, decided_at_ms)
    SELECT id, tenant_id, session_id, emotion_id, rev, intervened, decode(record, 'base64'), $4
    FROM json_to_recordset($2::json) AS one (id text, tenant_id text, session_id text,
        emotion_id text, rev bigint, intervened boolean, record text)
    RETURNING id, tenant_id, session_id, decided_at_ms
), logged AS (
    INSERT INTO promised (decision_ids) VALUES ($3) RETURNING seq
)"""
_SHOWN = """, shown AS (
    INSERT INTO interventions (id, tenant_id, session_id, decision_id, record, created_at_ms,
        expires_at_ms, changed_at_ms, subject, type, state, rules)
    SELECT one.id, tenant_id, session_id, written.id, decode(one.record, 'base64'), decided_at_ms,
        one.expires_at_ms, decided_at_ms, one.subject, one.type, one.state, one.rules
    FROM json_to_recordset(%s::json) AS one (id text, decision_id text, record text,
        expires_at_ms bigint, subject text, type text, state text, rules text[])
    JOIN written ON written.id = one.decision_id
)"""
_SENT = """, sent AS (
    INSERT INTO messages (id, tenant_id, session_id, decision_id, person_id, channel, destination,
        endpoint_hash, sealed, next_attempt_at_ms, expires_at_ms, created_at_ms, changed_at_ms,
        traceparent, rules)
    SELECT one.id, tenant_id, session_id, written.id, one.person_id, one.channel,
        one.destination, one.endpoint_hash, decode(one.sealed, 'base64'), decided_at_ms,
        one.expires_at_ms, decided_at_ms, decided_at_ms, one.traceparent, one.rules
    FROM json_to_recordset(%s::json) AS one (id text, decision_id text, person_id text,
        channel text, destination text, endpoint_hash text, sealed text, expires_at_ms bigint,
        traceparent text, rules text[])
    JOIN written ON written.id = one.decision_id
)"""
_EXPOSED = """, exposed AS (
    INSERT INTO experiment_exposures (tenant_id, experiment, unit_kind, unit, variant, propensity,
        shares, version, decision_id, exposed_at_ms)
    SELECT tenant_id, one.experiment, one.unit_kind, one.unit, one.variant, one.propensity,
        one.shares, one.version, written.id, decided_at_ms
    FROM json_to_recordset(%s::json) AS one (decision_id text, experiment text, unit_kind text,
        unit text, variant text, propensity double precision, shares double precision[],
        version text)
    JOIN written ON written.id = one.decision_id
    ORDER BY tenant_id, one.experiment, one.unit
    ON CONFLICT (tenant_id, experiment, unit) DO NOTHING
)"""
# What was judged by may be a minute old (memory.py): it has to be what stands. A row that was
# forgotten and made again may have come to the same version, at no time to the same moment too.
_COUNTED = """
SELECT seq FROM logged WHERE not_outrun((SELECT count(*) FROM guarded), $5)
    AND not_outrun((
        SELECT count(*) FROM draft LEFT JOIN LATERAL (
            SELECT version, touched_at_ms FROM guards
            WHERE tenant_id = draft.tenant_id AND subject = draft.subject OFFSET 0
        ) AS found ON true
        WHERE (coalesce(found.version, 0), coalesce(found.touched_at_ms, 0))
            = (draft.version, draft.touched_at_ms)), $6)
    AND not_outrun((
        SELECT count(*) FROM decisions
        WHERE emotion_id = ANY (ARRAY(SELECT json_array_elements_text($7::json)))), $8)
"""


@cache
def _write_of(parts: tuple[str, ...]) -> str:
    """The statement with these parts, whose rows are the parameters from $9 on."""
    filled = [part % f"${number}" for number, part in enumerate(parts, start=9)]
    return "".join([_GUARDED, *filled, _COUNTED])


@dataclass(frozen=True, slots=True)
class Made:
    """A decision with all that is written along with it."""

    decision: pb.Decision
    messages: Sequence[DraftMessage]
    subject: str
    """Whose history a dismissal belongs to."""
    kind: str
    """Type of the help in the page; empty without any."""
    traceparent: str
    exposures: Sequence[Exposure] = ()
    """Whoever met an experiment by it; a unit's first exposure stands."""
    rules: Sequence[str] = ()
    """The rule that it comes from, and the branches above: switches stop either."""


@dataclass(frozen=True, slots=True)
class Known:
    """A decision that stands."""

    id: str
    tenant_id: str
    emotion_id: str
    intervened: bool
    record: bytes


@dataclass(frozen=True, slots=True)
class State:
    """What guards remember of a subject, of which version that is, and since when."""

    encoded: bytes = b"{}"
    version: int = 0
    touched_at_ms: int = 0


async def lock_guards(connection: Any, keys: Iterable[GuardKey], now_ms: int) -> None:
    """Lock what guards remember until the transaction ends."""
    ordered = sorted(set(keys))
    await connection.execute(
        _LOCK, [key[0] for key in ordered], [key[1] for key in ordered], now_ms
    )


async def read(
    connection: Any, keys: Iterable[GuardKey], emotion_ids: Iterable[str]
) -> tuple[dict[GuardKey, State], list[Known]]:
    """What guards remember, and all decisions on the given episodes."""
    ordered = sorted(set(keys))
    rows = await connection.fetch(
        _READ,
        _json({"tenant_id": key[0], "subject": key[1]} for key in ordered),
        _json(sorted(set(emotion_ids))),
    )
    states = dict.fromkeys(ordered, State())
    known: list[Known] = []
    for id_, tenant_id, emotion_id, intervened, record, version, touched_at_ms in rows:
        if version >= 0:
            states[(tenant_id, id_)] = State(record, version, touched_at_ms)
        else:
            known.append(Known(id_, tenant_id, emotion_id, intervened, record))
    return states, known


async def write(
    connection: Any,
    made: Sequence[Made],
    judged_by: Mapping[GuardKey, State],
    changed: Mapping[GuardKey, bytes],
    known: Iterable[Known],
    now_ms: int,
) -> Promise:
    """Write decisions with all that hangs on them, all or nothing. Returns what the log is owed.

    Args:
        judged_by: all that was looked at; every row of it has to be what stands.
        changed: what takes the place of some.
        known: the decisions that there were on these episodes.

    Raises:
        asyncpg.SerializationError: another writer was faster, or something is not what it was
            taken for; nothing is written.
    """
    records = [one.decision.SerializeToString() for one in made]
    optional = {
        _SHOWN: [_shown_row(one) for one in made if one.decision.HasField("intervention")],
        _SENT: [_message_row(message, one) for one in made for message in one.messages],
        _EXPOSED: [_exposure_row(exposure, one) for one in made for exposure in one.exposures],
    }
    rows = {part: found for part, found in optional.items() if found}
    episodes = {one.decision.emotion.id for one in made}
    try:
        seq = await connection.fetchval(
            _write_of(tuple(rows)),
            _json(_guard_row(key, one, changed.get(key)) for key, one in judged_by.items()),
            _json(map(_decision_row, made, records)),
            [one.decision.id for one in made],
            now_ms,
            len(changed),
            len(judged_by),
            _json(episodes),
            sum(one.emotion_id in episodes for one in known),
            *(_json(found) for found in rows.values()),
        )
    except TWICE as error:
        if error.constraint_name == "decisions_pkey":
            raise OUTRUN("another writer has decided it") from error
        raise
    return Promise(seq, list(map(_log_row, made, records)))


def _json(rows: Iterable[object]) -> str:
    """Rows for json_to_recordset; bytes are base64 in it."""
    return msgspec.json.encode(list(rows)).decode()


def _log_row(made: Made, record: bytes) -> Row:
    one = made.decision
    return Row(0, DECISION, one.tenant_id, one.session_id, record, made.traceparent)


def _guard_row(key: GuardKey, one: State, changed: bytes | None) -> dict[str, object]:
    return {
        "tenant_id": key[0],
        "subject": key[1],
        "state": changed,
        "version": one.version,
        "touched_at_ms": one.touched_at_ms,
    }


def _decision_row(made: Made, record: bytes) -> dict[str, object]:
    one = made.decision
    return {
        "id": one.id,
        "tenant_id": one.tenant_id,
        "session_id": one.session_id,
        "emotion_id": one.emotion.id,
        "rev": one.emotion.rev,
        "intervened": one.action == pb.DECISION_ACTION_INTERVENE,
        "record": record,
    }


def _exposure_row(exposure: Exposure, made: Made) -> dict[str, object]:
    return {
        "decision_id": made.decision.id,
        "experiment": exposure.experiment,
        "unit_kind": exposure.kind,
        "unit": exposure.unit,
        "variant": exposure.variant,
        "propensity": exposure.propensity,
        "shares": exposure.shares,
        "version": exposure.version,
    }


def _shown_row(one: Made) -> dict[str, object]:
    intervention = one.decision.intervention
    return {
        "id": intervention.id,
        "decision_id": one.decision.id,
        "record": intervention.SerializeToString(),
        "expires_at_ms": intervention.expires_at_ms,
        "subject": one.subject,
        "type": one.kind,
        # What was shown before it could be recorded is not shown again.
        "state": "shown" if one.decision.reason == UNGUARDED else "pending",
        "rules": one.rules,
    }


def _message_row(message: DraftMessage, made: Made) -> dict[str, object]:
    return {
        "id": message.id,
        "decision_id": made.decision.id,
        "person_id": message.person_id,
        "channel": message.channel,
        "destination": message.destination,
        "endpoint_hash": message.endpoint_hash,
        "sealed": message.sealed,
        "expires_at_ms": message.expires_at_ms,
        "traceparent": made.traceparent,
        "rules": made.rules,
    }


async def read_decided(pool: Any, emotion_ids: Iterable[str]) -> set[tuple[str, int]]:
    """(emotion id, rev) of everything decided, under whichever policy."""
    rows = await pool.fetch(
        "SELECT emotion_id, rev FROM decisions WHERE emotion_id = ANY($1::text[])",
        sorted(set(emotion_ids)),
    )
    return {(row["emotion_id"], row["rev"]) for row in rows}


async def read_decision(pool: Any, decision_id: str) -> pb.Decision | None:
    """A decision as it was recorded."""
    record = await pool.fetchval("SELECT record FROM decisions WHERE id = $1", decision_id)
    return None if record is None else pb.Decision.FromString(record)


async def keep_policy(connection: Any, policy: Policy, now_ms: int) -> None:
    """Keep the document that decisions rest on, once."""
    await connection.execute(
        "INSERT INTO policies (digest, version, body, since_ms) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (digest) DO NOTHING",
        policy.digest,
        policy.version,
        policy.body,
        now_ms,
    )
