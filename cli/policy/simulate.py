"""`sentientiq policy simulate`: what a policy would have chosen on recordings."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from cli.policy.documents import json_option
from cli.policy.files import read_policy

if TYPE_CHECKING:
    from sentientiq.detection.v1 import emotion_pb2
    from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2

    from services.intervention.policy import Policy, Verdict


@click.command()
@click.argument("file")
@click.option(
    "--on", "recordings", multiple=True, required=True, metavar="RECORDINGS",
    type=click.Path(exists=True), help="Recording, or folder of them; may be given again.",
)  # fmt: skip
@click.option(
    "--identities", type=click.Path(exists=True, dir_okay=False),
    help='JSON of who sessions are: {"SESSION": {"ltv": {"currency": "USD", "minor": 9900}, …}};'
    ' "*" is everybody else.',
)  # fmt: skip
@click.option("--threshold", type=click.IntRange(0, 100), default=50, show_default=True)
@click.option("--against", metavar="FILE", help="Another policy: say where they differ.")
@click.option("--each", is_flag=True, help="Print every decision as a line of JSON first.")
@json_option
def simulate(
    file: str, recordings: tuple[str, ...], identities: str | None, threshold: int,
    against: str | None, each: bool, as_json: bool,
) -> None:  # fmt: skip
    """Say what the policy of FILE would have chosen on recordings (NDJSON, .gz as it is).

    Detector, rules and guards are those of the service; whoever of the team is asked for is taken
    to be reachable. Sessions are anonymous unless --identities says otherwise.
    """
    people = _read_identities(identities)
    emotions = _detect(recordings, threshold)
    one = _Run(read_policy(file), people)
    other = _Run(read_policy(against), people) if against else None
    differing = 0
    for emotion in emotions:
        chosen = one.judge(emotion)
        line = _line(emotion, chosen)
        if other is not None:
            instead = _line(emotion, other.judge(emotion))
            if instead != line:
                differing += 1
                line["instead"] = {
                    name: value for name, value in instead.items() if line.get(name) != value
                }
        if each:
            click.echo(json.dumps(line, ensure_ascii=False))
    summary = one.simulation.summary()
    if other is not None:
        summary["against"] = other.simulation.summary()
        summary["differing"] = differing
    if as_json:
        click.echo(json.dumps(summary, ensure_ascii=False))
    else:
        _show(summary)


class _Run:
    def __init__(self, policy: Policy, people: dict[str, identity_pb2.UserIdentity]) -> None:
        from services.intervention.deciding.simulation import Simulation

        self._people = people
        self.simulation = Simulation(policy)

    def judge(self, emotion: emotion_pb2.Emotion) -> Verdict:
        from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2

        who = identity_pb2.UserIdentity()
        found = self._people.get(emotion.session_id) or self._people.get("*")
        if found is not None:
            who.CopyFrom(found)
        who.tenant_id, who.session_id = emotion.tenant_id, emotion.session_id
        _, verdict = self.simulation.judge(emotion, who)
        return verdict


def _line(emotion: emotion_pb2.Emotion, verdict: Verdict) -> dict[str, object]:
    from services.intervention.deciding.gather import EMOTION_NAMES

    return {
        "session": emotion.session_id,
        "id": emotion.id,
        "rev": emotion.rev,
        "t": emotion.occurred_at_ms,
        "emotion": EMOTION_NAMES.get(emotion.kind, "?"),
        "confidence": emotion.confidence,
        "rule": verdict.rule,
        "reason": verdict.reason,
        "page": verdict.page.part.template if verdict.page is not None else None,
        "team": verdict.team.part.template if verdict.team is not None else None,
    }


def _detect(recordings: tuple[str, ...], threshold: int) -> list[emotion_pb2.Emotion]:
    """All emotions of the recordings, in order of time."""
    from cli.detect import FileRun, Totals
    from hotpath.recording import RecordingError

    found: list[emotion_pb2.Emotion] = []
    totals = Totals()
    for path in _files(recordings):
        try:
            FileRun(
                path, totals, threshold=threshold, idle_ms=120_000, named=False, scores=False,
                explain=False, say=lambda line: found.append(_emotion(line)),
            ).run(0)  # fmt: skip
        except RecordingError as error:
            click.echo(f"sentientiq policy simulate: {error}", err=True)
            sys.exit(2)
    found.sort(key=lambda emotion: emotion.occurred_at_ms)
    return found


def _files(recordings: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for name in recordings:
        path = Path(name)
        if path.is_dir():
            inside = sorted(
                str(one) for pattern in ("*.ndjson", "*.ndjson.gz") for one in path.rglob(pattern)
            )
            if not inside:
                raise click.ClickException(f"{name}: no recordings in it (*.ndjson, *.ndjson.gz)")
            found += inside
        else:
            found.append(name)
    return found


def _emotion(line: dict[str, object]) -> emotion_pb2.Emotion:
    """A line of `sentientiq detect` as the service would hear of it."""
    from sentientiq.detection.v1 import emotion_pb2

    from services.intervention.deciding.gather import EMOTION_NAMES

    fields = cast("dict[str, Any]", line)
    kinds = {name: kind for kind, name in EMOTION_NAMES.items()}
    return emotion_pb2.Emotion(
        id=fields["id"],
        rev=fields["rev"],
        tenant_id="recording",
        session_id=fields["session"],
        stream_id=fields["stream"],
        kind=kinds[fields["emotion"]],
        confidence=fields["confidence"],
        trigger=fields["trigger"],
        evidence=[emotion_pb2.EvidenceRef(seq=number) for number in fields["evidence"]],
        context=emotion_pb2.EmotionContext(**fields["context"]),
        occurred_at_ms=fields["t"],
        detected_at_ms=fields["t"],
    )


def _read_identities(file: str | None) -> dict[str, identity_pb2.UserIdentity]:
    from google.protobuf.json_format import ParseDict, ParseError
    from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2

    if file is None:
        return {}
    try:
        written = json.loads(Path(file).read_bytes())
        return {
            session: ParseDict(who, identity_pb2.UserIdentity()) for session, who in written.items()
        }
    except (ValueError, AttributeError, ParseError) as error:
        raise click.ClickException(
            f"{file}: expected an object of identities by session: {error}"
        ) from error


def _show(summary: dict[str, object]) -> None:
    tallies = cast("dict[str, dict[str, Any]]", summary["by_emotion"])
    click.echo(
        f"{summary['decisions']} decisions: {summary['interventions']} show help,"
        f" {summary['recommendations']} call the team"
    )
    for emotion, tally in tallies.items():
        click.echo(f"{emotion}: {tally['decisions']}")
        for title, name in (
            ("rule", "rules"), ("does", "actions"), ("nothing in the page", "nothing_in_page"),
        ):  # fmt: skip
            for what, count in tally[name].items():
                click.echo(f"  {title:20} {what:40} {count:6}")
    if "differing" in summary:
        click.echo(f"{summary['differing']} decisions differ from the other policy's")
