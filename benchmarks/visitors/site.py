"""The site: pages, what stands on them, how fast it answers, and what is broken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from benchmarks.visitors.timing import log_normal

if TYPE_CHECKING:
    from numpy.random import Generator

NAV_HEIGHT: Final = 56


@dataclass(frozen=True)
class Answer:
    """How an element answers a press."""

    kind: str = "mutation"
    """A reaction kind of the recording format; empty: never."""
    median_ms: float = 70
    spread: float = 0.5
    fails: bool = False
    """The request behind it comes back as an error."""


DEAD: Final = Answer("")
BACKGROUND: Final = Answer("")
"""Text and pictures answer nothing, and nobody expects it."""


@dataclass(frozen=True)
class Element:
    """Something on a page; x and y are its top left corner in the document."""

    target: str
    flags: tuple[str, ...]
    x: float
    y: float
    w: float
    h: float
    answer: Answer = Answer()

    def broken(self, answer: Answer) -> Element:
        """Return it with another way of answering."""
        return replace(self, answer=answer)


@dataclass(frozen=True)
class Page:
    """A page and what stands on it."""

    path: str
    height: float
    elements: dict[str, Element]

    def named(self, *prefixes: str) -> list[Element]:
        """Return the elements whose name starts so."""
        return [e for name, e in self.elements.items() if name.startswith(prefixes)]


SECTIONS: Final = ("shoes", "lamps", "plans", "guides", "deals", "travel", "parts", "garden")
_STYLES: Final = ("a.{}", "button.{}", "div.{}", "li.{} a", "#app .{}", "button[data-testid={}]")


class Site:
    """One tenant's site, drawn at random: names, sizes and speed differ, the parts do not."""

    def __init__(self, rng: Generator, vw: int, vh: int) -> None:
        self.rng = rng
        self.vw, self.vh = vw, vh
        self.margin = float(rng.uniform(0.04, 0.16)) * vw
        self.column = vw - 2 * self.margin
        self.lag = log_normal(rng, 1.0, 0.6)
        """Answers take this much longer than usual."""
        self.single_page = bool(rng.random() < 0.8)
        """Navigation does not reload."""
        self.sections = [str(s) for s in rng.choice(SECTIONS, 4, replace=False)]
        self._pages: dict[str, Page] = {}

    def page(self, path: str) -> Page:
        """Return the page at a path, the same one each time."""
        if path not in self._pages:
            self._pages[path] = self._build(path)
        return self._pages[path]

    def products(self, section: str) -> list[str]:
        """Return the paths of a section's products."""
        return [f"/{section}/{i}" for i in range(1, 7)]

    def _name(self, word: str, *, button: bool = False) -> str:
        if button:
            return f"button.{word}" if self.rng.random() < 0.6 else f"button#{word}"
        return str(self.rng.choice(_STYLES)).format(word)

    def _answer(self, kind: str = "mutation", ms: float = 70) -> Answer:
        return Answer(kind, ms * self.lag)

    def _row(self, names: list[str], y: float, w: float, h: float) -> list[tuple[float, float]]:
        gap = (self.column - w * len(names)) / max(len(names) - 1, 1)
        return [(self.margin + i * (w + min(gap, w)), y + 0 * h) for i in range(len(names))]

    def _build(self, path: str) -> Page:
        rng = self.rng
        parts: dict[str, Element] = {}
        goes = self._answer("navigation", 120)
        for i, section in enumerate(self.sections):
            x = self.margin + 140 + i * 110
            parts[f"nav{i}"] = Element(f"nav a.{section}", ("link", "nav"), x, 14, 90, 28, goes)
        parts["menu"] = Element(
            "nav button.menu",
            ("button", "nav", "menu"),
            self.margin,
            12,
            110,
            32,
            self._answer("state"),
        )
        x = self.vw - self.margin - 300
        parts["search"] = Element(
            "input#search", ("text_field", "form"), x, 12, 180, 32, self._answer("focus", 15)
        )
        parts["cart"] = Element(
            "nav a.cart", ("link", "nav", "checkout"), x + 200, 14, 40, 28, goes
        )
        parts["help"] = Element("nav a.help", ("link", "nav"), x + 250, 14, 50, 28, goes)
        depth = path.count("/")
        if path.startswith("/checkout"):
            height = self._form(parts)
        elif path == "/cart":
            height = self._cart(parts)
        elif path.startswith("/article"):
            height = self._text(parts, int(rng.integers(8, 20)), 120)
        elif depth == 2 and not path.startswith("/help"):
            height = self._product(parts)
        else:
            height = self._list(parts, goes)
        return Page(path, max(height, float(self.vh)), parts)

    def _list(self, parts: dict[str, Element], goes: Answer) -> float:
        rng = self.rng
        across = 1 if self.vw < 600 else int(rng.integers(1, 4))
        w = self.column / across - 20
        h = float(rng.uniform(120, 320)) if across > 1 else float(rng.uniform(80, 150))
        card = self._name("card")
        for i in range(6 if across == 1 else 9):
            x = self.margin + (i % across) * (w + 20)
            y = 150 + (i // across) * (h + 24)
            parts[f"card{i}"] = Element(f"{card}:{i + 1}", ("link",), x, y, w, h, goes)
            parts[f"text{i}"] = Element(f"p.teaser:{i + 1}", (), x, y + h, w, 20, BACKGROUND)
        bottom = 150 + 9 / across * (h + 24) + 60
        parts["pager"] = Element(
            self._name("pager-next", button=True),
            ("button", "paginator"),
            self.margin + 200,
            bottom,
            90,
            34,
            self._answer(),
        )
        parts["more"] = Element(
            self._name("load-more", button=True),
            ("button",),
            self.margin + 20,
            bottom,
            120,
            34,
            self._answer(),
        )
        parts["filter"] = Element(
            self._name("filter", button=True),
            ("button",),
            self.margin,
            100,
            120,
            34,
            self._answer("state"),
        )
        parts["heading"] = Element("h1", (), self.margin, 66, 300, 30, BACKGROUND)
        return bottom + 200

    def _text(self, parts: dict[str, Element], count: int, y: float) -> float:
        for i in range(count):
            parts[f"text{i}"] = Element(
                f"article p:{i + 1}", (), self.margin, y, min(self.column, 720), 110, BACKGROUND
            )
            y += 130
        return y + 200

    def _product(self, parts: dict[str, Element]) -> float:
        rng = self.rng
        left, right = self.margin, self.margin + self.column * 0.55
        if rng.random() < 0.3:
            left, right = self.margin + self.column * 0.5, self.margin
        w = max(min(self.column * 0.42, 380), 160)
        parts["heading"] = Element("h1", (), right, 80, w, 36, BACKGROUND)
        parts["price"] = Element("span.price", ("price",), right, 130, 120, 30, BACKGROUND)
        parts["image"] = Element("img.photo", (), left, 80, w, 300, BACKGROUND)
        chevron: tuple[str, ...] = ("button", "carousel")
        parts["next"] = Element(
            "svg.chevron" if rng.random() < 0.5 else "button.slide-next",
            chevron,
            left + w - 40,
            220,
            36,
            36,
            self._answer(),
        )
        y = 180.0
        kind = "tab" if rng.random() < 0.3 else "button"
        for i in range(int(rng.integers(2, 5))):
            parts[f"option{i}"] = Element(
                f"label.option:{i + 1}",
                ("button",) if kind == "button" else ("button", "tab"),
                right,
                y,
                w,
                40,
                self._answer("state", 30),
            )
            y += 50
        parts["plus"] = Element(
            "button.plus", ("button", "stepper"), right + 90, y, 32, 32, self._answer()
        )
        parts["minus"] = Element(
            "button.minus", ("button", "stepper"), right, y, 32, 32, self._answer()
        )
        y += 60
        cta = str(rng.choice(["button.add-to-cart", "button#buy", "button.cta", "a.subscribe"]))
        parts["cta"] = Element(
            cta, ("button", "cta"), right, y, 200, 46, self._answer("mutation", 140)
        )
        parts["like"] = Element(
            "button.like", ("button",), right + 220, y, 40, 40, self._answer("state", 25)
        )
        parts["date"] = Element(
            "button.next-month",
            ("button", "date_picker"),
            left + 200,
            420,
            30,
            30,
            self._answer("mutation", 30),
        )
        parts["media"] = Element(
            "button.play", ("button", "media"), left, 420, 50, 36, self._answer("media", 60)
        )
        parts["details"] = Element(
            "button.details", ("button",), left, 480, 140, 32, self._answer("state", 40)
        )
        return self._text(parts, int(rng.integers(3, 9)), max(560.0, y + 100))

    def _cart(self, parts: dict[str, Element]) -> float:
        parts["plus"] = Element(
            "td button.plus", ("button", "stepper"), self.margin + 300, 160, 30, 30, self._answer()
        )
        parts["minus"] = Element(
            "td button.minus", ("button", "stepper"), self.margin + 240, 160, 30, 30, self._answer()
        )
        parts["price"] = Element("td.price", ("price",), self.margin + 420, 160, 80, 30, BACKGROUND)
        parts["total"] = Element(
            "strong.price", ("price",), self.margin + 420, 260, 90, 30, BACKGROUND
        )
        parts["coupon"] = Element(
            "input#coupon",
            ("text_field", "form"),
            self.margin,
            260,
            160,
            34,
            self._answer("focus", 15),
        )
        parts["apply"] = Element(
            "button.apply",
            ("button", "form"),
            self.margin + 180,
            260,
            80,
            34,
            self._answer("network", 50),
        )
        parts["cta"] = Element(
            "a#checkout",
            ("link", "button", "cta", "checkout"),
            self.margin + 380,
            320,
            180,
            44,
            self._answer("navigation", 160),
        )
        return self._text(parts, 2, 460.0)

    def _form(self, parts: dict[str, Element]) -> float:
        y = 120.0
        for i, name in enumerate(("name", "email", "street", "city", "phone", "card")):
            parts[f"field{i}"] = Element(
                f"input#{name}",
                ("text_field", "form", "checkout"),
                self.margin,
                y,
                min(self.column, 360),
                38,
                self._answer("focus", 15),
            )
            y += 62
        parts["box"] = Element(
            "input#terms", ("form", "checkout"), self.margin, y, 18, 18, self._answer("state", 15)
        )
        parts["hint"] = Element(
            "button.hint", ("button",), self.margin + 380, 182, 24, 24, self._answer("dialog", 40)
        )
        parts["total"] = Element(
            "strong.price", ("price",), self.margin + 460, 130, 90, 30, BACKGROUND
        )
        parts["cta"] = Element(
            "button#pay",
            ("button", "cta", "form", "checkout"),
            self.margin,
            y + 50,
            220,
            46,
            self._answer("submit", 20),
        )
        parts["save"] = Element(
            "button.save",
            ("button",),
            self.margin + 250,
            y + 50,
            120,
            46,
            self._answer("network", 40),
        )
        return y + 320
