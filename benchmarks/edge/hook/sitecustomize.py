"""Found by the processes of a mesh under `benchmarks edge`: it starts the sampler in edge workers.

A folder of its own, which is put on their PYTHONPATH; nothing of the edge knows of it.
"""

import os
import sys

if sys.orig_argv[-2:] == ["-m", "edge"] and "EDGE_PROFILE" in os.environ:
    from benchmarks.edge.sampler import VARIABLE, Sampler

    Sampler(os.environ[VARIABLE]).start()
