"""What the sandbox reads from the environment."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.settings import setting


@dataclass(frozen=True, slots=True)
class Settings:
    """One address is all it needs; the rest is for buttons in its inbox."""

    http_listen: str = setting("SIQ_HTTP_LISTEN", "HTTP host:port", default="127.0.0.1:8099")
    smtp_listen: str = setting(
        "SIQ_SMTP_LISTEN",
        "SMTP host:port at which mail is taken and shown; empty: none is taken",
        default="",
    )
    hooks_url: str = setting(
        "SIQ_HOOKS_URL",
        "Base URL of intervention's hooks on this machine; empty: buttons in the inbox do nothing",
        default="",
    )
    slack_signing_secret: str = setting(
        "SIQ_SLACK_SIGNING_SECRET",
        "Signs presses of Slack's buttons; the same as intervention's",
        default="",
    )
    pagerduty_webhook_secret: str = setting(
        "SIQ_PAGERDUTY_WEBHOOK_SECRET",
        "Signs what is done to incidents; one of intervention's SIQ_PAGERDUTY_WEBHOOK_SECRETS",
        default="",
    )
