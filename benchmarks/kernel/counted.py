"""What valgrind counts: a snapshot restored, then messages applied; see instructions.py.

Imports as little as may be: all of this runs fifty times slower than usual.
"""

import pickle
import sys
from pathlib import Path

from hotpath.detector import Detector


def run(file: Path) -> None:
    """Apply what the file holds."""
    snapshot, messages = pickle.loads(file.read_bytes())
    detector = Detector()
    detector.restore(snapshot)
    for message in messages:
        detector.apply_encoded(message)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
