"""`sentientiq policy` without a mesh: check, diff, explain, simulate, preview, schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.policy.command import command

CASES = Path("tests/cases")
GENTLE = """
policy: 2
rules:
  - name: buyers
    when: {emotion: rage, value: {at_least: {USD: 1000}}}
    rules:
      - name: offer
        do: [{name: offer, type: discount, template: offer@1,
              budget: {name: b, cost: {USD: 5}}}]
  - name: everybody
    when: {emotion: [rage, confusion]}
    do: [{name: help, type: support, template: help@1}]
guards:
  budgets: {b: {most: {USD: 10}, each: ever}}
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


@pytest.fixture
def gentle(tmp_path: Path) -> str:
    file = tmp_path / "gentle.yaml"
    file.write_text(GENTLE)
    return str(file)


def test_check_says_what_is_there_and_what_is_never_reached(gentle: str, tmp_path: Path) -> None:
    done = json.loads(run("check", gentle, "--json").output)
    assert done == {"ok": True, "rules": ["buyers", "offer", "everybody"], "warnings": []}
    shadowed = tmp_path / "shadowed.yaml"
    shadowed.write_text("policy: 2\nrules: [{name: all, do: []}, {name: last, do: []}]\n")
    done = json.loads(run("check", str(shadowed), "--json").output)
    assert done["warnings"] == ["rules[1]: 'last' is never reached, since 'all' takes all"]


def test_check_names_the_place_and_the_mend(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(GENTLE.replace("offer@1", "offr@1"))
    done = run("check", str(file))
    assert done.exit_code == 1
    assert f"{file}: rules[0].rules[0].do[0].template: no template 'offr@1'" in done.output
    assert "Traceback" not in done.output


def test_diff_speaks_of_rules_by_name(gentle: str, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(
        GENTLE.replace("USD: 1000", "USD: 2000").replace("help@1", "lost_help@1")
        + "  stale_after_s: 5\n"
    )
    changes = json.loads(run("diff", gentle, str(other), "--json").output)["changes"]
    assert [(one["kind"], one["path"]) for one in changes] == [
        ("changed", "rules.buyers.when.value.at_least.USD"),
        ("changed", "rules.everybody.do.help.template"),
        ("added", "guards.stale_after_s"),
    ]
    assert run("diff", gentle, gentle).output == "the same policy, whatever the spelling\n"


def test_explain_shows_each_condition(gentle: str) -> None:
    poor = json.loads(
        run("explain", gentle, "--value", "USD:5000", "--low", "900", "--json").output
    )
    assert (poor["rule"], poor["reason"]) == ("everybody", "rule")
    assert [(one["rule"], one["matched"]) for one in poor["visits"]] == [
        ("buyers", False), ("everybody", True),
    ]  # fmt: skip
    failed = poor["visits"][0]["steps"][-1]
    assert (failed["path"], failed["holds"]) == ("rules[0].when.value", False)
    rich = run("explain", gentle, "--value", "USD:5000")
    assert "→ page: offer (offer@1)" in rich.output
    assert rich.output.endswith("reason: rule\n")


def test_simulate_counts_what_would_have_been_chosen(gentle: str, tmp_path: Path) -> None:
    names = ("dead_button_4x300", "dead_button_5x900", "dead_div_6x200", "four_dead_controls")
    on = [part for name in names for part in ("--on", str(CASES / f"{name}.ndjson"))]
    anonymous = json.loads(run("simulate", gentle, *on, "--json").output)
    assert anonymous["by_emotion"].keys() >= {"rage"}
    assert anonymous["actions"].keys() == {"everybody/help"}
    assert anonymous["spent"] == {}
    assert (
        sum(anonymous["nothing_in_page"].values()) + anonymous["interventions"]
        == (anonymous["decisions"])
    )
    identities = tmp_path / "who.json"
    identities.write_text(
        json.dumps({"*": {"ltv": {"currency": "USD", "minor": 999_900}, "assurance": 3}})
    )
    lines = run(
        "simulate", gentle, *on, "--identities", str(identities), "--against", "builtin",
        "--each", "--json",
    ).output.splitlines()  # fmt: skip
    rich = json.loads(lines[-1])
    # Two offers of 5 are all that the budget holds.
    assert (rich["actions"]["offer/offer"], rich["spent"]) == (2, {"b:USD": 1_000})
    assert rich["differing"] == sum("instead" in json.loads(line) for line in lines[:-1]) > 0
    assert rich["against"]["rules"].keys() == {"rage_help"}


def test_simulate_tells_the_same_twice(gentle: str) -> None:
    first, second = (run("simulate", gentle, "--on", str(CASES), "--json") for _ in range(2))
    assert first.exit_code == 0
    assert first.output == second.output


def test_preview_measures_texts(gentle: str) -> None:
    line = json.loads(
        run("preview", gentle, "--template", "alert@1", "--channel", "sms", "--json").output
    )
    assert line["sms"]["segments"] == 3
    assert "Dana Reyes" in line["title"]
    assert run("preview", "--template", "nope@1").exit_code == 2


def test_schema_is_that_of_the_repository() -> None:
    committed = Path("services/intervention/policy/policy.schema.json").read_text()
    assert run("schema").output == committed
