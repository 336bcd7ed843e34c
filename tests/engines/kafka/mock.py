"""librdkafka's mock cluster: what the contract suite runs on where no real broker can be had.

It listens on real sockets, inside this process. It makes no topics and knows neither DeleteRecords
nor ListGroups: what needs those is left out on it.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

import confluent_kafka

from services.common.partition import PARTITIONS


def _library() -> ctypes.CDLL:
    beside = Path(confluent_kafka.__file__).parent.with_name("confluent_kafka.libs")
    (found,) = beside.glob("librdkafka-*.so*")
    library = ctypes.CDLL(str(found))
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    for name, answer, arguments in (
        ("rd_kafka_new", pointer, (ctypes.c_int, pointer, pointer, ctypes.c_size_t)),
        ("rd_kafka_destroy", None, (pointer,)),
        ("rd_kafka_mock_cluster_new", pointer, (pointer, ctypes.c_int)),
        ("rd_kafka_mock_cluster_destroy", None, (pointer,)),
        ("rd_kafka_mock_cluster_bootstraps", text, (pointer,)),
        ("rd_kafka_mock_topic_create", ctypes.c_int, (pointer, text, ctypes.c_int, ctypes.c_int)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = answer, arguments
    return library


class MockCluster:
    """A cluster of one broker with the given topics."""

    def __init__(self) -> None:
        self._library = _library()
        self._client = self._library.rd_kafka_new(0, None, None, 0)
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, 1)

    @property
    def url(self) -> str:
        """Where clients connect."""
        hosts: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster)
        return f"kafka://{hosts.decode()}"

    def make(self, *topics: str) -> None:
        """Make topics."""
        for topic in topics:
            failed = self._library.rd_kafka_mock_topic_create(
                self._cluster, topic.encode(), PARTITIONS, 1
            )
            assert not failed, f"{topic}: error {failed}"

    def stop(self) -> None:
        """End it."""
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)
