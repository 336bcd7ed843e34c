"""Abandonment: who leaves a purchase for something else, and who only seems to come back."""

from __future__ import annotations

import pytest

from tests.unit.hotpath.helpers.abandonment import Visit, checkout, confidence


def test_who_comes_back_for_a_moment_and_does_nothing_has_not_come_back() -> None:
    visit = checkout().hide(20).wait(30).show(31).hide(33).at(33.1, "session_end")
    assert visit.triggers[-1] == "abandonment_confirmed"
    assert "hidden" in dict(visit.said[-1].contributions)
    back = checkout().hide(20).wait(30).show(31).at(32, "scroll", y=9, max_y=99)
    assert back.told[-1] == ("abandonment_cancelled", confidence())


def test_pointer_that_moves_is_no_idleness() -> None:
    still = checkout().wait(60)
    assert still.triggers[0] == "idle"
    moving = checkout()
    for s in range(20, 60, 10):
        moving.at(s, "pointer_move", x=s, y=5)
    assert moving.wait(60).peak == 0


def test_who_leaves_the_checkout_by_a_link_has_turned_to_something_else() -> None:
    visit = checkout().wait(60)
    assert visit.triggers[-1] != "abandonment_cancelled"
    visit.at(61, "click", target="a#help").page(62, "/shoes", "spa")
    assert visit.told[-1] == ("abandonment_cancelled", confidence())
    assert visit.wait(200).told[-1][0] == "abandonment_cancelled"
    assert visit.at(201, "session_end").told[-1][1] < 50
    away = checkout().page(20, "/shoes", "spa").at(24, "session_end")
    assert away.told[-1][0] == "abandonment_confirmed"


SIGNS: dict[str, dict[str, object]] = {
    "scroll": {"y": 9, "max_y": 99},
    "click": {"target": "button#dead"},
    "pointer_move": {"x": 5, "y": 5},
}


@pytest.mark.parametrize("sign", SIGNS)
def test_who_reads_on_elsewhere_has_turned_to_something_else(sign: str) -> None:
    fields = SIGNS[sign]
    visit = checkout().page(22, "/shoes", "back_forward")
    assert visit.triggers[0] == "back_out"
    if sign != "click":  # a glance
        visit.at(39.9, sign, **fields)
        assert "abandonment_cancelled" not in visit.triggers
    visit.at(40.1, sign, **fields).hide(43).wait(47)
    assert visit.told[-1] == ("abandonment_cancelled", confidence())


def test_doing_something_about_the_purchase_turns_back_to_it() -> None:
    visit = checkout().at(20, "click", target="a#help").page(21, "/shoes", "spa")
    assert visit.hide(30).wait(70).peak < 50
    visit.show(71).page(72, "/checkout", "back_forward").hide(73).wait(110)
    assert visit.peak < 50
    visit.show(111).at(112, "input", target="input#street").hide(113).wait(150)
    assert visit.peak > 75


def test_going_back_to_what_is_bought_already_begins_nothing() -> None:
    bought = checkout().at(20, "click", target="button#pay").at(20.1, "submit", target="form")
    bought.page(22, "/thank-you", "spa").page(60, "/checkout", "back_forward")
    assert bought.hide(80).wait(400).at(401, "session_end").told == []
    again = checkout().at(20, "submit", target="form").page(22, "/thank-you", "spa")
    again.page(60, "/checkout", "back_forward").at(70, "input", target="input#street")
    assert again.at(90, "session_end").told[-1][0] == "abandonment_confirmed"


def test_what_is_saved_for_later_is_not_abandoned() -> None:
    visit = checkout().wait(60).at(61, "track", name="draft_saved")
    assert visit.told[-1] == ("abandonment_cancelled", confidence())
    assert len(visit.hide(80).wait(500).at(501, "session_end").said) == len(visit.said)
    assert visit.told[-1][0] == "abandonment_cancelled"
    on = checkout().at(20, "track", name="draft_saved").at(30, "input", target="input#email")
    assert on.at(60, "session_end").told[-1][0] == "abandonment_confirmed"


def test_refused_press_leads_nowhere() -> None:
    """A page after it is no next step of the form, and no bank is being asked."""
    refused = checkout().at(20, "click", target="button#next").at(20.1, "invalid", target="form")
    refused.page(30, "/", "spa").at(33, "session_end")
    assert refused.told[-1][0] == "abandonment_confirmed"
    pay = checkout().at(20, "click", target="button#pay").at(20.1, "invalid", target="form")
    assert pay.hide(25).wait(56).triggers[-1] == "hidden_long"


def test_cart_in_which_something_is_done_is_not_looked_at_and_left() -> None:
    worked = Visit().page(0, "/cart").at(5, "click", target="button#dead")
    assert worked.at(15, "session_end").told == []
    looked = Visit().page(0, "/cart").at(5, "scroll", y=9, max_y=99).exit(12).wait(13)
    assert looked.at(15, "session_end").told[-1][0] == "abandonment_confirmed"
    in_vain = Visit().page(0, "/cart")
    for i in range(5):
        in_vain.at(5 + i / 4, "click", target="button#dead")
    assert in_vain.exit(10).wait(11).at(15, "session_end").told[-1][0] == "abandonment_confirmed"


def test_page_loaded_anew_counts_less_than_one_gone_back_to() -> None:
    here = checkout().page(20, "/", "spa")
    tab = checkout().page(20, "/", "load", "2")
    back = checkout().page(20, "/", "back_forward")
    assert tab.peak < here.peak <= back.peak
