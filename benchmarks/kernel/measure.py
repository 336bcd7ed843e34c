"""One measurement, in a process of its own: `python -m benchmarks.kernel.measure SESSIONS ROUNDS`.

Prints one JSON object: ns per event (CPU time of `Detector.apply_encoded`, 50 batches a call; from
protobuf's bytes, so decoding, look-up, timers and emissions are included) for each round, and bytes
of resident memory per session.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time

import numpy as np

from benchmarks.kernel import load
from hotpath.detector import Detector


def resident_bytes() -> int:
    """Return the resident memory of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def measure(sessions: int, rounds: int, seed: int = 1) -> dict[str, object]:
    """Fill a detector with sessions, then time rounds of batches for random ones of them."""
    pool = load.batches(seed)
    who = load.names(sessions)
    detector = Detector(sessions)
    gc.collect()
    before = resident_bytes()
    for start in range(0, sessions, load.MESSAGE):
        detector.apply_encoded(
            [
                load.encode(pool[i % load.POOL], *who[i], 1, load.T0_MS)
                for i in range(start, min(start + load.MESSAGE, sessions))
            ]
        )
        detector.drain()
        detector.wakes()
    held = resident_bytes() - before
    order = np.random.default_rng(seed + 1).permutation(sessions)
    cpu_ns: list[float] = []
    emissions = events = 0
    for number in range(rounds):
        plan = load.turn(pool, who, order, number)
        counted = len(plan) * load.BATCH
        messages = [plan[at : at + load.MESSAGE] for at in range(0, len(plan), load.MESSAGE)]
        gc.collect()
        gc.disable()
        start = time.process_time_ns()
        for message in messages:
            detector.apply_encoded(message)
        spent = time.process_time_ns() - start
        gc.enable()
        cpu_ns.append(spent / counted)
        events += counted
        emissions += len(detector.drain())
        detector.wakes()
    return {
        "ns_per_event": cpu_ns,
        "bytes_per_session": held / sessions,
        "emissions_per_event": emissions / events,
    }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
