"""What the intervention process reads from the environment."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.settings import setting


@dataclass(frozen=True, slots=True)
class Settings:
    """All times in the names' units; a missing required one stops the start."""

    mesh_secret: str = setting("SIQ_MESH_SECRET", "Secret that signs every token of the mesh")
    postgres_url: str = setting("SIQ_POSTGRES_URL", "PostgreSQL, postgresql://…")
    state_url: str = setting("SIQ_STATE_URL", "Hot state (Valkey), redis://…")
    log_url: str = setting("SIQ_LOG_URL", "The event log, redis:// or kafka://host:port")
    listen: str = setting("SIQ_LISTEN", "gRPC host:port", default="127.0.0.1:7103")
    http_listen: str = setting(
        "SIQ_HTTP_LISTEN", "HTTP host:port of pages and hooks", default="127.0.0.1:8090"
    )
    public_url: str = setting(
        "SIQ_PUBLIC_URL",
        "External base URL of the HTTP port, as people and providers reach it",
        default="http://127.0.0.1:8090",
    )
    identity_addr: str = setting(
        "SIQ_IDENTITY_ADDR", "gRPC host:port of identity", default="127.0.0.1:7101"
    )
    act_window_s: float = setting(
        "SIQ_ACT_WINDOW_S",
        "Seconds in which an act that nobody has felt can be taken back, and after which help that"
        " was not shown goes by e-mail (docs/intervene.md)",
        default=8.0,
    )
    twilio_url: str = setting(
        "SIQ_TWILIO_URL", "Base URL of Twilio's API", default="https://api.twilio.com"
    )
    twilio_account_sid: str = setting(
        "SIQ_TWILIO_ACCOUNT_SID", "Twilio account (AC…); empty: no text messages", default=""
    )
    twilio_auth_token: str = setting(
        "SIQ_TWILIO_AUTH_TOKEN", "Twilio auth token; also verifies its callbacks", default=""
    )
    twilio_from: str = setting("SIQ_TWILIO_FROM", "Sender's number, E.164", default="")
    allowed_private_hosts: tuple[str, ...] = setting(
        "SIQ_ALLOWED_PRIVATE_HOSTS",
        "host:port pairs on private networks that customers' URLs may name, comma list",
        default=(),
    )
    send_rates: tuple[str, ...] = setting(
        "SIQ_SEND_RATES",
        "Messages a minute of a tenant over a channel, such as sms=60,email=300 (docs/channels.md)",
        default=(),
    )
    smtp_url: str = setting(
        "SIQ_SMTP_URL",
        "Where mail is handed in, smtp://user:password@host:587 or smtps://…; empty: no mail",
        default="",
    )
    smtp_from: str = setting(
        "SIQ_SMTP_FROM", "Sender of mails, such as SentientIQ <help@acme.example>", default=""
    )
    pagerduty_url: str = setting(
        "SIQ_PAGERDUTY_URL",
        "Base URL of PagerDuty's events API",
        default="https://events.pagerduty.com",
    )
    pagerduty_webhook_secrets: tuple[str, ...] = setting(
        "SIQ_PAGERDUTY_WEBHOOK_SECRETS",
        "Secrets of PagerDuty's webhooks to us, comma list; empty: none is taken",
        default=(),
    )
    slack_signing_secret: str = setting(
        "SIQ_SLACK_SIGNING_SECRET",
        "Signing secret of the Slack app that owns the hooks; empty: no buttons that act in Slack",
        default="",
    )
    retention_decisions_days: int = setting(
        "SIQ_RETENTION_DECISIONS_DAYS",
        "Delete decisions, with their interventions and messages, after so many days; 0: never",
        default=0,
    )
    retention_guards_days: int = setting(
        "SIQ_RETENTION_GUARDS_DAYS",
        "Forget what guards remember of a session, visitor or company that has not been met for so"
        " many days; 0: never",
        default=0,
    )
    retention_experiments_days: int = setting(
        "SIQ_RETENTION_EXPERIMENTS_DAYS",
        "Delete exposures and observations of experiments after so many days; 0: never",
        default=0,
    )
