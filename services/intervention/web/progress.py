"""How far an act has come, in words: what happened, what will, and whether it can be taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from services.intervention.store.acts import Act

Tone = Literal["good", "waiting", "quiet", "bad"]
_TITLES = {
    "send_offer": "Offer sent",
    "open_chat": "Chat offered",
    "call_back": "Call-back offered",
    "done": "Marked as done",
    "decline": "Left alone",
    "false_alarm": "Noted as a false alarm",
}
_GOING = {
    "send_offer": "Sending your offer",
    "open_chat": "Offering a chat",
    "call_back": "Offering a call-back",
}
_CLOSED = {
    "done": "Nobody else will be asked.",
    "decline": "Nothing is sent, and nobody else will be asked.",
    "false_alarm": "Nothing is sent. It counts against the detector, not against you.",
}
_TAKEN = {
    "send_offer": "They took the offer.",
    "open_chat": "They want to talk, and are waiting for you.",
    "call_back": "They would like a call.",
}
_NO_MAIL = {
    "no_address": "we have no e-mail address of theirs",
    "no_mail_server": "no mail server is set up",
    "no_consent": "they do not want to be helped by e-mail",
}
_ON_SCREEN_AT_ONCE_MS = 10_000


@dataclass(frozen=True, slots=True)
class Told:
    """An act as the page shows it. `{s}` in a text is the seconds that are left of `open_ms`."""

    id: str
    act: str
    at_ms: int
    state: str
    title: str
    text: str
    tone: Tone
    undo: bool
    open_ms: int

    def as_json(self) -> dict[str, Any]:
        """For the page's script."""
        return asdict(self)


def tell(act: Act, names: Mapping[str, str], now_ms: int) -> Told:
    """Put an act into words. `names` are the team's, by person."""
    open_ms = 0 if act.undone else max(0, act.open_until_ms - now_ms)
    to = names.get(act.to_person_id) or "your colleague"
    going = "Handing over" if open_ms else "Handed over"
    title = f"{going} to {to}" if act.act == "hand_over" else _TITLES.get(act.act, "Done")
    tone: Tone
    if act.undone:
        title, text, tone = f"{title}: taken back", _undone(act), "quiet"
    elif act.act == "hand_over":
        text = f"It goes to {to} in {{s}} s." if open_ms else f"{to} has a message with a link."
        tone = "waiting" if open_ms else "good"
    elif act.intervention_id is None:
        text, tone = _CLOSED.get(act.act, ""), "good" if act.act == "done" else "quiet"
    else:
        text, tone = _shown(act, open_ms)
        if open_ms and act.state == "pending":
            title = _GOING.get(act.act, title)
    return Told(
        act.id, act.act, act.acted_at_ms, act.state, title, text, tone, open_ms > 0, open_ms
    )


def _undone(act: Act) -> str:
    if act.state in ("shown", "clicked", "dismissed"):
        return "Their page had shown it already when you took it back."
    return "Nobody has seen anything of it."


def _shown(act: Act, open_ms: int) -> tuple[str, Tone]:
    """Of what the visitor is to see."""
    match act.state:
        case "pending" if open_ms:
            return (
                "They have left. It goes by e-mail in {s} s, if they do not come back.",
                "waiting",
            )
        case "pending" if act.fell_back:
            why = _NO_MAIL.get(act.fell_back, "it could not go by e-mail")
            return f"It is not on their screen, and {why}. It shows if they return.", "waiting"
        case "pending":
            return "On its way to their screen.", "good"
        case "mailed" if act.mail in ("sent", "delivered"):
            return "It was not shown in time, so it went by e-mail.", "good"
        case "mailed" if act.mail == "failed":
            return "It was not shown in time, and the e-mail could not be delivered.", "bad"
        case "mailed":
            return "It was not shown in time. It is going out by e-mail.", "waiting"
        case "shown":
            took_ms = act.state_at_ms - act.acted_at_ms
            if 0 <= took_ms < _ON_SCREEN_AT_ONCE_MS:
                return f"On their screen, {took_ms / 1000:.1f} s after your tap.", "good"
            if took_ms < 0:
                return "On their screen now.", "good"
            at = datetime.fromtimestamp(act.state_at_ms / 1000, UTC).strftime("%H:%M UTC")
            return f"They came back, and it is on their screen since {at}.", "good"
        case "clicked":
            return _TAKEN.get(act.act, "They took it."), "good"
        case "dismissed":
            return "They saw it and closed it.", "quiet"
        case "failed":
            return "Their page could not show it.", "bad"
        case _:
            return "They did not come back in time to see it.", "waiting"
