"""Run the Autobahn suite against the edge's transport; 1 if a case fails that may not.

python -m tests.acceptance.autobahn [--write] [CASE…]     e.g. 6.* 7.1.5
"""

from __future__ import annotations

import argparse
import sys

import uvloop

from scripts.provenance import ROOT, rows
from tests.acceptance.autobahn import suite

_PROGRAM = "python -m tests.acceptance.autobahn"
_DOCUMENT = ROOT / "docs" / "autobahn.md"
_WITHIN_S = 900.0
_HEAD = [
    "# The edge's WebSockets under the Autobahn test suite",
    "",
    f"Written by `{_PROGRAM} --write`; do not edit. The transport is the edge's",
    "own (`edge/websocket.py`, `hotpath/websocket.pyx`) under uvloop, with an echo in place of the",
    "page and room for messages of 16 MiB. Cases 12 and 13 are of compression, which it has not.",
    "`tests/acceptance/test_autobahn.py` holds it to this (`make test-long`).",
    "",
]


def main() -> int:
    """Run it, print the table, keep it if asked to."""
    parser = argparse.ArgumentParser(prog=_PROGRAM, description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", default=suite.CASES)
    parser.add_argument("--write", action="store_true", help=f"keep the result in {_DOCUMENT.name}")
    options = parser.parse_args()
    if not suite.WSTEST.exists():
        print("the suite is not installed: run scripts/install-autobahn", file=sys.stderr)
        return 2
    outcomes = uvloop.run(suite.run(options.cases, _WITHIN_S))
    table = suite.table(outcomes)
    print("\n".join(table))
    if options.write:
        _DOCUMENT.write_text("\n".join([*_HEAD, *rows(), "", *table]) + "\n")
    return int(any(it.failed and it.case not in suite.ALLOWED for it in outcomes))


if __name__ == "__main__":
    sys.exit(main())
