"""What rules say of a page is worked out once, and nothing else is."""

from __future__ import annotations

from itertools import product

from msgspec import structs

from services.intervention.policy import Facts
from services.intervention.policy.compiled import Places
from tests.unit.services.intervention.policy.cases import NOW_MS, policy, rule

CHOSEN = policy(
    rule("exact", page=["/cart"], confidence=90),
    rule("head", page=["/shop/*", "/sale/*"], confidence=80),
    rule("within", any_of=[{"page": ["/shop/*"]}, {"trigger": ["dead_click"]}], confidence=70),
    rule("glob", page=["/*/pay?"]),
    rule("rest"),
)
PAGES = ("/cart", "/shop/1", "/sale/2", "/x/pay1", "/", "")


def expected(page: str, confidence: int, switches: tuple[str, ...]) -> str:
    """By hand, what the document says."""
    holds = {
        "exact": page == "/cart" and confidence >= 90,
        "head": page.startswith(("/shop/", "/sale/")) and confidence >= 80,
        "within": page.startswith("/shop/") and confidence >= 70,
        "glob": page == "/x/pay1",
        "rest": True,
    }
    return next(name for name, held in holds.items() if held and name not in switches)


def test_the_same_page_again_leaves_all_other_conditions_open() -> None:
    kinds = product(PAGES, (60, 75, 85, 95), ((), ("head",), ("exact", "within")))
    for page, confidence, switches in [*kinds] * 2:
        facts = Facts(
            now_ms=NOW_MS, emotion="rage", page=page, confidence=confidence, switches=switches
        )
        node = CHOSEN.find(facts).node
        assert node is not None
        assert node.name == expected(page, confidence, switches), facts


def test_another_emotion_on_the_page_has_rules_of_its_own() -> None:
    chosen = policy(rule("rage", emotion="rage", page=["/a"]), rule("doubt", emotion="hesitation"))
    facts = Facts(now_ms=NOW_MS, emotion="rage", page="/a", confidence=90)
    for emotion, name in (("rage", "rage"), ("hesitation", "doubt")) * 2:
        node = chosen.find(structs.replace(facts, emotion=emotion)).node
        assert node is not None
        assert node.name == name


def test_pages_without_number_do_not_fill_the_memory() -> None:
    places = Places(CHOSEN.by_emotion)
    for number in range(2_000):
        places.of(Facts(now_ms=NOW_MS, emotion="rage", page=f"/shop/{number}"))
    assert 0 < len(places) <= 512
