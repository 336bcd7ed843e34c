"""What a message in Slack becomes when one of its buttons is pressed."""

from __future__ import annotations

from typing import Any

from services.intervention.answering.slack_reply import replacement

_AT_S = 1_790_000_580  # 14:23 UTC
_HEAD = {"type": "header", "text": {"type": "plain_text", "text": "RAGE"}}


def _message() -> list[dict[str, Any]]:
    buttons = [{"type": "button", "action_id": one} for one in ("step_in", "acknowledge", "done")]
    return [_HEAD, {"type": "actions", "elements": buttons}]


def _buttons(said: dict[str, Any]) -> list[str]:
    actions = [block for block in said["blocks"] if block["type"] == "actions"]
    return [one["action_id"] for block in actions for one in block["elements"]]


def test_acknowledge_leaves_done_and_the_link() -> None:
    said = replacement("RAGE", _message(), action="acknowledge", who="Ada", at_s=_AT_S)
    assert said["replace_original"] is True
    assert said["text"] == "Acknowledged by Ada at 14:23 UTC · RAGE"
    assert [block["type"] for block in said["blocks"]] == ["header", "context", "actions"]
    line = said["blocks"][1]["elements"][0]["text"]
    assert line == f"Acknowledged by Ada at <!date^{_AT_S}^{{time}}|14:23 UTC>"
    assert _buttons(said) == ["step_in", "done"]


def test_done_leaves_only_the_link() -> None:
    said = replacement("RAGE", _message(), action="done", who="Ada", at_s=_AT_S)
    assert _buttons(said) == ["step_in"]


def test_a_second_reply_to_its_own_message_repeats_no_line() -> None:
    once = replacement("RAGE", _message(), action="done", who="Ada", at_s=_AT_S)
    twice = replacement("RAGE", once["blocks"], action="done", who="Ada", at_s=_AT_S)
    assert twice == once


def test_a_name_cannot_mention_or_link() -> None:
    said = replacement("", [], action="done", who="<!channel> https://x.example", at_s=_AT_S)
    assert said["text"] == "Done by &lt;!channel&gt; https x.example at 14:23 UTC"


def test_nobody_known_is_the_team() -> None:
    said = replacement("", [], action="done", who="", at_s=_AT_S)
    assert said["text"] == "Done by the team at 14:23 UTC"
