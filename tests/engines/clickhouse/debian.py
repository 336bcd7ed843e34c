"""Debian's clickhouse-server (18.16), as scripts/install-clickhouse unpacked it."""

from __future__ import annotations

from pathlib import Path

from cli.engines import Command, EngineError
from tests.engines.clickhouse.server import Server

ROOT = Path(__file__).parents[3] / "build" / "clickhouse" / "root"
_SERVER = ROOT / "usr" / "sbin" / "clickhouse-server"
# Loopback only, caches of a few megabytes, one user without a password: for tests.
_CONFIG = """<yandex>
  <logger><level>warning</level><console>1</console></logger>
  <listen_host>127.0.0.1</listen_host>
  <tcp_port>{port}</tcp_port>
  <path>{data}/</path>
  <tmp_path>{data}/tmp/</tmp_path>
  <user_files_path>{data}/files/</user_files_path>
  <format_schema_path>{data}/formats/</format_schema_path>
  <users_config>users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <timezone>UTC</timezone>
  <mark_cache_size>8388608</mark_cache_size>
  <uncompressed_cache_size>8388608</uncompressed_cache_size>
  <max_concurrent_queries>16</max_concurrent_queries>
</yandex>
"""
_USERS = """<yandex>
  <profiles><default>
    <max_memory_usage>500000000</max_memory_usage>
    <max_threads>2</max_threads>
    <background_pool_size>2</background_pool_size>
    <allow_experimental_low_cardinality_type>1</allow_experimental_low_cardinality_type>
  </default></profiles>
  <users><default>
    <password></password><profile>default</profile><quota>default</quota>
    <networks><ip>127.0.0.1</ip></networks>
  </default></users>
  <quotas><default></default></quotas>
</yandex>
"""


def available() -> str | None:
    """Why there is none; None if there is."""
    if not _SERVER.exists():
        return "Debian's clickhouse-server is not here: run scripts/install-clickhouse"
    return None


class DebianServer(Server):
    """The server itself."""

    name = "clickhouse-debian"

    def prepare(self) -> None:
        if (why := available()) is not None:
            raise EngineError(why)
        for folder in (self.data / "tmp", self.data / "files", self.data / "formats"):
            folder.mkdir(parents=True, exist_ok=True)
        config = _CONFIG.format(port=self.port, data=self.data)
        (self.data / "config.xml").write_text(config)
        (self.data / "users.xml").write_text(_USERS)

    def command(self) -> Command:
        libraries = sorted({str(path.parent) for path in ROOT.rglob("*.so*")})
        return Command(
            (str(_SERVER), f"--config-file={self.data / 'config.xml'}"),
            env={"LD_LIBRARY_PATH": ":".join(libraries)},
            cwd=self.data,
        )
