"""A circuit breaker for each tenant and destination, a hold for each address that asked for one.

Both only keep messages from being claimed: they wait in PostgreSQL, and no attempt is lost on a
host that is down. Each replica keeps its own; what one learns costs the next a few attempts.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

THRESHOLD = 5
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
# Of failures that never came to five: forgotten when there are more than this.
_MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class _Circuit:
    failures: int = 0
    pause_s: float = FIRST_PAUSE_S
    open_until_s: float = 0.0
    probing: bool = False


def circuit(tenant_id: str, destination: str) -> str:
    """What a circuit is named by: a tenant whose address is broken must not silence another's."""
    return f"{tenant_id}\n{destination}"


class Breaker:
    """Five failures in a row open a circuit; each failed probe doubles its pause."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._circuits: dict[str, _Circuit] = {}
        self._holds: dict[str, float] = {}
        self.opened = 0

    @property
    def open(self) -> int:
        """Destinations that are left alone, or being probed."""
        return len(self.shut())

    def shut(self) -> list[str]:
        """Destinations that nothing may be claimed for now."""
        now_s = self._monotonic()
        return [
            name
            for name, circuit in self._circuits.items()
            if circuit.probing or circuit.open_until_s > now_s
        ]

    def held(self) -> list[str]:
        """Addresses (by hash) that asked for a pause."""
        now_s = self._monotonic()
        self._holds = {name: until_s for name, until_s in self._holds.items() if until_s > now_s}
        return list(self._holds)

    def hold(self, address: str, pause_s: float) -> None:
        """Leave an address alone: its provider said for how long."""
        until_s = self._monotonic() + pause_s
        self._holds[address] = max(until_s, self._holds.get(address, 0.0))

    def claimed(self, destination: str) -> None:
        """A message is on its way: after a pause it is the probe."""
        circuit = self._circuits.get(destination)
        if circuit is not None and circuit.failures >= THRESHOLD:
            circuit.probing = True

    def well(self, destination: str) -> None:
        """It answered, whatever it said."""
        self._circuits.pop(destination, None)

    def ill(self, destination: str) -> float | None:
        """It did not answer, or said that it is broken. Returns the pause that this began."""
        if len(self._circuits) >= _MOST_REMEMBERED:
            self._circuits = {
                name: one for name, one in self._circuits.items() if one.failures >= THRESHOLD
            }
        circuit = self._circuits.setdefault(destination, _Circuit())
        circuit.failures += 1
        now_s = self._monotonic()
        if circuit.failures < THRESHOLD or circuit.open_until_s > now_s:
            return None
        circuit.probing = False
        pause_s = random.uniform(circuit.pause_s / 2, circuit.pause_s)
        circuit.pause_s = min(circuit.pause_s * 2, LONGEST_PAUSE_S)
        circuit.open_until_s = now_s + pause_s
        self.opened += 1
        return pause_s

    def left(self, destination: str) -> None:
        """An attempt ended without a word about the destination: another may probe."""
        circuit = self._circuits.get(destination)
        if circuit is not None:
            circuit.probing = False
