"""Abandonment: what each sign is worth, who has a goal, and what takes a risk back."""

from __future__ import annotations

import pytest

from tests.unit.hotpath.helpers.abandonment import MODEL, T0, S, Visit, checkout, confidence

LEFT = [("left_dirty", confidence(left_dirty=100, goal_value=40))]
assert LEFT[0][1] >= 50


def test_exit_intent_at_a_checkout_is_about_an_even_bet() -> None:
    assert 45 <= checkout().exit(20).wait(21).peak <= 55


def test_hidden_checkout_is_at_risk_after_half_a_minute() -> None:
    """A checkout at which nothing was begun; where something was, sooner."""
    visit = Visit().page(0, "/cart").page(8, "/checkout").at(12, "scroll", y=9, max_y=99)
    visit.hide(20).wait(49.9)
    assert visit.told == []
    visit.wait(50)
    expected = confidence(hidden=100, hidden_long=70, goal_value=35)
    assert visit.told == [("hidden_long", expected)]
    assert expected >= 50
    assert visit.said[0].occurred_at_ms == T0 + 50 * S
    assert visit.wait(320).peak > expected
    begun = checkout().hide(20).wait(50)
    assert begun.peak == confidence(hidden=100, hidden_long=100, goal_value=100) > expected


def test_idle_form_is_at_risk_after_two_minutes_not_after_half_a_one() -> None:
    visit = Visit().form(0)
    assert 0 < visit.wait(18).peak < visit.wait(33).peak < 50
    assert visit.wait(122.9).told == []
    expected = confidence(idle=100, idle_long=100, goal_value=40)
    assert visit.wait(123).told == [("idle_long", expected)]
    assert expected >= 50
    assert visit.said[0].element == "input#street"
    before = visit.peak
    assert visit.wait(303).peak > before


def test_cart_at_the_end_of_the_visit_is_abandoned() -> None:
    visit = Visit().page(0, "/cart").at(5, "scroll", y=9, max_y=99).at(30, "session_end")
    expected = confidence(unloaded=90, idle=70, goal_value=90)
    assert visit.told == [("unloaded", expected), ("abandonment_confirmed", expected)]
    assert expected >= 50


def test_struggle_at_a_checkout_and_the_way_out() -> None:
    visit = checkout()
    for i in range(5):
        visit.at(15 + i / 4, "click", target="button#dead")
    assert visit.exit(20).wait(21).peak >= 75
    struggle = MODEL.features["struggle"]
    assert 0 < struggle.weight <= struggle.cap
    assert ("struggle", struggle.weight / 10) in visit.said[-1].contributions


def test_without_a_goal_nothing_is_abandoned() -> None:
    visit = Visit().page(0, "/shop").at(3, "click", target="a#help").exit(20).wait(60)
    visit.at(61, "input", target="input#email")  # a goal for a moment …
    visit.at(62, "submit", target="form").hide(80).wait(4000).at(4001, "session_end")
    assert visit.peak == 0


@pytest.mark.parametrize(
    ("vy", "edge", "at"), [(-250, "top", 20), (-900, "left", 20), (-900, "top", 12.5)]
)
def test_not_every_way_out_is_exit_intent(vy: float, edge: str, at: float) -> None:
    assert checkout().exit(at, vy, edge).wait(at + 1).peak == 0


def test_pointer_that_slipped_out_is_back_at_once() -> None:
    assert checkout().exit(20).at(20.4, "pointer_move", x=5, y=5).wait(25).peak == 0
    assert checkout().exit(20).at(20.6, "pointer_move", x=5, y=5).wait(25).peak > 0


@pytest.mark.parametrize(
    ("page", "name", "target"),
    [
        ("/search", "input", "input#q"),
        ("/shoes", "change", "select#sort"),
        ("/search", "change", "form"),
    ],
)
def test_search_fields_and_loose_options_begin_no_form(page: str, name: str, target: str) -> None:
    visit = Visit().page(0, page).at(5, name, target=target)
    assert visit.page(12, "/shoes/7", "spa").hide(20).wait(400).peak == 0


def test_voucher_in_a_cart_begins_no_form() -> None:
    visit = Visit().page(0, "/cart").at(5, "input", target="input#email")
    assert visit.page(12, "/shoes", "spa").told == []


def test_form_that_was_sent_is_no_goal_and_a_refused_one_is() -> None:
    assert Visit().form(0).at(5, "submit", target="form").wait(300).peak == 0
    refused = Visit().form(0).at(5, "submit", target="form").at(6, "invalid", target="input#name")
    assert refused.wait(300).peak >= 55


def test_form_left_for_another_page() -> None:
    assert Visit().form(0).page(9, "/pricing", "spa").told == LEFT
    for next_page in ("/checkout", "/thank-you", "/signup"):
        assert Visit().form(0).page(9, next_page, "spa").told == []


def test_pages_of_one_form_are_not_left() -> None:
    visit = Visit().form(0).at(8, "click", target="button#next").page(9, "/signup/2", "spa")
    assert visit.told == []
    back = Visit().form(0).at(8, "click", target="button#next").page(9, "/", "back_forward")
    assert back.told == LEFT


def test_another_tab_for_a_moment_is_not_leaving_the_form() -> None:
    visit = Visit().form(0).hide(9).page(9.2, "/terms", stream="2").hide(20, "2").show(20.1)
    visit.at(22, "input", target="input#name").wait(50, "2")
    assert visit.told == []
    long = Visit().form(0).hide(9).page(9.2, "/terms", stream="2").wait(40, "2").show(60)
    long.at(61, "input", target="input#name").wait(1900, "2")
    assert [trigger for trigger, _ in long.told] == ["left_dirty", "abandonment_cancelled"]
    gone = Visit().form(0).hide(9).page(9.2, "/terms", stream="2").wait(39.2, "2")
    assert gone.told == LEFT


def test_form_stays_left_while_its_visitor_browses_on() -> None:
    visit = Visit().form(0).hide(9).page(9.2, "/pricing", stream="2").wait(40, "2")
    visit.hide(45, "2").page(45.5, "/about", stream="3").wait(1900, "2")
    assert visit.told == LEFT


def test_another_tabs_form_is_not_left_by_a_page_of_this_one() -> None:
    visit = Visit().form(0).at(5, "submit", target="form").page(7, "/shoes", "spa")
    visit.page(20, "/newsletter", stream="2")
    for i, field in enumerate(("input#email", "input#name", "input#street")):
        visit.at(21 + i, "input", "2", target=field)
    assert visit.page(30, "/boots", "spa").told == []


def test_back_at_the_form_the_risk_is_taken_back() -> None:
    visit = Visit().form(0).page(9, "/pricing", "spa").page(30, "/signup", "back_forward")
    assert [trigger for trigger, _ in visit.told] == ["left_dirty", "abandonment_cancelled"]
    assert visit.said[-1].confidence < 50
    assert visit.said[-1].episode == visit.said[0].episode


def test_back_from_acheckout() -> None:
    shop = Visit().page(0, "/shop").at(2, "click", target="a#help").page(4, "/checkout", "spa")
    expected = confidence(back_out=97, goal_value=35)
    assert shop.page(12, "/shop", "back_forward").told == [("back_out", expected)]
    assert 50 <= expected < 75
    cart = Visit().page(0, "/shop").at(2, "click", target="a#help").page(4, "/cart", "spa")
    assert cart.page(12, "/shop", "back_forward").told == []


def test_page_that_unloads_for_the_next_one_means_nothing() -> None:
    visit = checkout()
    for i in range(5):
        visit.at(15 + i / 4, "click", target="button#dead")
    visit.hide(17).page(18.5, "/checkout/payment", stream="2").wait(400)
    assert visit.told == []


def test_a_bank_in_another_tab_has_two_minutes() -> None:
    visit = checkout().at(19, "click", target="button#pay").hide(20).wait(139.9)
    assert visit.peak == 0
    assert visit.wait(140).told[-1][1] >= 55


def test_coming_back_and_going_on_takes_the_risk_back() -> None:
    visit = checkout().hide(20).wait(60).show(70)
    assert "abandonment_cancelled" not in visit.triggers
    assert set(visit.triggers) == {"hidden", "hidden_long"}
    visit.at(75, "input", target="input#email")
    assert visit.told[-1][0] == "abandonment_cancelled"
    assert len(visit.said[-1].evidence) == 1
    visit.hide(90).wait(130)
    assert visit.said[-1].episode == 2


def test_success_ends_every_goal() -> None:
    for success in ({"page": "/thank-you", "nav": "load"}, {"name": "Order Completed"}):
        visit = checkout().hide(20).wait(60).show(61)
        visit.at(62, "page_view" if "page" in success else "track", **success)
        assert visit.told[-1] == ("abandonment_cancelled", confidence())
        assert visit.told[-1][1] < 15
        said = len(visit.said)
        assert len(visit.hide(100).wait(4000).said) == said


def test_half_an_hour_of_nothing_confirms() -> None:
    visit = checkout().hide(20).wait(1811.9)
    assert "abandonment_confirmed" not in dict(visit.told)
    visit.wait(1812)
    assert visit.told[-1][0] == "abandonment_confirmed"
    assert visit.told[-1][1] >= 80
    assert visit.wait(9000).told[-1][0] == "abandonment_confirmed"
    assert len({e.episode for e in visit.said}) == 1


def test_checkout_that_was_sent_is_over_once_the_site_leads_elsewhere() -> None:
    sent = checkout().at(20, "submit", target="form")
    assert sent.page(22, "/my/receipt-7", "load", "2").wait(4000, "2").peak == 0
    later = checkout().at(20, "submit", target="form").page(31, "/my/receipt-7", "spa")
    assert later.at(60, "session_end").told[-1][0] == "abandonment_confirmed"
    unsure = checkout().at(20, "submit", target="form").at(400, "session_end")
    assert unsure.told[-1][0] == "abandonment_confirmed"


def test_bounce_is_no_abandonment() -> None:
    assert Visit().page(0, "/checkout").hide(6).wait(4000).peak == 0
    assert Visit().page(0, "/checkout").hide(16).wait(4000).peak >= 55


def test_basket_in_the_navigation_is_a_way_not_a_goal() -> None:
    visit = Visit().page(0, "/shop").at(3, "click", target="a#basket").hide(20).wait(400)
    assert visit.peak == 0
    assert Visit().page(0, "/shop").at(3, "click", target="button#pay").hide(20).wait(400).peak > 0


def test_who_closes_the_page_after_a_struggle_leaves_for_it() -> None:
    visit = checkout()
    for i in range(5):
        visit.at(15 + i / 4, "click", target="button#dead")
    visit.at(25, "session_end")
    assert visit.told[-1] == (
        "abandonment_confirmed", confidence(unloaded=100, goal_value=100, struggle=100),
    )  # fmt: skip


def test_who_is_still_after_a_struggle_is_not_taken_to_leave_for_it() -> None:
    visit = checkout()
    for i in range(5):
        visit.at(15 + i / 4, "click", target="button#dead")
    assert visit.wait(60).peak == confidence(idle=100, goal_value=100)
