"""Recommendations as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from google.protobuf.json_format import MessageToJson
from sentientiq.accountability.v1 import accountability_service_pb2 as pb

_HEAD = ("decision", "state", "owner", "due (UTC)", "value", "emotion", "verdict")


def as_json(message: Any) -> str:
    """One line."""
    return MessageToJson(message, preserving_proto_field_name=True, indent=None)


def moment(at_ms: int) -> str:
    """For people; "-" for none."""
    if not at_ms:
        return "-"
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def state_word(state: int) -> str:
    """`acted_late` and the like."""
    return _word(pb.RecommendationState, state, "RECOMMENDATION_STATE_")


def table(records: Iterable[Any]) -> str:
    """A line each, in columns."""
    rows = [_HEAD, *(_row(record) for record in records)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def shown(record: Any) -> str:
    """One, with its history and its owners."""
    lines = [
        f"{record.decision_id}: {state_word(record.state)}, {record.person_id}'s, due"
        f" {moment(record.due_at_ms)} UTC ({record.terms or 'the terms are not worked out yet'})",
        f"  {record.emotion or 'unknown'} {record.confidence} %, session {record.session_id},"
        f" {record.company or 'no company'}, {_value(record)}",
    ]
    if record.decline_reason:
        reason = _word(pb.DeclineReason, record.decline_reason, "DECLINE_REASON_")
        lines.append(f"  declined: {reason}")
    if record.feedback:
        lines.append(f"  the emotion was {record.feedback}, people say")
    lines.append("  what happened:")
    lines += [f"    {moment(step.at_ms)}  {state_word(step.state)}" for step in record.transitions]
    lines.append("  whose it was:")
    for owner in record.owners:
        word = _word(pb.Verdict, owner.verdict, "VERDICT_")
        until = moment(owner.to_ms) if owner.to_ms else "now"
        blame = "blame" if owner.blame else "no blame"
        lines.append(
            f"    {owner.person_id}  {moment(owner.from_ms)} to {until}: {word}, {blame}."
            f" {owner.why}"
        )
        if owner.appeal:
            state = _word(pb.AppealState, owner.appeal, "APPEAL_STATE_")
            reason = _word(pb.AppealReason, owner.appeal_reason, "APPEAL_REASON_")
            lines.append(f"      appeal ({reason}): {state}")
    return "\n".join(lines)


def _row(record: Any) -> Sequence[str]:
    owners = record.owners
    verdict = _word(pb.Verdict, owners[-1].verdict, "VERDICT_") if owners else "-"
    return (
        record.decision_id,
        state_word(record.state),
        record.person_id,
        moment(record.due_at_ms),
        _value(record),
        record.emotion or "-",
        verdict,
    )


def _value(record: Any) -> str:
    from services.common.currencies import DIGITS

    if not record.HasField("value"):
        return "no known value"
    digits = DIGITS.get(record.value.currency, 2)
    return f"{record.value.minor / 10**digits:,.{digits}f} {record.value.currency}"


def _word(enum: Any, number: int, prefix: str) -> str:
    return str(enum.Name(number)).removeprefix(prefix).lower()
