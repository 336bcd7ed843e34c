"""The resolution graph once more, slow and obvious: everything from all statements, every time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

VERIFIED, CLAIMED = 3, 2


@dataclass(frozen=True)
class Statement:
    """What a page said, or (`assurance` 0) what the edge told of a session's browser."""

    session: str
    stream: str
    seq: int
    at: int
    assurance: int
    user: str = ""
    email: str = ""
    crm: str = ""
    visitor: str = ""
    since: int = 0


@dataclass(frozen=True)
class World:
    """All that was ever said, and the rules it is read by."""

    statements: tuple[Statement, ...]
    cuts: frozenset[tuple[str, str, str]] = frozenset()
    window: int = 30
    most: int = 3

    def sessions(self) -> list[str]:
        named = {s.session for s in self.statements}
        return sorted(named | {s.visitor for s in self.statements if s.visitor and s.since})

    def _told(self, session: str, assurance: int) -> list[Statement]:
        """In order: of one stream by seq, whose clock never runs back; of several by time."""
        mine = [
            s for s in self.statements
            if s.session == session and s.assurance == assurance and (s.user or s.email or s.crm)
        ]  # fmt: skip
        clock: dict[str, int] = {}
        timed: list[tuple[int, str, int, Statement]] = []
        for s in sorted(mine, key=lambda s: (s.stream, s.seq)):
            clock[s.stream] = max(clock.get(s.stream, 0), s.at)
            timed.append((clock[s.stream], s.stream, s.seq, s))
        return [item[3] for item in sorted(timed, key=lambda item: item[:3])]

    def _states(self, session: str, assurance: int) -> list[tuple[str, dict[str, str]]]:
        """After each statement: the user, and what is known of them."""
        user, known = "", dict[str, str]()
        states: list[tuple[str, dict[str, str]]] = []
        for s in self._told(session, assurance):
            if s.user and user and s.user != user:
                known = {}
            user = s.user or user
            known = {**known, **{k: v for k, v in (("crm", s.crm), ("email", s.email)) if v}}
            states.append((user, known))
        return states

    def now(self, session: str) -> tuple[str, dict[str, str]]:
        """The user that a session names, and what else it states; by its best proof."""
        for assurance in (VERIFIED, CLAIMED):
            if states := self._states(session, assurance):
                return states[-1]
        return "", {}

    def users(self, session: str) -> set[str]:
        return {u for a in (VERIFIED, CLAIMED) for u, _ in self._states(session, a) if u}

    def browser(self, session: str) -> str:
        return next(
            (s.visitor for s in self.statements if s.session == session and s.visitor), session
        )

    def began(self, session: str) -> int:
        moments = [s.at for s in self.statements if s.session == session]
        moments += [s.since for s in self.statements if s.visitor == session and s.since]
        return min(moments)

    def values(self, user: str, kind: str) -> set[str]:
        """All values of a kind that a user has."""
        found: set[str] = set()
        for session in self.sessions():
            if kind == "visitor":
                if user in self.users(session) or self.by_identifier(session) == user:
                    found.add(self.browser(session))
                continue
            for assurance in (VERIFIED, CLAIMED):
                for named, known in self._states(session, assurance):
                    if named == user and kind in known:
                        found.add(known[kind])
        return found

    def owner(self, kind: str, value: str) -> str:
        """The one user of whom an identifier was stated, by the best proof."""
        for assurance in (VERIFIED, CLAIMED):
            users = {
                user
                for session in self.sessions()
                for user, known in self._states(session, assurance)
                if user and known.get(kind) == value and (kind, value, user) not in self.cuts
            }
            if users:
                only = users.pop() if len(users) == 1 else ""
                return only if only and len(self.values(only, kind)) <= self.most else ""
        return ""

    def by_identifier(self, session: str) -> str:
        user, known = self.now(session)
        if user:
            return ""
        owners = (self.owner(kind, known[kind]) for kind in ("crm", "email") if kind in known)
        return next((owner for owner in owners if owner), "")

    def person(self, session: str) -> set[str]:
        """Everybody who was seen in a session."""
        if users := self.users(session):
            return {f"user {user}" for user in users}
        if joined := self.by_identifier(session):
            return {f"user {joined}"}
        _, known = self.now(session)
        return {f"somebody {sorted(known.items())[0]}"} if known else set()

    def attributed(self, session: str) -> str:
        """Whose a session is."""
        user, known = self.now(session)
        if user or known:
            return user or self.by_identifier(session)
        browser, began = self.browser(session), self.began(session)
        seen: set[str] = set()
        for other in self.sessions():
            near = abs(self.began(other) - began) <= self.window
            if other != session and self.browser(other) == browser and near:
                seen |= {
                    person for person in self.person(other)
                    if ("visitor", browser, person.removeprefix("user ")) not in self.cuts
                }  # fmt: skip
        if len(seen) != 1 or not (only := seen.pop()).startswith("user "):
            return ""
        user = only.removeprefix("user ")
        return user if len(self.values(user, "visitor")) <= self.most else ""

    def all(self) -> dict[str, str]:
        return {session: self.attributed(session) for session in self.sessions()}


def with_more(world: World, statements: Iterable[Statement]) -> World:
    """The world after more was said."""
    return World((*world.statements, *statements), world.cuts, world.window, world.most)
