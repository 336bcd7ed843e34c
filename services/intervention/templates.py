"""What the page shows, by name and version. A changed text is a new version, never an edit."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

import msgspec
from sentientiq.intervention.v1 import intervention_pb2 as pb

_TYPES: dict[str, pb.InterventionType.ValueType] = {
    "chat": pb.INTERVENTION_TYPE_CHAT,
    "discount": pb.INTERVENTION_TYPE_DISCOUNT,
    "support": pb.INTERVENTION_TYPE_SUPPORT,
    "escalation": pb.INTERVENTION_TYPE_ESCALATION,
}


class Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A button. A link goes to https or to a path of the same site, never to a script."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]{1,32}$")]
    label: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    url: Annotated[str, msgspec.Meta(pattern=r"^(https://|/(?![/\\])).{0,500}$")] | None = None


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of one intervention."""

    type: Literal["chat", "discount", "support", "escalation"]
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    body: Annotated[str, msgspec.Meta(max_length=600)]
    actions: Annotated[tuple[Action, ...], msgspec.Meta(max_length=3)] = ()

    @property
    def kind(self) -> pb.InterventionType.ValueType:
        """The contract's word for the type."""
        return _TYPES[self.type]

    def payload_json(self) -> str:
        """What the page shows: {title, body, actions}."""
        payload = {"title": self.title, "body": self.body, "actions": self.actions}
        return msgspec.json.encode(payload).decode()


@cache
def builtin_templates() -> dict[str, Template]:
    """The templates that ship with the service."""
    body = files("services.intervention").joinpath("builtin_templates.json").read_bytes()
    return msgspec.json.decode(body, type=dict[str, Template])
