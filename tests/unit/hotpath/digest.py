"""What a build of the kernels says of many visits, as hashes.

`python -m tests.unit.hotpath.digest` prints them. Two builds that print the same say the
same, bit for bit; see test_builds.py.
"""

from __future__ import annotations

import hashlib
import json

import hotpath.detector
from hotpath.detector import Detector
from tests import visits

SIMULATED = 300
SEED = 20
TOGETHER = 50
"""Batches of a message."""


def digest(blobs: list[bytes], capacity: int) -> dict[str, str]:
    """Apply the batches to a detector that holds so many streams; hash all that it says."""
    detector = Detector(capacity)
    detector.configure("t1", {"rage": 70}, ["button#save"])
    said = {name: hashlib.sha256() for name in ("emissions", "wakes", "counters", "snapshots")}
    for number, start in enumerate(range(0, len(blobs), TOGETHER)):
        assert detector.apply_encoded(blobs[start : start + TOGETHER]) == []
        wakes = detector.wakes()
        for wake in wakes[::7]:
            detector.advance(*wake)
        said["wakes"].update(repr(wakes + detector.wakes()).encode())
        said["emissions"].update(repr(detector.drain()).encode())
        said["counters"].update(repr(detector.counters).encode())
        if number % 20 == 0:
            said["snapshots"].update(detector.snapshot())
    said["snapshots"].update(detector.snapshot())
    said["counters"].update(str(len(detector)).encode())
    return {name: value.hexdigest() for name, value in said.items()}


def main() -> None:
    """Print the hashes, and which build they are of."""
    labelled = visits.mixed(visits.labelled())
    simulated = visits.mixed(visits.simulated(SEED, SIMULATED))
    said = {
        f"{name}, {capacity} streams held": digest(blobs, capacity)
        for name, blobs in (("labelled", labelled), ("simulated", simulated))
        for capacity in (4096, 5)
    }
    print(json.dumps({"module": hotpath.detector.__file__, "said": said}))


if __name__ == "__main__":
    main()
