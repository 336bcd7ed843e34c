"""A visit told in seconds, as abandonment hears it, and what its model file makes of marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotpath.columns import from_wire
from hotpath.detector import Detector
from hotpath.events import EventKind, TargetFlag
from hotpath.model_file import read_default
from hotpath.recording import event_of_line
from tests.unit.hotpath.helpers.mood_twin import promised

if TYPE_CHECKING:
    from hotpath.emission import Emission

T0 = 1_700_000_000_000
S = 1000
MODEL = read_default()["abandonment"]
FIELD = TargetFlag.TEXT_FIELD | TargetFlag.FORM
TARGETS = {
    "input#email": FIELD,
    "input#name": FIELD,
    "input#street": FIELD,
    "input#q": TargetFlag.TEXT_FIELD,
    "select#sort": TargetFlag(0),
    "form": TargetFlag.FORM,
    "button#next": TargetFlag.BUTTON | TargetFlag.FORM,
    "button#pay": TargetFlag.BUTTON | TargetFlag.CHECKOUT,
    "a#basket": TargetFlag.LINK | TargetFlag.CHECKOUT | TargetFlag.NAV,
    "a#help": TargetFlag.LINK,
    "button#dead": TargetFlag.BUTTON,
}


class Visit:
    """One session, told in seconds since its beginning."""

    def __init__(self) -> None:
        self.detector = Detector()
        self.said: list[Emission] = []
        self.seqs: dict[str, int] = {}

    def at(self, s: float, name: str, stream: str = "1", /, **fields: object) -> Visit:
        index = list(TARGETS).index(str(fields["target"])) + 1 if "target" in fields else 0
        fields = {"x": 9, "y": 9, **fields} if name == "click" else fields
        fields = {"keys": 9, "deletes": 0, **fields} if name == "input" else fields
        event = event_of_line(fields, EventKind[name.upper()], 0, index)
        table = {i: (name, int(flags)) for i, (name, flags) in enumerate(TARGETS.items(), 1)}
        c = from_wire([event], table)
        seq = self.seqs[stream] = self.seqs.get(stream, 0) + 1
        t = T0 + round(s * S)
        self.detector.apply("t", "s", stream, seq, t, 0, "", c.blob, c.targets, c.strings)
        return self._hear()

    def page(self, s: float, path: str, nav: str = "load", stream: str = "1") -> Visit:
        return self.at(s, "page_view", stream, page=path, nav=nav)

    def form(self, s: float, path: str = "/signup") -> Visit:
        """Fill in three fields, a second each."""
        self.page(s, path)
        for i, field in enumerate(("input#email", "input#name", "input#street"), 1):
            self.at(s + i, "input", target=field)
        return self

    def exit(self, s: float, vy: float = -900, edge: str = "top") -> Visit:
        return self.at(s, "pointer_exit", edge=edge, vx=0, vy=vy)

    def hide(self, s: float, stream: str = "1") -> Visit:
        return self.at(s, "visibility", stream, state="hidden")

    def show(self, s: float, stream: str = "1") -> Visit:
        return self.at(s, "visibility", stream, state="visible")

    def wait(self, s: float, stream: str = "1") -> Visit:
        """Let the stream's clock reach `s`."""
        self.detector.advance("t", "s", stream, T0 + round(s * S))
        return self._hear()

    def _hear(self) -> Visit:
        self.said += [e for e in self.detector.drain() if e.emotion == "abandonment"]
        return self

    @property
    def peak(self) -> int:
        return self.detector.scores("t", "s")["abandonment"]

    @property
    def told(self) -> list[tuple[str, int]]:
        return [(e.trigger, e.confidence) for e in self.said]

    @property
    def triggers(self) -> list[str]:
        return [e.trigger for e in self.said]


def checkout() -> Visit:
    """At a checkout for a while, and at work there."""
    visit = Visit().page(0, "/cart").page(8, "/checkout")
    return visit.at(12, "input", target="input#street")


def confidence(**strengths: int) -> int:
    """Return the confidence that the model file gives to features of these strengths."""
    score = MODEL.prior
    for name, strength in strengths.items():
        feature = MODEL.features[name]
        score += min(feature.cap, feature.weight * strength // 100)
    return promised("abandonment", score)
