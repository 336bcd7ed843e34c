"""The words of identity: what an identify states, and who a session is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from services.identity.enrich.port import NOTHING, Enrichment
from services.identity.money import Money


class Assurance(IntEnum):
    """How far an identity can be trusted; the numbers are those of the proto."""

    ANONYMOUS = 0
    INFERRED = 1
    CLAIMED = 2
    VERIFIED = 3


class Tier(IntEnum):
    """Commercial weight of an account; the numbers are those of the proto."""

    UNKNOWN = 0
    STARTER = 1
    GROWTH = 2
    ENTERPRISE = 3


class Lack(IntEnum):
    """What a value, or its tier, is without; the numbers are those of the proto."""

    NOTHING = 0
    MODEL = 1
    RATE = 2
    PAYMENT = 3


@dataclass(frozen=True, slots=True)
class Envelope:
    """A sealed identify that passed validation."""

    tenant_id: str
    session_id: str
    stream_id: str
    seq: int
    occurred_at_ms: int
    sealed: bytes
    """Empty: it tells of the browser only."""
    key_id: bytes
    visitor_id: str = ""
    """The browser's; empty: the edge knows of none but this session."""
    visitor_since_ms: int = 0
    """When the browser's first session began, which has the visitor's id; 0: not known."""

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What makes it the same identify when it comes again."""
        return (self.tenant_id, self.session_id, self.stream_id, self.seq)


@dataclass(frozen=True, slots=True)
class Facts:
    """What one identify states about the visitor. None: it does not say."""

    user_id: str | None = None
    email: str | None = None
    name: str | None = None
    company: str | None = None
    company_name: str | None = None
    ltv: Money | None = None
    tier: Tier | None = None
    plan: str | None = None
    ids: tuple[tuple[str, str], ...] | None = None
    """The tenant's own ids of the person, by name: what they are in its CRM, its billing."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a session is. Empty text and None: not known."""

    assurance: Assurance = Assurance.ANONYMOUS
    user_id: str = ""
    email: str = ""
    name: str = ""
    company: str = ""
    company_name: str = ""
    company_kind: str = ""
    company_parent: str = ""
    ltv: Money | None = None
    ltv_low: Money | None = None
    ltv_high: Money | None = None
    ltv_source: str = ""
    tier: Tier = Tier.UNKNOWN
    established_at_ms: int = 0
    plan: str = ""
    stated_tier: Tier = Tier.UNKNOWN
    ltv_as_of_ms: int = 0
    ltv_observed: Money | None = None
    ltv_expected: Money | None = None
    ltv_lack: Lack = Lack.NOTHING
    ltv_reason: str = ""
    joined_by: str = ""
    """Empty: stated. Else the kind of identifier that the session has in common with the user."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """An identity as it is served: with its version and the person who owns the company.

    What the tenant's own sources know stands beside it, since the identity is a function of the
    session's identifies alone.
    """

    tenant_id: str
    session_id: str
    identity: Identity
    version: int = 0
    owner_person_id: str = ""
    enrichment: Enrichment = NOTHING
    looked_up: bool = False
    """The sources were asked about whom the session is now."""
