"""What an edge worker counts, and what it is called outside."""

from __future__ import annotations

from edge.histograms import APPEND_S, DECIDE_S, VERDICT_S
from edge.segment.calls import REASONS
from edge.worker import Worker
from services.common.metrics import Catalogue, Metric

METRICS: Catalogue[Worker] = Catalogue(
    "edge",
    (
        Metric(
            "siq_edge_connections",
            "gauge",
            "{connections}",
            "Open streams: pages with a live socket",
            lambda worker: len(worker.hub),
        ),
        Metric(
            "siq_edge_connections_opened_total",
            "counter",
            "{connections}",
            "Sockets accepted",
            lambda worker: worker.counters["connections"],
        ),
        Metric(
            "siq_edge_connections_closed_total",
            "counter",
            "{connections}",
            "Sockets closed, by the code we closed them with",
            lambda worker: worker.closed,
            ("code",),
        ),
        Metric(
            "siq_edge_connections_cut_total",
            "counter",
            "{connections}",
            "Connections given up: silent (no request, no pong, no close in time), slow_reader",
            lambda worker: {name: worker.counters[name] for name in ("silent", "slow_reader")},
            ("reason",),
        ),
        Metric(
            "siq_edge_asked_to_wait_total",
            "counter",
            "{requests}",
            "Times that a page was asked to send nothing for a moment (`error slow`): the log is"
            " behind or full, the worker has more than it gets round to, or the page's key has"
            " more than its rate",
            lambda worker: worker.counters["asked_to_wait"],
        ),
        Metric(
            "siq_edge_unexpected_errors_total",
            "counter",
            "{connections}",
            "Connections ended by a defect of ours; each is in the log with its traceback",
            lambda worker: worker.counters["unexpected"],
        ),
        Metric(
            "siq_edge_refused_total",
            "counter",
            "{refusals}",
            "Handshakes, hellos and frames over a limit, by the limit",
            lambda worker: worker.limits.refused,
            ("reason",),
        ),
        Metric(
            "siq_edge_unbelieved_forwards_total",
            "counter",
            "{requests}",
            "Handshakes and requests with X-Forwarded-For from a peer outside SIQ_TRUSTED_PROXIES:"
            " a stranger's, or a proxy that is missing there",
            lambda worker: worker.sources.unbelieved,
        ),
        Metric(
            "siq_edge_beacons_total",
            "counter",
            "{requests}",
            "POST /v1/batch, from pages that are going away",
            lambda worker: worker.counters["beacons"],
        ),
        Metric(
            "siq_edge_accepted_total",
            "counter",
            "{messages}",
            "Messages accepted for the log",
            lambda worker: {
                topic: worker.counters[topic]
                for topic in ("behavior.v1", "identity.v1", "outcome.v1")
            },
            ("topic",),
        ),
        Metric(
            "siq_edge_ignored_total",
            "counter",
            "{messages}",
            "What pages sent and was not used: unknown_type, unknown_event (from another version of"
            " the SDK), duplicate, seq_gap, bad_message, shed (events left out for want of room)",
            lambda worker: worker.session_counters,
            ("reason",),
        ),
        Metric(
            "siq_edge_segment_ignored_total",
            "counter",
            "{calls}",
            "Calls of Segment's API that were answered and not used, by reason (docs/segment.md);"
            " after bad_timestamp, bad_email and long_props the rest of the call was used",
            lambda worker: {
                reason: worker.counters[f"segment_ignored.{reason}"] for reason in REASONS
            },
            ("reason",),
        ),
        Metric(
            "siq_edge_append_rounds_total",
            "counter",
            "{rounds}",
            "Writes to the log",
            lambda worker: worker.writer.rounds,
        ),
        Metric(
            "siq_edge_appended_total",
            "counter",
            "{records}",
            "Records that the log has, acknowledged to their pages",
            lambda worker: worker.writer.appended,
        ),
        Metric(
            "siq_edge_append_failures_total",
            "counter",
            "{rounds}",
            "Writes that the log did not take; they are tried again as they are",
            lambda worker: worker.writer.failures,
        ),
        Metric(
            "siq_edge_buffered_bytes",
            "gauge",
            "By",
            "Accepted and not in the log yet; at SIQ_MAX_BUFFER_BYTES sockets wait",
            lambda worker: worker.writer.buffered_bytes,
        ),
        Metric(
            "siq_edge_detect_links",
            "gauge",
            "{links}",
            "Detection processes that the edge has a stream to",
            lambda worker: worker.lane.links,
        ),
        Metric(
            "siq_edge_detect_troubles_total",
            "counter",
            "{troubles}",
            "Of the fast lane to detection: no_owner (entries nobody holds yet), not_owner (answers"
            " of a former holder), late (answers after 250 ms), silent (none for 400 ms with"
            " batches waiting, or a broken stream), ended (leases that a silent process had not"
            " renewed either), reopened (streams), dropped (entries that detection was too slow"
            " for: it reads them from the log)",
            lambda worker: worker.lane.troubles(),
            ("kind",),
        ),
        Metric(
            "siq_edge_emotions_total",
            "counter",
            "{emotions}",
            "Verdicts read: emotions (of visitors here) and not_here; of the former: unsettled and"
            " decide_failed (left to the durable path), too_late (for help in the page)",
            lambda worker: {
                what: worker.reactor.counters[what]
                for what in ("emotions", "not_here", "unsettled", "decide_failed", "too_late")
            },
            ("what",),
        ),
        Metric(
            "siq_edge_pending_failures_total",
            "counter",
            "{calls}",
            "Hellos for which the interventions that still wait could not be asked for",
            lambda worker: worker.reactor.counters["pending_failed"],
        ),
        Metric(
            "siq_edge_settings_told_total",
            "counter",
            "{pages}",
            "Open pages told of a change of their tenant's settings",
            lambda worker: worker.sdk_configs.told,
        ),
        Metric(
            "siq_edge_settings_refused_total",
            "counter",
            "{documents}",
            "Settings of tenants that were no JSON object",
            lambda worker: worker.sdk_configs.invalid_documents,
        ),
        Metric(
            "siq_edge_pushes_total",
            "counter",
            "{interventions}",
            "Interventions sent to a page",
            lambda worker: worker.hub.pushes,
        ),
        Metric(
            "siq_edge_unreadable_interventions_total",
            "counter",
            "{interventions}",
            "Interventions that no page can be shown: of a newer version, or not well formed",
            lambda worker: worker.hub.unreadable,
        ),
        Metric(
            "siq_edge_identity_failures_total",
            "counter",
            "{calls}",
            "Calls that identity did not answer; cached or anonymous answers were used",
            lambda worker: worker.identities.failures,
        ),
        Metric(
            "siq_edge_ticks_total",
            "counter",
            "{ticks}",
            "Clock ticks written to the log for detection's timers",
            lambda worker: worker.ticker.ticks,
        ),
    ),
    (APPEND_S, VERDICT_S, DECIDE_S),
)
