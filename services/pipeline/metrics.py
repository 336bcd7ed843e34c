"""What the pipeline counts, and what it is called outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from services.common.metrics import Catalogue, Metric
from services.pipeline.analytics import Daily
from services.pipeline.archive import Archive
from services.pipeline.sinks import AnalyticsSink, ArchiveSink
from services.pipeline.trimmer import Trimmer


@dataclass(frozen=True, slots=True)
class Parts:
    """What is read."""

    trimmer: Trimmer
    daily: Daily
    archive: Archive
    sinks: dict[tuple[str, str], AnalyticsSink[Any] | ArchiveSink[Any]] = field(
        default_factory=dict[tuple[str, str], AnalyticsSink[Any] | ArchiveSink[Any]]
    )
    """By topic and sink."""


METRICS: Catalogue[Parts] = Catalogue(
    "pipeline",
    (
        Metric(
            "siq_pipeline_rows_total",
            "counter",
            "{rows}",
            "Rows stored",
            lambda parts: {labels: sink.rows for labels, sink in parts.sinks.items()},
            ("topic", "sink"),
        ),
        Metric(
            "siq_pipeline_duplicates_total",
            "counter",
            "{records}",
            "Records that the log repeats, and that were stored once",
            lambda parts: {labels: sink.duplicates for labels, sink in parts.sinks.items()},
            ("topic", "sink"),
        ),
        Metric(
            "siq_pipeline_days_counted_total",
            "counter",
            "{days}",
            "Days whose totals were counted anew, since rows of theirs were stored",
            lambda parts: parts.daily.counted,
        ),
        Metric(
            "siq_pipeline_archive_days_skipped_total",
            "counter",
            "{days}",
            "Days of the archive that were not compacted or erased from, since a file is damaged",
            lambda parts: parts.archive.days_skipped,
        ),
        Metric(
            "siq_pipeline_trimmed_entries_total",
            "counter",
            "{entries}",
            "Entries trimmed from the log behind its slowest reader",
            lambda parts: parts.trimmer.entries,
        ),
        Metric(
            "siq_pipeline_log_fullness_ratio",
            "gauge",
            "1",
            "How full the log is, 0 to 1; above 0.8 a reader is behind, or maxmemory too small",
            lambda parts: parts.trimmer.fullness,
        ),
        Metric(
            "siq_pipeline_lag_entries",
            "gauge",
            "{entries}",
            "Entries of the log that a reader has not committed yet, as of the last trim",
            lambda parts: parts.trimmer.lag,
            ("topic", "group"),
        ),
    ),
)
