"""What the intervention service counts, and what it is called outside."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.metrics import Catalogue, Metric
from services.intervention.answering.presence import Pages
from services.intervention.answering.waiting import Waiting
from services.intervention.deciding.decider import Decider
from services.intervention.deciding.durable import DurablePath
from services.intervention.deciding.identities import Identities
from services.intervention.deciding.people import People
from services.intervention.deciding.policies import Policies
from services.intervention.deciding.writer import Writer
from services.intervention.escalation.asking import Asking
from services.intervention.escalation.following import Following
from services.intervention.escalation.timers import Timers
from services.intervention.escalation.windows import Windows
from services.intervention.experiments.draws import Draws
from services.intervention.experiments.in_force import ExperimentsInForce
from services.intervention.experiments.observing import Observing
from services.intervention.forgetting import Forgetting
from services.intervention.histograms import ALERT_S, DECIDE_S, SEND_S
from services.intervention.retention import Retention
from services.intervention.sending.dispatcher import Dispatcher
from services.intervention.sending.relay import Relay
from services.intervention.web.app import Hooks


@dataclass(frozen=True, slots=True)
class Parts:
    """What is read."""

    decider: Decider
    asking: Asking
    dispatcher: Dispatcher
    draws: Draws
    durable: DurablePath
    experiments: ExperimentsInForce
    following: Following
    forgetting: Forgetting
    hooks: Hooks
    identities: Identities
    observing: Observing
    pages: Pages
    people: People
    policies: Policies
    relay: Relay
    retention: Retention
    timers: Timers
    windows: Windows
    waiting: Waiting
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
            "siq_intervention_failed_decisions_total",
            "counter",
            "{decisions}",
            "Emotions that could not be decided on by a defect of ours; each is in the log with its"
            " traceback",
            lambda parts: parts.writer.failed,
        ),
        Metric(
            "siq_intervention_commits_total",
            "counter",
            "{commits}",
            "Transactions that decisions shared",
            lambda parts: parts.writer.groups,
        ),
        Metric(
            "siq_intervention_groups_remembered_total",
            "counter",
            "{groups}",
            "Groups judged by what was remembered of guards, without a reading",
            lambda parts: parts.writer.remembered,
        ),
        Metric(
            "siq_intervention_groups_outrun_total",
            "counter",
            "{groups}",
            "Groups that found something else in the tables than they were judged by, and were"
            " judged again under locks: another replica decides about the same",
            lambda parts: parts.writer.outrun,
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
            "siq_intervention_unguarded_total",
            "counter",
            "{interventions}",
            "Help shown without guards or record, while PostgreSQL was away",
            lambda parts: parts.writer.unguarded.given,
        ),
        Metric(
            "siq_intervention_silences_total",
            "counter",
            "{silences}",
            "Times that PostgreSQL was found to hang while decisions were written; they were given"
            " up, and help went out without guards",
            lambda parts: parts.writer.pulse.silences,
        ),
        Metric(
            "siq_intervention_refused_policies_total",
            "counter",
            "{documents}",
            "Policies that cannot be used; the last good one stays in force",
            lambda parts: parts.policies.invalid_documents,
        ),
        Metric(
            "siq_intervention_refused_experiments_total",
            "counter",
            "{documents}",
            "Experiments that cannot be used; the last good ones stay in force",
            lambda parts: parts.experiments.invalid_documents,
        ),
        Metric(
            "siq_intervention_unchecked_draws_total",
            "counter",
            "{draws}",
            "Arms that could not be compared with the exposure log in time",
            lambda parts: parts.draws.unchecked,
        ),
        Metric(
            "siq_intervention_unknown_experiments_total",
            "counter",
            "{draws}",
            "Decided as if there were no experiments, because identity had not said yet which the"
            " tenant has; their record says so (facts.experiments_known)",
            lambda parts: parts.draws.unknown,
        ),
        Metric(
            "siq_intervention_unfit_arms_total",
            "counter",
            "{decisions}",
            "Decisions that left the page empty because the experiment's template does not go with"
            " the rule's action; the team was told all the same",
            lambda parts: parts.decider.unfit_arms,
        ),
        Metric(
            "siq_intervention_observations_total",
            "counter",
            "{observations}",
            "What units of experiments did, by outcomes",
            lambda parts: parts.observing.observed,
        ),
        Metric(
            "siq_intervention_folded_total",
            "counter",
            "{recommendations}",
            "Recommendations that joined the message and page of an earlier one of the visitor",
            lambda parts: parts.following.folded,
        ),
        Metric(
            "siq_intervention_escalated_total",
            "counter",
            "{steps}",
            "Steps of escalations, by how they ended: asked (somebody else was), nobody (there was"
            " nobody left who can be reached)",
            lambda parts: {"asked": parts.asking.escalated, "nobody": parts.asking.nobody},
            ("how",),
        ),
        Metric(
            "siq_intervention_fell_back_total",
            "counter",
            "{interventions}",
            "Help that the page did not show in time, by where it went: email, or why it could not",
            lambda parts: parts.windows.fell_back,
            ("how",),
        ),
        Metric(
            "siq_intervention_timers_total",
            "counter",
            "{timers}",
            "Timers acted on, by kind: escalate, settle, tell",
            lambda parts: parts.timers.done,
            ("kind",),
        ),
        Metric(
            "siq_intervention_timer_failures_total",
            "counter",
            "{rounds}",
            "Timers that could not be acted on yet; they are due again soon",
            lambda parts: parts.timers.failures,
        ),
        Metric(
            "siq_intervention_subjects_forgotten_total",
            "counter",
            "{subjects}",
            "People whom intervention was told to forget, repetitions included",
            lambda parts: parts.forgetting.forgotten,
        ),
        Metric(
            "siq_intervention_retention_deleted_total",
            "counter",
            "{rows}",
            "Rows that had had their time; of decisions, their interventions and messages are not"
            " counted again",
            lambda parts: dict(parts.retention.deleted),
            ("what",),
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
            "siq_intervention_dead_letters_total",
            "counter",
            "{messages}",
            "Messages given up here; `sentientiq outbox dead` tells why",
            lambda parts: parts.dispatcher.dead,
        ),
        Metric(
            "siq_intervention_withdrawn_total",
            "counter",
            "{interventions}",
            "Stopped by a kill switch after it was decided on: page (help that waited) or team"
            " (alerts that were not sent yet)",
            lambda parts: {
                "page": parts.waiting.withdrawn,
                "team": parts.dispatcher.withdrawn,
            },
            ("part",),
        ),
        Metric(
            "siq_intervention_over_budget_total",
            "counter",
            "{messages}",
            "Messages that had to wait for their turn in the budget of tenant and channel",
            lambda parts: parts.dispatcher.budgets.postponed,
        ),
        Metric(
            "siq_intervention_breaker_opened_total",
            "counter",
            "{openings}",
            "Times a destination was left alone for a while: it was broken or silent",
            lambda parts: parts.dispatcher.breaker.opened,
        ),
        Metric(
            "siq_intervention_breaker_open",
            "gauge",
            "{destinations}",
            "Destinations that are left alone, or being probed",
            lambda parts: parts.dispatcher.breaker.open,
        ),
        Metric(
            "siq_intervention_sending",
            "gauge",
            "{messages}",
            "Attempts under way",
            lambda parts: parts.dispatcher.under_way,
        ),
        Metric(
            "siq_intervention_slack_replies_total",
            "counter",
            "{replies}",
            "What presses of buttons showed in Slack, by how it ended: sent, failed, refused (the"
            " response_url is not Slack's)",
            lambda parts: parts.hooks.slack.replies.ends,
            ("how",),
        ),
        Metric(
            "siq_intervention_callbacks_unusable_total",
            "counter",
            "{callbacks}",
            "Callbacks of providers refused (the signature does not hold) or unknown (no such"
            " message)",
            lambda parts: {
                "refused": sum(hook.refused for hook in parts.hooks.signed),
                "unknown": sum(hook.unknown for hook in parts.hooks.signed),
            },
            ("why",),
        ),
    ),
    (DECIDE_S, SEND_S, ALERT_S),
)
