"""`sentientiq policy preview`: what templates say, as each channel will carry it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import click

from cli.policy.documents import json_option
from cli.policy.files import BUILTIN, read_policy

if TYPE_CHECKING:
    from services.intervention.templates.escape import ChannelName
    from services.intervention.templates.template import Template
    from services.intervention.templates.text import Value

CHANNELS = ("page", "slack", "sms", "email", "html", "json")
SAMPLE: dict[str, Value] = {
    "company": "Acme & Sons <Robotics>",
    "page": "/checkout",
    "element": "button#pay-now",
    "presses": 5,
    "emotion": "rage",
    "feeling": "RAGE 92%",
    "confidence": 92,
    "who": "Dana Reyes, Acme & Sons <Robotics> ($100,000)",
    "where": "on /checkout 'button#pay-now'",
    "value": "$100,000",
}


@click.command()
@click.argument("file", default=BUILTIN)
@click.option("--template", "names", multiple=True, help="Only these; may be given again.")
@click.option("--language", help="Only this one; else all that the template has.")
@click.option("--channel", "channels", multiple=True, type=click.Choice(CHANNELS))
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="For example presses=1."
)
@json_option
def preview(
    file: str, names: tuple[str, ...], language: str | None, channels: tuple[str, ...],
    settings: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Show what the templates of FILE's policy say, those that ship included."""
    policy = read_policy(file)
    values = {**SAMPLE, **_settings(settings)}
    for name in names or sorted(policy.templates):
        template = policy.templates.get(name)
        if template is None:
            raise click.BadParameter(
                f"no template {name!r}; known are {', '.join(sorted(policy.templates))}",
                param_hint="--template",
            )
        for spoken in [language] if language else template.languages:
            for channel in channels or ("page",):
                line = _line(name, template, values, cast("ChannelName", channel), spoken)
                if as_json:
                    click.echo(json.dumps(line, ensure_ascii=False))
                else:
                    _show(line)


def _settings(settings: tuple[str, ...]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or name not in SAMPLE:
            raise click.BadParameter(
                f"expected NAME=VALUE with one of {', '.join(SAMPLE)}", param_hint="--set"
            )
        found[name] = int(value) if isinstance(SAMPLE[name], int) and value.isdigit() else value
    return found


def _line(
    name: str, template: Template, values: dict[str, Value], channel: ChannelName, language: str
) -> dict[str, object]:
    from services.intervention.templates.sms import size

    said = template.render(values, channel, language)
    line: dict[str, object] = {
        "template": name,
        "type": template.type,
        "target": template.target,
        "channel": channel,
        "language": said.language,
        "title": said.title,
        "body": said.body,
        "buttons": [one.label for one in said.actions],
    }
    if channel == "sms":
        taken = size(f"{said.title}. {said.body}")
        line["sms"] = {
            "encoding": taken.encoding, "units": taken.units, "segments": taken.segments,
        }  # fmt: skip
    return line


def _show(line: dict[str, object]) -> None:
    click.echo(
        f"{line['template']}  {line['type']} for {line['target']}, {line['channel']},"
        f" {line['language']}"
    )
    click.echo(f"  {line['title']}")
    if line["body"]:
        click.echo(f"  {line['body']}")
    buttons = cast("list[str]", line["buttons"])
    if buttons:
        click.echo("  " + "  ".join(f"[{label}]" for label in buttons))
    if "sms" in line:
        size = cast("dict[str, object]", line["sms"])
        click.echo(f"  {size['encoding']}, {size['units']} units, {size['segments']} segments")
