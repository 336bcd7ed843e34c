"""What the intervention service counts, and what it is called outside."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.metrics import Catalogue, Metric
from services.intervention.decider import Decider
from services.intervention.dispatcher import Dispatcher
from services.intervention.durable import DurablePath
from services.intervention.histograms import ALERT_S, DECIDE_S, SEND_S
from services.intervention.identities import Identities
from services.intervention.people import People
from services.intervention.policies import Policies
from services.intervention.presence import Pages
from services.intervention.relay import Relay
from services.intervention.web.hooks import TwilioHook
from services.intervention.writer import Writer


@dataclass(frozen=True, slots=True)
class Parts:
    """What is read."""

    decider: Decider
    dispatcher: Dispatcher
    durable: DurablePath
    hook: TwilioHook
    identities: Identities
    pages: Pages
    people: People
    policies: Policies
    relay: Relay
    writer: Writer


METRICS: Catalogue[Parts] = Catalogue(
    "intervention",
    (
        Metric(
            "siq_intervention_decisions_total",
            "counter",
            "{decisions}",
            "Decisions made durable, to do nothing included",
            lambda parts: parts.writer.decisions,
        ),
        Metric(
            "siq_intervention_commits_total",
            "counter",
            "{commits}",
            "Transactions that decisions shared",
            lambda parts: parts.writer.groups,
        ),
        Metric(
            "siq_intervention_durable_decisions_total",
            "counter",
            "{decisions}",
            "Decisions that the fast path had not made within 500 ms",
            lambda parts: parts.durable.decided,
        ),
        Metric(
            "siq_intervention_degraded_total",
            "counter",
            "{answers}",
            "Decided on less than there should be: anonymous (identity away), identity_from_cache,"
            " people_from_cache, without_recipient (nobody of the team is reachable)",
            lambda parts: {
                "anonymous": parts.decider.anonymous_for_want_of_identity,
                "identity_from_cache": parts.identities.degraded_answers,
                "people_from_cache": parts.people.stale_answers,
                "without_recipient": parts.decider.without_recipient,
            },
            ("how",),
        ),
        Metric(
            "siq_intervention_refused_policies_total",
            "counter",
            "{documents}",
            "Policies that cannot be used; the last good one stays in force",
            lambda parts: parts.policies.invalid_documents,
        ),
        Metric(
            "siq_intervention_page_failures_total",
            "counter",
            "{calls}",
            "Times the state store did not tell where a page is, or did not take a push",
            lambda parts: parts.pages.failures,
        ),
        Metric(
            "siq_intervention_outbox_relayed_total",
            "counter",
            "{records}",
            "Records moved from the outbox to the log",
            lambda parts: parts.relay.appended,
        ),
        Metric(
            "siq_intervention_outbox_failures_total",
            "counter",
            "{rounds}",
            "Rounds of the relay that failed; the rows wait",
            lambda parts: parts.relay.failures,
        ),
        Metric(
            "siq_intervention_send_attempts_total",
            "counter",
            "{attempts}",
            "Attempts to hand a message to its provider",
            lambda parts: parts.dispatcher.attempts,
        ),
        Metric(
            "siq_intervention_send_failures_total",
            "counter",
            "{attempts}",
            "Attempts whose end could not be recorded, and rounds without PostgreSQL",
            lambda parts: parts.dispatcher.failures,
        ),
        Metric(
            "siq_intervention_sending",
            "gauge",
            "{messages}",
            "Attempts under way",
            lambda parts: parts.dispatcher.under_way,
        ),
        Metric(
            "siq_intervention_callbacks_unusable_total",
            "counter",
            "{callbacks}",
            "Callbacks of providers refused (the signature does not hold) or unknown (no such"
            " message)",
            lambda parts: {"refused": parts.hook.refused, "unknown": parts.hook.unknown},
            ("why",),
        ),
    ),
    (DECIDE_S, SEND_S, ALERT_S),
)
