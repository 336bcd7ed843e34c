"""`sentientiq detect`: run recordings through the detector and print what visitors felt."""

from __future__ import annotations

import json
import sys
import time
from array import array
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

from cli.explain import explain
from hotpath.calibration import DECISION
from hotpath.detector import Detector
from hotpath.emission import EMOTIONS
from hotpath.ids import emission_id
from hotpath.model import Model
from hotpath.model_file import ModelError, read_folder
from hotpath.player import BATCH_MS, Player, call_of
from hotpath.recording import FLAGS, Reader, RecordingError, open_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotpath.emission import Emission
    from hotpath.recording import RecordedBatch

TENANT: Final = "recording"
"""Recordings name no tenant."""
STREAMS: Final = 1 << 16
"""Streams of one file that are held at once."""
PROGRESS_LINES: Final = 100_000


class Totals:
    """What the summary says, over all files."""

    def __init__(self) -> None:
        self.sessions = 0
        self.events = 0
        self.revisions = 0
        self.said: dict[str, dict[tuple[str, str], int]] = {}
        """By emotion: (file, id) and the confidence of its highest revision."""
        self.dropped: dict[str, int] = {}
        self.active_ms = 0

    def drop(self, reasons: dict[str, int]) -> None:
        """Add what one file lost, by reason."""
        for reason, count in reasons.items():
            self.dropped[reason] = self.dropped.get(reason, 0) + count

    def summary(self) -> dict[str, object]:
        """Return the summary; alarms are episodes that still stand at their highest revision.

        Below the decision they were taken back, or were never an alarm (a lower `--threshold`).
        """
        hours = self.active_ms / 3_600_000
        alarms = {
            emotion: sum(last >= DECISION for last in self.said.get(emotion, {}).values())
            for emotion in EMOTIONS
        }
        return {
            "sessions": self.sessions,
            "events": self.events,
            "emotions": sum(alarms.values()),
            "revisions": self.revisions,
            "dropped": sum(self.dropped.values()),
            "dropped_by_reason": {k: n for k, n in sorted(self.dropped.items()) if n},
            "active_hours": round(hours, 4),
            **{f"{emotion}_alarms": count for emotion, count in alarms.items()},
            **{
                f"{emotion}_alarms_per_active_hour": round(count / hours, 4) if hours else 0.0
                for emotion, count in alarms.items()
            },
        }


class FileRun:
    """One file through one detector of its own."""

    def __init__(
        self, path: str, totals: Totals, *, threshold: int, idle_ms: int, named: bool,
        scores: bool, explain: bool, model: Model | None = None,
        say: Callable[[dict[str, object]], None] | None = None,
    ) -> None:  # fmt: skip
        self.path = path
        self.say = say or print_line
        self.totals = totals
        self.idle_ms = idle_ms
        self.named = named
        self.scores = scores
        self.explain = explain
        self.detector = Detector(STREAMS, threshold=threshold, model=model)
        self.player = Player(self.detector, TENANT)
        # Line number of every event, by stream and batch: any of them can be evidence.
        self.event_lines: dict[tuple[str, str], dict[int, array[int]]] = {}
        self.event_times: dict[tuple[str, str], dict[int, array[int]]] = {}  # epoch ms
        self.scored: dict[str, bool] = {}

    def run(self, strip: int) -> None:
        """Read the file to its end and print every emission as it comes."""
        with open_lines(self.path) as lines:
            name = "standard input" if self.path == "-" else self.path
            reader = Reader(lines, name, strip=strip, most_ms=BATCH_MS)
            progress = Progress(self.path)
            for batch in reader:
                self.take(batch)
                progress.show(reader.line)
            progress.end()
        self.finish()
        counters = self.detector.counters
        self.totals.sessions += reader.sessions
        self.totals.events += reader.events
        self.totals.active_ms += reader.active_ms
        self.totals.drop({f"unknown_{name}": count for name, count in reader.skipped.items()})
        self.totals.drop({"late": counters["dropped_late"], "evicted": counters["evicted"]})

    def take(self, batch: RecordedBatch) -> None:
        """Hand one batch to the detector."""
        key = (batch.session, batch.stream)
        self.event_lines.setdefault(key, {})[batch.seq] = array("L", batch.lines)
        if self.explain:
            deltas = (cast("int", event[1]) for event in batch.events)
            times = array("Q", accumulate(deltas, initial=batch.t0_ms))
            self.event_times.setdefault(key, {})[batch.seq] = times[1:]
        call = call_of(batch)
        self.player.take(call)
        self.print_emissions()
        self.scored.setdefault(batch.session, False)
        if call.ends_session:
            self.print_scores(batch.session)

    def finish(self) -> None:
        """Let the time pass that the recording no longer holds."""
        self.player.finish(self.idle_ms)
        self.print_emissions()
        for session in self.scored:
            self.print_scores(session)

    def print_emissions(self) -> None:
        """Print what the detector has to say."""
        for emission in self.detector.drain():
            self.totals.revisions += 1
            line = self.line_of(emission)
            said = self.totals.said.setdefault(emission.emotion, {})
            said[self.path, str(line["id"])] = emission.confidence
            self.say(line)

    def line_of(self, emission: Emission) -> dict[str, object]:
        """Return the line that says an emission; docs/contracts.md, 4.6."""
        known = self.event_lines[emission.session, emission.stream]
        line: dict[str, object] = {
            "session": emission.session,
            "stream": emission.stream,
            "id": emission_id(
                emission.tenant,
                emission.session,
                emission.stream,
                emission.emotion,
                emission.episode,
            ),
            "rev": emission.rev,
            "t": emission.occurred_at_ms,
            "emotion": emission.emotion,
            "confidence": emission.confidence,
            "trigger": emission.trigger,
            "model": self.detector.model.versions[emission.emotion],
            "evidence": [known[seq][index] for seq, index in emission.evidence],
        }
        if self.named:
            line["file"] = self.path
        line["context"] = {"page": emission.page, "element": emission.element}
        if self.explain:
            line["contributions"] = dict(emission.contributions)
            line["explanation"] = explain(emission, self.span_ms(emission))
        return line

    def span_ms(self, emission: Emission) -> int:
        """Return the time from the first to the last event of the evidence."""
        known = self.event_times[emission.session, emission.stream]
        times = [known[seq][index] for seq, index in emission.evidence]
        return max(times, default=0) - min(times, default=0)

    def print_scores(self, session: str) -> None:
        """Print a session's peak scores, once."""
        if not self.scores or self.scored[session]:
            return
        self.scored[session] = True
        scores = self.detector.scores(TENANT, session)
        line: dict[str, object] = {
            "session": session,
            "scores": {name: value for name, value in scores.items() if name != "automated"},
            "automated": scores["automated"],
        }
        if self.named:
            line["file"] = self.path
        self.say(line)


class Progress:
    """How far a long input has been read, for whoever watches a terminal."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.next = PROGRESS_LINES if sys.stderr.isatty() else 0
        self.started = time.monotonic()
        self.shown = False

    def show(self, lines: int) -> None:
        """Say it every PROGRESS_LINES lines."""
        if self.next and lines >= self.next:
            self.next += PROGRESS_LINES
            self.shown = True
            rate = lines / max(time.monotonic() - self.started, 1e-9)
            click.echo(f"\r{self.path}: {lines:,} lines, {rate:,.0f}/s", err=True, nl=False)

    def end(self) -> None:
        """Leave the line to what follows."""
        if self.shown:
            click.echo(err=True)


def read_models(folder: str | None) -> Model:
    """Read the models of a folder, or the shipped ones; a bad file ends the command."""
    try:
        return Model(read_folder(Path(folder))) if folder else Model()
    except ModelError as error:
        raise click.BadParameter(str(error), param_hint="--models") from error


def print_line(line: dict[str, object]) -> None:
    """Print one NDJSON line."""
    sys.stdout.write(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n")


def print_human(summary: dict[str, object]) -> None:
    """Print the summary for people, beside the data."""
    alarms = ", ".join(f"{summary[emotion + '_alarms']} {emotion}" for emotion in EMOTIONS)
    click.echo(
        f"{summary['sessions']} sessions, {summary['events']} events, "
        f"{summary['active_hours']} active hours: {summary['emotions']} emotions "
        f"({alarms}), "
        f"{summary['dropped']} dropped",
        err=True,
    )


@click.command("detect")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--json", "as_json", is_flag=True, help="End with a summary as one JSON object.")
@click.option("--scores", is_flag=True, help="Print each session's peak scores at its end.")
@click.option(
    "--explain", is_flag=True, help="Add a sentence, and the terms of each score (log-odds)."
)
@click.option(
    "--threshold", type=click.IntRange(0, 100), default=50, show_default=True,
    help="Confidence from which emotions are printed.",
)  # fmt: skip
@click.option(
    "--models", "folder", type=click.Path(exists=True, file_okay=False),
    help="Folder of model files, as `sentientiq calibrate` writes it; else the shipped ones.",
)  # fmt: skip
@click.option(
    "--idle-after", type=click.FloatRange(0, 86_400), default=120, show_default=True,
    help="Seconds that pass after the last line of a session that has not ended.",
)  # fmt: skip
@click.option(
    "--strip-flag", "strip_flags", multiple=True, type=click.Choice(list(FLAGS)),
    help="Take this flag off every target.",
)  # fmt: skip
def command(
    files: tuple[str, ...], as_json: bool, scores: bool, explain: bool, threshold: int,
    folder: str | None, idle_after: float, strip_flags: tuple[str, ...],
) -> None:  # fmt: skip
    """Say what visitors felt in recordings (NDJSON, .gz as it is; `-` reads standard input)."""
    totals = Totals()
    model = read_models(folder)
    strip = sum({int(FLAGS[word]) for word in strip_flags})
    for path in files:
        try:
            FileRun(
                path, totals, threshold=threshold, idle_ms=round(idle_after * 1000),
                named=len(files) > 1, scores=scores, explain=explain, model=model,
            ).run(strip)  # fmt: skip
        except RecordingError as error:
            sys.stdout.flush()
            click.echo(f"sentientiq detect: {error}", err=True)
            sys.exit(2)
    if as_json:
        print_line({"summary": totals.summary()})
    else:
        print_human(totals.summary())
