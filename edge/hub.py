"""The live connections of this worker, and which of them a visitor is looking at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from sentientiq.intervention.v1 import intervention_pb2 as pb
from sentientiq.intervention.v1.intervention_service_pb2 import VisitorContext

from edge.push import intervention_frame
from services.common import logs, tracing

_log = logs.get(__name__)


class Connection(Protocol):
    """What the hub needs of a live connection."""

    @property
    def stream(self) -> str:
        """The page instance."""
        ...

    @property
    def key(self) -> str:
        """The publishable key it was admitted with."""
        ...

    @property
    def interventions_allowed(self) -> bool:
        """Whether the visitor wants help in the page."""
        ...

    @property
    def language(self) -> str:
        """The page's language, as its hello said."""
        ...

    @property
    def zone(self) -> str:
        """The visitor's time zone, as its hello said."""
        ...

    @property
    def offset_ms(self) -> float:
        """Server clock minus client clock."""
        ...

    def send(self, text: str) -> None:
        """Send a frame, or drop it if the client is gone."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Close the connection."""
        ...


@dataclass(slots=True)
class Pushed:
    """An intervention that was sent to a page here."""

    traceparent: str
    to: Connection | None
    """Whom it went to, while that lives and its page has said nothing of it."""
    answered: bool = False
    """Whether a page said what became of it: it was not written into a dead socket."""


@dataclass(slots=True)
class Live:
    """A session's connections here."""

    tenant: str
    session: str
    connections: dict[str, Connection] = field(default_factory=dict[str, Connection])
    visible_at_ms: dict[str, float] = field(default_factory=dict[str, float])
    pushed: dict[str, Pushed] = field(default_factory=dict[str, Pushed])
    """By the intervention's id."""

    def front(self) -> Connection | None:
        """The connection that came to the front last."""
        if not self.connections:
            return None
        stream = max(self.connections, key=lambda name: self.visible_at_ms.get(name, 0.0))
        return self.connections[stream]

    def forget(self, connection: Connection) -> None:
        """A connection ended: what it left unanswered may be pushed again. Its page may never have
        had it; if it had, it shows it once all the same.
        """
        for pushed in self.pushed.values():
            if pushed.to is connection:
                pushed.to = None

    def visitor(self) -> VisitorContext | None:
        """What the page in front knows. None is live without consent to analytics."""
        front = self.front()
        if front is None:
            return None
        return VisitorContext(
            language=front.language,
            zone=front.zone,
            interventions_consent=front.interventions_allowed,
            analytics_consent=True,
        )


class Hub:
    """All live sessions of the worker."""

    def __init__(self) -> None:
        self._live: dict[tuple[str, str], Live] = {}
        self._keys: Counter[str] = Counter()
        """Connections by the key they were admitted with."""
        self.pushes = 0
        self.unreadable = 0

    def join(self, tenant: str, session: str, connection: Connection, front_at_ms: float) -> Live:
        """Add a connection; a stream's new connection replaces its old one.

        Args:
            front_at_ms: when its page came to the front; 0: it is behind others.
        """
        live = self._live.setdefault((tenant, session), Live(tenant, session))
        old = live.connections.get(connection.stream)
        live.connections[connection.stream] = connection
        live.visible_at_ms[connection.stream] = front_at_ms
        if old is connection:
            return live
        self._keys[connection.key] += 1
        if old is not None:
            self._drop_key(old.key)
            live.forget(old)
            old.close(1000, "replaced by a new connection of the same stream")
        return live

    def leave(self, tenant: str, session: str, connection: Connection) -> bool:
        """Remove a connection; tells whether it was still the stream's current one."""
        live = self._live.get((tenant, session))
        if live is None or live.connections.get(connection.stream) is not connection:
            return False
        del live.connections[connection.stream]
        self._drop_key(connection.key)
        live.visible_at_ms.pop(connection.stream, None)
        live.forget(connection)
        if not live.connections:
            del self._live[(tenant, session)]
        return True

    def has(self, tenant: str, session: str, stream: str) -> bool:
        """Whether the stream has a connection here, which a new one would replace."""
        live = self._live.get((tenant, session))
        return live is not None and stream in live.connections

    def find(self, tenant: str, session: str) -> Live | None:
        """The session, if it has a connection here."""
        return self._live.get((tenant, session))

    def push(self, intervention: pb.Intervention, now_ms: float) -> bool:
        """Send an intervention to the page in front.

        False if there is none, if it is too late, if it cannot be read, or if a page here has it
        already.
        """
        live = self._live.get((intervention.tenant_id, intervention.session_id))
        if live is None or intervention.expires_at_ms <= now_ms:
            return False
        before = live.pushed.get(intervention.id)
        if before is not None and (before.answered or before.to is not None):
            return False
        connection = live.front()
        if connection is None or not connection.interventions_allowed:
            return False
        try:
            text = intervention_frame(intervention)
        except ValueError as error:
            self.unreadable += 1
            _log.error("help that cannot be shown", intervention=intervention.id, error=str(error))
            return False
        # Before it is sent: that may end a connection whose client does not read.
        live.pushed[intervention.id] = Pushed(intervention.traceparent, connection)
        connection.send(text)
        self.pushes += 1
        tracing.record_under(
            "page.push",
            intervention.traceparent,
            start_ns=int(now_ms * 1e6),
            stream=connection.stream,
        )
        return True

    def answered(self, tenant: str, session: str, intervention_id: str) -> None:
        """A page said what became of an intervention."""
        live = self._live.get((tenant, session))
        pushed = live.pushed.get(intervention_id) if live is not None else None
        if pushed is not None:
            pushed.answered, pushed.to = True, None

    def keys(self) -> set[str]:
        """Publishable keys in use."""
        return set(self._keys)

    def _drop_key(self, key: str) -> None:
        self._keys[key] -= 1
        if not self._keys[key]:
            del self._keys[key]

    def connections(self) -> Iterator[Connection]:
        """Every connection."""
        for live in list(self._live.values()):
            yield from list(live.connections.values())

    def sessions(self) -> list[Live]:
        """Every live session."""
        return list(self._live.values())

    def __len__(self) -> int:
        return sum(len(live.connections) for live in self._live.values())
