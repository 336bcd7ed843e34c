"""The document compiled: a tree of closures that finds the leaf for an emotion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from msgspec import structs

from services.intervention.policy.conditions import Holds, Test, compile_when, emotions_of
from services.intervention.policy.document import Action, Document, Guards, Rule
from services.intervention.policy.errors import PolicyError
from services.intervention.policy.facts import Facts
from services.intervention.policy.guards import GuardSet, compile_guards
from services.intervention.policy.parts import PRIORITIES, Part, parts_of
from services.intervention.templates.template import Template

EMOTIONS = ("rage", "hesitation", "confusion", "abandonment")
_MOST_PAGES = 512


@dataclass(frozen=True, slots=True)
class Node:
    """A rule. A leaf has `parts`, a branch `children`."""

    name: str
    path: str
    tests: tuple[Test, ...]
    holds: tuple[Holds, ...]
    parts: tuple[Part, ...] | None
    children: tuple[Node, ...] = ()


class Places:
    """The rules that a page leaves, by emotion.

    Most rules ask for a page first of all, and visitors are on few pages: what they say of a page
    is worked out once, not for each emotion on it.
    """

    def __init__(self, by_emotion: dict[str, tuple[Node, ...]]) -> None:
        self._by_emotion = by_emotion
        self._left: dict[tuple[str, str], tuple[Node, ...]] = {}

    def __len__(self) -> int:
        """How many pages are remembered."""
        return len(self._left)

    def of(self, facts: Facts) -> tuple[Node, ...]:
        """All but the rules whose condition on the page does not hold, in order."""
        key = (facts.emotion, facts.page)
        found = self._left.get(key)
        if found is None:
            nodes = self._by_emotion.get(facts.emotion, ())
            found = tuple(node for node in nodes if _may_be_at(node, facts))
            if len(self._left) >= _MOST_PAGES:
                self._left.clear()
            self._left[key] = found
        return found


def _may_be_at(node: Node, facts: Facts) -> bool:
    path = f"{node.path}.when.page"
    return all(test.holds(facts) for test in node.tests if test.path == path)


@dataclass(frozen=True, slots=True)
class Found:
    """The leaf that decides, or why there is none."""

    node: Node | None
    reason: Literal["rule", "no_rule", "below_confidence", "killed"]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """A document that was checked and compiled, under its version."""

    version: str
    digest: str
    """Of the document's bytes: two documents of one version can never be confused."""
    body: bytes
    zone: str
    nodes: tuple[Node, ...]
    by_emotion: dict[str, tuple[Node, ...]]
    places: Places = field(compare=False, repr=False)
    guards: GuardSet
    templates: dict[str, Template]
    asks: dict[str, tuple[str, ...]]
    """By emotion, for whom of the team its rules may ask, each one a line."""
    paths: dict[str, tuple[str, ...]]

    def path_to(self, rule: str) -> tuple[str, ...]:
        """A rule's name, and those of the branches above it."""
        return self.paths.get(rule, (rule,) if rule else ())

    def find(self, facts: Facts) -> Found:
        """Walk the tree; the first leaf whose conditions all hold decides."""
        nodes = self.places.of(facts)
        switched = frozenset(facts.switches)
        killed: list[str] = []
        leaf = _walk(nodes, facts, switched, killed)
        if leaf is not None:
            return Found(leaf, "rule")
        if killed:
            return Found(None, "killed", killed[0])
        certain = structs.replace(facts, confidence=100)
        if facts.confidence < 100 and _walk(nodes, certain, switched, killed) is not None:
            return Found(None, "below_confidence")
        return Found(None, "no_rule")

    def rules(self) -> Iterator[Node]:
        """Every rule that is not off, branches too, as they stand in the document."""
        stack = list(reversed(self.nodes))
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))


def _walk(
    nodes: tuple[Node, ...], facts: Facts, switched: frozenset[str], killed: list[str]
) -> Node | None:
    for node in nodes:
        for holds in node.holds:
            if not holds(facts):
                break
        else:
            if node.name in switched:
                killed.append(node.name)
                continue
            if node.parts is not None:
                return node
            found = _walk(node.children, facts, switched, killed)
            if found is not None:
                return found
    return None


def compile_policy(
    version: str, digest: str, body: bytes, document: Document, templates: dict[str, Template]
) -> Policy:
    """Compile a document.

    Raises:
        PolicyError: something in it cannot hold together; the message names the place.
    """
    guards = compile_guards(document.guards)
    compiler = _Compiler(templates, document.guards)
    nodes = tuple(compiler.nodes(document.rules, "rules", ()))
    by_emotion: dict[str, tuple[Node, ...]] = {}
    asks: dict[str, tuple[str, ...]] = {}
    written = {id(node): rule for node, rule in compiler.compiled}
    for emotion in EMOTIONS:
        chosen = tuple(_without_emotion(node) for node in nodes if _may(written[id(node)], emotion))
        by_emotion[emotion] = chosen
        teams = {part.asks for node in _leaves(chosen) for part in node.parts or () if part.asks}
        asks[emotion] = tuple(sorted(teams))
    return Policy(
        version,
        digest,
        body,
        document.zone,
        nodes,
        by_emotion,
        Places(by_emotion),
        guards,
        templates,
        asks,
        dict(_paths(nodes, ())),
    )


def _may(rule: Rule, emotion: str) -> bool:
    emotions = emotions_of(rule.when)
    return emotions is None or emotion in emotions


def _without_emotion(node: Node) -> Node:
    """Its emotion need not be asked for any more; the tests stay, for `explain`."""
    path = f"{node.path}.when.emotion"
    left = tuple(test for test in node.tests if test.path != path)
    return replace(node, holds=_most_telling_first(left))


_TELLING = (".page", ".element", ".section", ".trigger", ".company", ".words")


def _most_telling_first(tests: tuple[Test, ...]) -> tuple[Holds, ...]:
    """All must hold, in whichever order: one that most rules fail spares the others."""
    ordered = sorted(tests, key=lambda test: not test.path.endswith(_TELLING))
    return tuple(test.holds for test in ordered)


def _leaves(nodes: tuple[Node, ...]) -> Iterator[Node]:
    for node in nodes:
        if node.parts is not None:
            yield node
        yield from _leaves(node.children)


def _paths(
    nodes: tuple[Node, ...], above: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for node in nodes:
        path = (*above, node.name)
        yield node.name, path
        yield from _paths(node.children, path)


class _Compiler:
    def __init__(self, templates: dict[str, Template], guards: Guards) -> None:
        self._templates = templates
        self._guards = guards
        self._names: set[str] = set()
        self.compiled: list[tuple[Node, Rule]] = []

    def nodes(self, rules: tuple[Rule, ...], path: str, above: tuple[Test, ...]) -> Iterator[Node]:
        for index, rule in enumerate(rules):
            node = self._node(rule, f"{path}[{index}]", above)
            self.compiled.append((node, rule))
            if not rule.off:
                yield node

    def _node(self, rule: Rule, path: str, above: tuple[Test, ...]) -> Node:
        if rule.name in self._names:
            raise PolicyError(f"{path}.name: two rules are named {rule.name!r}, rename one")
        self._names.add(rule.name)
        if (rule.do is None) == (rule.rules is None):
            raise PolicyError(
                f"{path}: a rule has either `do` (a leaf; `do: []` does nothing) or `rules`"
            )
        tests = tuple(compile_when(rule.when, f"{path}.when"))
        inherited = (*above, *tests)
        holds = _most_telling_first(tests)
        if rule.do is None:
            children = tuple(self.nodes(rule.rules or (), f"{path}.rules", inherited))
            return Node(rule.name, path, tests, holds, None, children)
        parts: list[Part] = []
        names: set[str] = set()
        for index, action in enumerate(rule.do):
            place = f"{path}.do[{index}]"
            if action.name in names:
                raise PolicyError(f"{place}.name: two actions are named {action.name!r}")
            names.add(action.name)
            parts += self._parts(action, place, inherited)
        parts.sort(key=lambda part: -PRIORITIES[part.priority])  # stable: then the order written
        return Node(rule.name, path, tests, holds, tuple(parts))

    def _parts(self, action: Action, path: str, above: tuple[Test, ...]) -> list[Part]:
        template = self._templates.get(action.template)
        if template is None:
            raise PolicyError(
                f"{path}.template: no template {action.template!r};"
                f" known are {', '.join(sorted(self._templates))}"
            )
        tests = tuple(compile_when(action.when, f"{path}.when"))
        for test in (*above, *tests):
            _refuse_unproven(action, path, test)
        return parts_of(action, path, tests, template, self._guards)


def _refuse_unproven(action: Action, path: str, test: Test) -> None:
    """What is only claimed may route an alert to the team; it never buys the visitor anything."""
    if action.target == "team" or not test.unproven:
        return
    if test.unproven == "value" or action.type == "discount":
        raise PolicyError(
            f"{test.path}: assurance must be 'verified', since it leads to {action.name!r}"
            f" ({path}); a claimed identity never buys an offer"
        )
