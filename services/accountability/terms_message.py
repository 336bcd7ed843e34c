"""Terms as they stand in the log and in the table of facts."""

from __future__ import annotations

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.accountability.facts import OwnerTerms

# asyncpg and PostgreSQL hold 64 bits; anything beyond a plausible epoch is a malformed message.
MAX_MS = 1 << 53


def write_terms(terms: OwnerTerms) -> pb.RecommendationTerms:
    """Make the message."""
    return pb.RecommendationTerms(
        due_at_ms=terms.due_at_ms,
        late_until_ms=terms.late_until_ms,
        team=terms.team,
        working=[pb.WorkingTime(from_ms=start, to_ms=end) for start, end in terms.working],
        fair_ms=terms.fair_ms,
        source=terms.source,
    )


def read_terms(message: pb.RecommendationTerms) -> OwnerTerms:
    """Read the message."""
    return OwnerTerms(
        message.due_at_ms,
        message.late_until_ms,
        message.team,
        tuple((span.from_ms, span.to_ms) for span in message.working),
        message.fair_ms,
        message.source,
    )


def is_plausible(terms: OwnerTerms) -> bool:
    """Whether its times can be, and its texts can be stored."""
    times = [terms.due_at_ms, terms.late_until_ms, terms.fair_ms]
    times += [moment for span in terms.working for moment in span]
    return all(0 <= at_ms < MAX_MS for at_ms in times) and "\x00" not in terms.team + terms.source


def pack_terms(terms: OwnerTerms) -> bytes:
    """Serialize."""
    return write_terms(terms).SerializeToString(deterministic=True)


def unpack_terms(packed: bytes) -> OwnerTerms:
    """Parse what `pack_terms` made."""
    return read_terms(pb.RecommendationTerms.FromString(packed))
