"""How long a message waits before its next attempt."""

from __future__ import annotations

import random

from services.intervention.channels.verdict import Ending, Verdict

_FIRST_S = 0.5
_LONGEST_S = 120.0
_LOOK_UP_S = 5.0


def pause_before(attempts: int, verdict: Verdict) -> float:
    """Seconds until the next attempt: as the provider asks, else anything up to a doubling bound.

    Full jitter: of many messages that failed together, no two groups come back together.
    """
    if verdict.retry_after_s is not None:
        return verdict.retry_after_s + random.uniform(0, 0.5)
    if verdict.ending is Ending.UNKNOWN:
        # Time for a request that is still on its way to show up in the look-up.
        return _LOOK_UP_S
    longest = min(_FIRST_S * 2 ** (attempts - 1), _LONGEST_S)
    return random.uniform(0, longest)
