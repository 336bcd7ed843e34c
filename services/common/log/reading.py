"""From an engine's bytes to an entry: what is none of ours is handed on, for the dead letters."""

from __future__ import annotations

from services.common import logs, metrics
from services.common.log.port import Entry, Record, decode_entry
from services.common.metrics import Catalogue, Metric

_log = logs.get(__name__)


class EntryReader:
    """Decodes what one client of the log reads."""

    def __init__(self) -> None:
        self.unreadable_entries = 0
        metrics.publish(METRICS, self)

    def entry(self, topic: str, partition: int, offset: int, blob: bytes) -> Entry:
        """The entry; garbage becomes one record with the header `unreadable`."""
        try:
            return decode_entry(partition, offset, blob)
        except ValueError:
            # Not ours, or torn.
            self.unreadable_entries += 1
            _log.error("unreadable log entry", topic=topic, partition=partition, offset=offset)
            return Entry(partition, offset, [Record(b"", blob, {"unreadable": "entry"})])


METRICS: Catalogue[EntryReader] = Catalogue(
    "every client of the event log",
    (
        Metric(
            "siq_log_unreadable_entries_total",
            "counter",
            "{entries}",
            "Entries read that are no entries of ours",
            lambda reader: reader.unreadable_entries,
        ),
    ),
)
