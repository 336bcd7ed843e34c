"""Real engines from wheels: PostgreSQL and Valkey, for `up`, tests and benchmarks.

Production passes URLs instead. Every engine listens on a Unix socket in a private folder, so
engines never collide on ports and nobody else on the machine can reach them.
"""

from cli.engines.engine import Command, Engine, EngineError
from cli.engines.folders import SocketFolder
from cli.engines.postgres import Postgres
from cli.engines.valkey import LogValkey, StateValkey

__all__ = [
    "Command",
    "Engine",
    "EngineError",
    "LogValkey",
    "Postgres",
    "SocketFolder",
    "StateValkey",
]
