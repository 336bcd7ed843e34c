"""What a kafka:// URL says, as librdkafka wants to hear it.

    kafka://[user:password@]host:port[,host:port…][/prefix][?mechanism=…&ca=…]

kafkas:// is the same over TLS, trusting the system's authorities, or those of the file `ca`. A
user signs in by SCRAM-SHA-512, or by `mechanism`. `prefix` goes before the names of topics and
groups, so that several meshes may share a cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from services.common.settings import UrlError

Config = dict[str, str | int | float | bool]

MOST_BYTES = 16 * 1024 * 1024
"""The largest entry of a topic."""
MOST_DEAD_BYTES = MOST_BYTES + 64 * 1024
"""The largest of its dead letters: the same record, with the reason."""
_MECHANISMS = frozenset({"SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"})


@dataclass(frozen=True, slots=True)
class Address:
    """A cluster and the part of it that is ours."""

    config: Config
    """What every client of the cluster is given."""
    prefix: str

    def name(self, plain: str) -> str:
        """The cluster's name of a topic or group."""
        return f"{self.prefix}.{plain}" if self.prefix else plain

    def plain(self, name: str) -> str | None:
        """Our name of a topic or group; None for what is not ours."""
        if not self.prefix:
            return name
        head, dot, plain = name.partition(f"{self.prefix}.")
        return plain if dot and not head else None


def parse(url: str) -> Address:
    """Read a URL.

    Raises:
        UrlError: it names no server, or something that is not known.
    """
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    if not hosts:
        raise UrlError("SIQ_LOG_URL names no server: expected kafka://host:port,host:port")
    asked = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    mechanism = asked.pop("mechanism", "SCRAM-SHA-512")
    authorities = asked.pop("ca", "")
    if asked or mechanism not in _MECHANISMS:
        raise UrlError(
            f"SIQ_LOG_URL: after the question mark may stand ca=FILE and "
            f"mechanism={'|'.join(sorted(_MECHANISMS))}, found {parts.query!r}"
        )
    secure = parts.scheme == "kafkas"
    config: Config = {
        "bootstrap.servers": hosts,
        "client.id": "sentientiq",
        "security.protocol": ("SASL_" if credentials else "") + ("SSL" if secure else "PLAINTEXT"),
        "socket.connection.setup.timeout.ms": 2_000,
        "socket.keepalive.enable": True,
        # The default grows to 10 s: a log that is back should be noticed.
        "reconnect.backoff.max.ms": 1_000,
        "log_level": 2,  # what matters comes as an error, and is logged as ours
    }
    if credentials:
        user, _, password = credentials.partition(":")
        config |= {
            "sasl.mechanism": mechanism,
            "sasl.username": unquote(user),
            "sasl.password": unquote(password),
        }
    if authorities:
        config["ssl.ca.location"] = authorities
    return Address(config, parts.path.strip("/"))
