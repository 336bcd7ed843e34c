"""What paths and tracked events mean, in the words that shops and analytics libraries use."""

from __future__ import annotations

import pytest

from hotpath.meanings import CART, CHECKOUT, SAVED, SEARCH, SUCCESS, of_event, of_page

EVENTS = {
    SUCCESS: [
        "Order Completed", "order_completed", "orderCompleted", "purchase", "Purchase",
        "Payment Succeeded", "payment_success", "checkout_complete", "CompleteRegistration",
        "sign_up", "Signed Up", "signup_completed", "generate_lead", "Lead", "Subscribe",
        "form_submitted", "SubmitApplication", "booking_confirmed", "StartTrial",
        "account_created", "order_placed",
    ],
    CHECKOUT: [
        "begin_checkout", "Checkout Started", "InitiateCheckout", "Checkout Step Viewed",
        "Checkout Step Completed", "add_payment_info", "Payment Info Entered",
        "add_shipping_info", "AddPaymentInfo",
    ],
    SAVED: [
        "draft_saved", "Draft Saved", "saveDraft", "cart_saved", "Save Cart", "saved_for_later",
        "Product Saved For Later", "application_saved", "quote_saved",
    ],
    CART: ["add_to_cart", "AddToCart", "view_cart", "Cart Viewed", "Product Added", "basket.open"],
    0: [
        "remove_from_cart", "Product Removed", "cart_emptied", "Order Cancelled", "payment_failed",
        "Order Refunded", "checkout_abandoned", "add_to_wishlist", "Product Added to Wishlist",
        "cartoon_watched", "video_completed", "login", "select_promotion", "draft_autosaved",
        "auto_saved_draft", "unsaved_draft", "settings_saved", "page_scrolled", "",
    ],
}  # fmt: skip
PAGES = {
    SUCCESS: [
        "/thank-you", "/thanks", "/order/complete", "/checkout/success", "/order-confirmation",
        "/checkout/order-received/123/", "/checkouts/c/1a2b/thank_you", "/welcome",
        "/checkout/onepage/success/", "/order/4711/confirmed", "/booking/confirmation.html",
        "#/checkout/done", "/de/danke",
    ],
    CHECKOUT: [
        "/checkout", "/checkout/payment", "/checkouts/cn/abc/information", "/pay", "/check-out",
        "/checkout/confirm", "/shop/checkout.php", "/#/checkout", "/kasse",
    ],
    CART: [
        "/cart", "/cart/", "/shop/basket", "/bag", "/checkout/cart/", "/shopping-cart", "/#/cart",
    ],
    SEARCH: ["/search", "/search/shoes", "/results", "/de/suche"],
    0: [
        "/", "", "/cartoons", "/thanksgiving-deals", "/blog/checkout-our-sale", "/golf-carts",
        "/products/bag-tote", "/bags/leather", "/account/billing", "/help/payment-methods",
        "/research", "/findings", "/orders", "/payslips", "/welcome-mats",
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "meaning"), [(name, meaning) for meaning, names in EVENTS.items() for name in names]
)
def test_tracked_event_means(name: str, meaning: int) -> None:
    assert of_event(name) == meaning


@pytest.mark.parametrize(
    ("path", "meaning"), [(path, meaning) for meaning, paths in PAGES.items() for path in paths]
)
def test_page_means(path: str, meaning: int) -> None:
    assert of_page(path) == meaning
