"""`sentientiq up`: engines, services, edge and demo shop; one log; one URL; Ctrl-C stops it all."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import click

from cli import mesh, processes
from cli.engines import Engine, EngineError, LogValkey, Postgres, SocketFolder, StateValkey
from cli.errors import CliError
from cli.migrate import migrate_all
from cli.up import plan, ports, probes
from cli.up.child import Spec
from cli.up.data import DataFolder, Secrets
from cli.up.demo import Demo
from cli.up.screen import Screen
from cli.up.servers import require_servers
from cli.up.supervisor import Step, Supervisor
from services.common.telemetry import METRICS_LISTEN

_ENGINE_URLS = {
    "postgres": "SIQ_POSTGRES_URL",
    "valkey-state": "SIQ_STATE_URL",
    "valkey-log": "SIQ_LOG_URL",
}


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=mesh.DEFAULT_DATA,
    show_default=True,
    help="Folder for engines' data and secrets.",
)
@click.option(
    "--ports",
    "port_choice",
    type=click.Choice(["default", "free"]),
    default="default",
    show_default=True,
    help="Well-known ports, or any that are free.",
)
@click.option(
    "--edge-workers",
    type=click.IntRange(1, ports.MOST_EDGE_WORKERS),
    default=1,
    show_default=True,
    help="Processes that share the WebSocket port; one holds 10,000 sessions and more.",
)
@click.option(
    "--engines",
    type=click.Choice(["embedded", "servers"]),
    default="embedded",
    show_default=True,
    help="Engines from wheels, or none of them: PostgreSQL, Redis, Kafka and ClickHouse by URL.",
)
@click.option("--no-demo", is_flag=True, help="Without the demo tenant and its shop.")
@click.option(
    "--trace",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Append a trace of each emotion to this file: one span a line, OTLP JSON.",
)
@click.option(
    "--leftover",
    is_flag=True,
    help="Pipeline and accountability get only what hardly anybody else wants of the processors: "
    "pages wait for no block of rows, rows and reports for a free processor.",
)
def command(
    data: Path,
    port_choice: str,
    edge_workers: int,
    engines: str,
    no_demo: bool,
    trace: Path | None,
    leftover: bool,
) -> None:
    """Run the whole mesh on this machine and print one URL.

    PostgreSQL and Valkey come from wheels; an engine whose URL is set in the environment
    (SIQ_POSTGRES_URL, SIQ_STATE_URL, SIQ_LOG_URL, SIQ_ANALYTICS_URL) is used instead of started;
    with --engines servers all four must be. Text messages go to a sandbox unless Twilio's
    credentials are set. Ctrl-C stops everything and keeps the data.
    """
    if engines == "servers":
        require_servers(os.environ)
    with DataFolder(data.resolve()) as folder:
        left = folder.end_leftovers()
        chosen = folder.free_ports() if port_choice == "free" else dict(ports.DEFAULT_PORTS)
        try:
            mesh_up = _Up(
                folder,
                chosen,
                demo=not no_demo,
                edge_workers=edge_workers,
                left=left,
                trace=_checked(trace),
                leftover=leftover,
            )
            code = asyncio.run(mesh_up.run())
        except EngineError as error:
            raise CliError(str(error)) from error
    sys.exit(code)


def _checked(trace: Path | None) -> Path | None:
    """The file, made if it is new: better refused here than by every process."""
    if trace is None:
        return None
    try:
        trace.open("ab").close()
    except OSError as error:
        raise CliError(f"cannot write {trace}: {error.strerror}; name another --trace") from error
    return trace.resolve()


class _Up:
    """One run of the mesh."""

    def __init__(
        self,
        folder: DataFolder,
        chosen: dict[str, int],
        *,
        demo: bool,
        edge_workers: int,
        left: int,
        trace: Path | None,
        leftover: bool,
    ) -> None:
        self._data = folder.path
        self._secrets: Secrets = folder.secrets()
        self._left = left
        self._sockets = SocketFolder.of(folder.path)
        self._engines = self._make_engines()
        self._plan = plan.Inputs(
            data=folder.path,
            ports=chosen,
            engine_urls=self._engine_urls(),
            mesh_secret=os.environ.get("SIQ_MESH_SECRET") or self._secrets.mesh,
            sandbox_token=self._secrets.sandbox_token,
            environ=os.environ,
            demo=demo,
            edge_workers=edge_workers,
            trace=trace,
            leftover=leftover,
        )
        self._urls = plan.urls(self._plan)
        specs = [*map(_engine_spec, self._engines), *map(_spec, plan.table(self._plan))]
        self._screen = Screen([spec.name for spec in specs])
        self._screen.take_our_own_logs()
        self._ready = False
        self._supervisor = Supervisor(
            specs,
            self._steps(),
            emit=self._screen.emit,
            notice=self._screen.notice,
            changed=self._record,
        )

    async def run(self) -> int:
        """Start, wait for Ctrl-C or SIGTERM, stop. Returns the exit code."""
        stop = asyncio.Event()
        self._watch_signals(stop)
        ports.check_free(plan.used_ports(self._plan))
        self._sockets.create()
        if self._left:
            self._screen.say(f"ended {self._left} processes left by a mesh that was killed")
        try:
            if await self._supervisor.start(stop):
                self._ready = True
                self._record()
                self._show()
                await stop.wait()
            self._screen.say("stopping")
        finally:
            await self._supervisor.stop()
            self._ready = False
            mesh.remove(self._data)
            self._sockets.remove()
        self._screen.say("stopped")
        return 0

    def _make_engines(self) -> list[Engine]:
        made: list[Engine] = [
            Postgres(self._data / "postgres", self._sockets.path),
            StateValkey(self._data / "state", self._sockets.path),
            LogValkey(self._data / "log", self._sockets.path),
        ]
        return [engine for engine in made if not os.environ.get(_ENGINE_URLS[engine.name])]

    def _engine_urls(self) -> dict[str, str]:
        ours = {_ENGINE_URLS[engine.name]: engine.url for engine in self._engines}
        return {name: ours.get(name) or os.environ[name] for name in _ENGINE_URLS.values()}

    def _steps(self) -> list[Step]:
        async def migrate() -> None:
            await migrate_all(self._plan.engine_urls["SIQ_POSTGRES_URL"])

        steps = [Step("migrations", ("postgres",), migrate)]
        if self._plan.demo:
            demo = Demo(
                data=self._data,
                urls=self._urls,
                identity_addr=self._plan.at("identity"),
                mesh_secret=self._plan.mesh_secret,
                identity_secret=self._secrets.demo_identity,
            )
            steps.append(Step("demo", ("identity",), demo.seed))
        return steps

    def _watch_signals(self, stop: asyncio.Event) -> None:
        def asked() -> None:
            if stop.is_set():
                self._screen.say("killing what is left")
                self._supervisor.kill()
            stop.set()

        loop = asyncio.get_running_loop()
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(signum, asked)

    def _record(self) -> None:
        children = self._supervisor.children.values()
        metrics = {row.name: row.env[METRICS_LISTEN] for row in plan.table(self._plan)}
        mesh.write(
            self._data,
            mesh.Mesh(
                pid=os.getpid(),
                started=processes.started_at(os.getpid()),
                ready=self._ready,
                env=plan.client_env(self._plan),
                urls=self._urls,
                processes={
                    child.spec.name: mesh.RunningProcess(
                        child.pid,
                        child.started,
                        child.spec.address,
                        metrics.get(child.spec.name, ""),
                    )
                    for child in children
                    if child.pid is not None
                },
            ),
        )

    def _show(self) -> None:
        self._screen.health(self._supervisor.children.values(), self._supervisor.ready_s or 0.0)
        phones = self._urls.get("sandbox")
        texts = f"arrive at {phones}" if phones else "go out through Twilio: they are real"
        hints = [f"Text messages to the team {texts}. Ctrl-C stops everything; the data stays."]
        if "shop" in self._urls:
            hints.insert(
                0, "Sign in as Dana, open the cart and press the dead “Pay now” a few times."
            )
        self._screen.url(self._urls.get("shop") or self._urls["ws"], hints)


def _engine_spec(engine: Engine) -> Spec:
    return Spec(
        name=engine.name,
        command=engine.command,
        probe=probes.engine_probe(engine),
        address=engine.url.partition("host=")[2] or engine.url.removeprefix("unix://"),
        prepare=engine.prepare,
        quiet=True,
    )


def _spec(process: plan.Process) -> Spec:
    make = probes.grpc_probe if process.probe == "grpc" else probes.http_probe
    after = process.after
    if "postgres" in after:
        after = (*after, "migrations")
    return Spec(
        name=process.name,
        command=process.command,
        probe=make(process.address),
        address=process.address,
        after=(*after, "demo") if process.name == "shop" else after,
        tier=process.tier,
        nice=process.nice,
    )
