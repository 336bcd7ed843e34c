"""Why a session is whose it is: everything that was weighed, in the order in which it counts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from services.identity.graph import link_store
from services.identity.graph.attribution import STATED, Joined, Link, user_of
from services.identity.graph.link_store import Standing
from services.identity.graph.rules import EMAIL, VISITOR, GraphRules
from services.identity.graph.told import Identifier
from services.identity.model import Assurance, Identity

_MOST_EVIDENCE: Final = 10
_PROOFS: Final = {
    Assurance.ANONYMOUS: "",
    Assurance.INFERRED: "deduced",
    Assurance.CLAIMED: "the page's word",
    Assurance.VERIFIED: "a signed token",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that was weighed."""

    kind: str
    value: str
    user_ids: tuple[str, ...]
    assurance: Assurance
    decided: bool
    text: str
    evidence: tuple[str, ...] = ()


async def reasons(
    connection: Any,
    tenant_id: str,
    session_id: str,
    identity: Identity,
    standing: Standing,
    rules: GraphRules,
) -> list[Reason]:
    """What was weighed for a session; `identity` as the session states itself."""
    found: list[Reason] = []
    if identity.user_id:
        text = f"The session names the user itself, by {_PROOFS[identity.assurance]}."
        found.append(
            Reason(STATED, "", (identity.user_id,), identity.assurance, True, text, (session_id,))
        )
    own = (await link_store.links_of_sessions(connection, tenant_id, [session_id]))[session_id]
    order = [*(f"id:{name}" for name in rules.ids), EMAIL, VISITOR]
    identifiers = sorted(
        {Identifier(link.kind, link.value) for link in own if link.kind in order},
        key=lambda one: (order.index(one.kind), one.value),
    )
    links = await link_store.links_of(connection, tenant_id, identifiers)
    cuts = await link_store.cuts_of(connection, tenant_id, identifiers)
    for one in identifiers:
        near = _near(links.get(one, ()), one.kind, standing, rules)
        found.append(
            _reason(one, session_id, near, cuts.get(one, ()), identity, standing.joined, rules)
        )
    return found


def _near(links: Iterable[Link], kind: str, standing: Standing, rules: GraphRules) -> list[Link]:
    """The links that count for the session: of a browser, those of its time."""
    if kind != VISITOR:
        return list(links)
    return [link for link in links if abs(link.at_ms - standing.began_ms) <= rules.window_ms]


def _reason(
    one: Identifier,
    session_id: str,
    links: Collection[Link],
    cut: Collection[str],
    identity: Identity,
    joined: Joined,
    rules: GraphRules,
) -> Reason:
    users: dict[str, Assurance] = {}
    evidence: list[str] = []
    for link in links:
        user_id = user_of(link.person)
        if user_id and user_id not in cut:
            users[user_id] = max(link.assurance, users.get(user_id, link.assurance))
            evidence.append(link.session_id)
    best = max(users.values(), default=Assurance.ANONYMOUS)
    likely = sorted(user for user, proof in users.items() if proof is best or one.kind == VISITOR)
    decided = not identity.user_id and joined.by == one.kind and likely == [joined.user_id]
    others = {link.person for link in links if link.person and not user_of(link.person)}
    word = _word(one.kind)
    if decided:
        text = (
            f"The only person seen in this browser within {rules.window_ms // 86_400_000} days."
            if one.kind == VISITOR
            else f"{word} was stated of this user only, by {_PROOFS[best]}."
        )
    elif len(likely) > 1 or (one.kind == VISITOR and likely and others):
        text = f"{word} is shared by more than one person, so it decides nothing."
    elif identity.user_id and likely in ([], [identity.user_id]):
        text = f"{word} is linked to the user that the session names."
    elif not likely:
        text = f"{word} is known of no user."
    else:
        text = f"{word} is a user's, but something weightier decided, or they have too many."
    if cut:
        text += f" Taken apart by hand from {', '.join(sorted(cut))}."
    shown = tuple(sorted(set(evidence) - {session_id})[:_MOST_EVIDENCE])
    return Reason(one.kind, one.value, tuple(likely), best, decided, text, shown)


def _word(kind: str) -> str:
    if kind == VISITOR:
        return "The browser"
    return "The e-mail address" if kind == EMAIL else f"The id {kind.partition(':')[2]!r}"
