"""Get the servers that tests run and no package brings: `python -m tests.engines.fetch`.

Before the tests, not by the first that needs one: its time limit would count the download, and
that of any other process of tests which waits for the same.
"""

from __future__ import annotations

from tests.engines.kafka.jars import NoBroker, jars
from tests.engines.s3.binary import NoServer, binary


def main() -> None:
    """Get each; say which cannot be had here. Its tests are left out then."""
    print("Servers for tests: Kafka, S3 (a minute or two, the first time)", flush=True)
    for get in (jars, binary):
        try:
            get()
        except (NoBroker, NoServer) as error:
            print(error)


if __name__ == "__main__":
    main()
