"""What a press of a button shows in Slack: who took it and when, in place of the button.

It goes to the press's own `response_url`, once the hook has answered. A reply that fails leaves the
outcome as it is: it is counted, logged and not repeated. What it says follows from the press and
the record alone, so the same press twice leaves the same message.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec

from services.common import logs
from services.common.guard import Guard, RefusedUrl, UnresolvedUrl, destination_of
from services.common.http_client import Http, NotSent, Unanswered
from services.intervention.answering.acknowledging import Acknowledging
from services.intervention.answering.visiting import Visit, Visiting
from services.intervention.clock import Clock
from services.intervention.database import FAILURES
from services.intervention.sending.content import SLACK_ACTS
from services.intervention.templates.escape import plain, slack

_SLACK = ("hooks.slack.com:443", "hooks.slack-gov.com:443")
_WORDS = {"acknowledge": "Acknowledged", "done": "Done"}
_MOST_UNDER_WAY = 64
_NAME_LIMIT = 60
_log = logs.get(__name__)


class _User(msgspec.Struct):
    name: str = ""


class _Message(msgspec.Struct):
    text: str = ""
    blocks: list[dict[str, Any]] = []


class _Act(msgspec.Struct):
    action_id: str
    action_ts: str = ""


class _Pressed(msgspec.Struct):
    """What of a `block_actions` payload an answer needs."""

    response_url: str
    actions: list[_Act] = []
    user: _User = msgspec.field(default_factory=_User)
    message: _Message = msgspec.field(default_factory=_Message)


class SlackReplies:
    """Posts replies behind the hook's back."""

    def __init__(
        self,
        http: Http,
        visiting: Visiting,
        acknowledging: Acknowledging,
        clock: Clock,
        *,
        allowed_private_hosts: tuple[str, ...] = (),
    ) -> None:
        """`allowed_private_hosts` may be replied to beside Slack: the sandbox, in try-outs."""
        self._http = http
        self._visiting = visiting
        self._acknowledging = acknowledging
        self._clock = clock
        self._guard = Guard(allowed_private_hosts)
        self._hosts = {*_SLACK, *(host.lower() for host in allowed_private_hosts)}
        self._tasks: set[asyncio.Task[None]] = set()
        self._last: dict[str, asyncio.Task[None]] = {}
        """By thread: each reply replaces the message, so the later press's must come last."""
        self.ends = {"sent": 0, "failed": 0, "refused": 0}

    async def start(self, payload: bytes, visit: Visit, action: str) -> None:
        """Begin to reply; nobody waits for it."""
        if len(self._tasks) >= _MOST_UNDER_WAY:
            self._failed("failed", "too many replies are under way")
            return
        thread_id = visit.decision.id
        before = self._last.get(thread_id)
        task = asyncio.create_task(self._reply(payload, visit, action, before))
        self._tasks.add(task)
        self._last[thread_id] = task
        task.add_done_callback(lambda ended: self._ended(ended, thread_id))

    async def close(self) -> None:
        """Let what is under way end, each within its own time; call it before the client closes."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None], thread_id: str) -> None:
        self._tasks.discard(task)
        if self._last.get(thread_id) is task:
            del self._last[thread_id]

    async def _reply(
        self, payload: bytes, visit: Visit, action: str, before: asyncio.Task[None] | None
    ) -> None:
        if before is not None:
            await asyncio.wait([before])
        try:
            pressed = msgspec.json.decode(payload, type=_Pressed)
            if destination_of(pressed.response_url) not in self._hosts:
                self._failed("refused", "response_url is not Slack's")
                return
            target = await self._guard.check(pressed.response_url)
            answer = await self._http.request(
                "POST",
                target.url,
                headers={"content-type": "application/json", "host": target.host_header},
                content=msgspec.json.encode(await self._said(pressed, visit, action)),
                tls_name=target.tls_name,
            )
        except RefusedUrl as error:
            self._failed("refused", str(error))
        except (msgspec.MsgspecError, UnresolvedUrl, NotSent, Unanswered) as error:
            self._failed("failed", repr(error))
        except FAILURES as error:
            self._failed("failed", repr(error))
        else:
            if answer.status == 200 and b'"ok":false' not in answer.body:
                self.ends["sent"] += 1
            else:
                said = answer.body[:100].decode("utf-8", "replace")
                self._failed("failed", f"http_{answer.status}: {said}")

    async def _said(self, pressed: _Pressed, visit: Visit, action: str) -> dict[str, Any]:
        names = await self._visiting.names(visit)
        who = pressed.user.name or names.get(visit.person_id, "")
        stamps = [one.action_ts for one in pressed.actions if one.action_id == action]
        at_s = _seconds(stamps[0] if stamps else "") or self._clock() // 1000
        closed = await self._acknowledging.closed(visit.decision)
        if closed is not None and action == "acknowledge":
            # Somebody ended it meanwhile: the older press must not bring the buttons back.
            action = "done"
            who = names.get(closed.person_id, "")
            at_s = closed.acted_at_ms // 1000
        return replacement(
            pressed.message.text, pressed.message.blocks, action=action, who=who, at_s=at_s
        )

    def _failed(self, how: str, why: str) -> None:
        self.ends[how] += 1
        _log.warning("slack reply not given", how=how, why=why)


def replacement(
    text: str, blocks: list[dict[str, Any]], *, action: str, who: str, at_s: int
) -> dict[str, Any]:
    """The message with a line in place of the buttons that are spent.

    After Acknowledge, Done can still be pressed; after Done nothing but the link is left.
    """
    name = slack(plain(who, _NAME_LIMIT)) or "the team"
    clock = f"{datetime.fromtimestamp(at_s, UTC):%H:%M} UTC"
    # Slack shows each reader the time of their own zone.
    line = f"{_WORDS[action]} by {name} at <!date^{at_s}^{{time}}|{clock}>"
    spent = set(SLACK_ACTS) if action == "done" else {action}
    said = {
        "type": "context",
        "block_id": f"siq_{action}",
        "elements": [{"type": "mrkdwn", "text": line}],
    }
    kept: list[dict[str, Any]] = []
    for block in blocks:
        if block.get("type") == "actions":
            elements = [
                one for one in block.get("elements", []) if one.get("action_id") not in spent
            ]
            kept += [{**block, "elements": elements}] if elements else []
        elif block.get("block_id") != said["block_id"]:
            kept.append(block)
    ends = [at for at, block in enumerate(kept) if block.get("type") == "actions"]
    kept.insert(ends[0] if ends else len(kept), said)
    fallback = f"{_WORDS[action]} by {name} at {clock}"
    return {
        "replace_original": True,
        "text": f"{fallback} · {text}" if text else fallback,
        "blocks": kept,
    }


def _seconds(stamp: str) -> int:
    """Of Slack's "1790000000.123456"; 0 where it is none."""
    whole = stamp.partition(".")[0]
    return int(whole) if whole.isascii() and whole.isdigit() and len(whole) <= 10 else 0
