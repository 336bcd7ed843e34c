"""What the identity service reads from its environment."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.settings import setting


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the identity service."""

    mesh_secret: str = setting("SIQ_MESH_SECRET", "the secret that signs tokens of the mesh")
    postgres_url: str = setting("SIQ_POSTGRES_URL", "PostgreSQL, postgresql://…")
    log_url: str = setting("SIQ_LOG_URL", "the event log, redis:// or kafka://host:port")
    sealing_key_file: str = setting(
        "SIQ_SEALING_KEY_FILE", "file of the private key that opens identifies; made if absent"
    )
    kek_file: str = setting(
        "SIQ_KEK_FILE",
        "file of the keys that wrap tenants' keys, made if absent; without it the sealing key does",
        default="",
    )
    kms: str = setting(
        "SIQ_KMS",
        "package.module:function of an adapter to a key service, instead of a file",
        default="",
    )
    enrichment_folder: str = setting(
        "SIQ_ENRICHMENT_FOLDER",
        "Folder with a folder a tenant of files that its enrichers name (docs/company.md)",
        default="",
    )
    allowed_private_hosts: tuple[str, ...] = setting(
        "SIQ_ALLOWED_PRIVATE_HOSTS",
        "host:port pairs on private networks that enrichers' URLs may name, comma list",
        default=(),
    )
    audit_anchor_file: str = setting(
        "SIQ_AUDIT_ANCHOR_FILE",
        "file to which the newest audit record of each chain is added, instead of the log",
        default="",
    )
    retention_identities_days: int = setting(
        "SIQ_RETENTION_IDENTITIES_DAYS",
        "days after the last statement in a session until it is deleted; 0 keeps it",
        default=0,
    )
    retention_transactions_days: int = setting(
        "SIQ_RETENTION_TRANSACTIONS_DAYS",
        "days until a transaction is deleted, and counts for no value any more; 0 keeps it",
        default=0,
    )
    listen: str = setting("SIQ_LISTEN", "gRPC host:port", default="127.0.0.1:7101")
    value_refresh_s: float = setting(
        "SIQ_VALUE_REFRESH_S",
        "seconds between two looks for values and models that have grown old",
        default=60.0,
    )
