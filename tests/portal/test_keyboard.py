"""A purchase with the keyboard alone: Tab, Space, Enter and the digits of the amount. Every stop can be seen, in the order of reading."""

import io

import pytest
from PIL import Image

from conftest import go, heading, money

#: The contrast of a stop with the same place without the focus (WCAG 2.4.11, 2.4.13).
CONTRAST = 3

#: The most stops of a page.
MOST_STOPS = 60

#: The stop that has the focus: its name, its box, the part of the page that it is in, and its place in the source.
STOP = """stop => {
    const box = stop.getBoundingClientRect();
    const name = stop.labels && stop.labels[0] ? stop.labels[0].innerText : stop.innerText;
    const part = stop.closest("header, nav.menu, main, footer");
    return {
        name: name.trim(),
        box: [box.left, box.top, box.right, box.bottom],
        part: part ? part.tagName : "",
        place: Array.from(document.querySelectorAll("*")).indexOf(stop),
    };
}"""


def picture(page, area=None):
    """A picture of the window, or of this area of it."""
    clip = area and dict(zip(("x", "y", "width", "height"), (*area[:2], area[2] - area[0], area[3] - area[1])))
    return Image.open(io.BytesIO(page.screenshot(clip=clip, animations="disabled"))).convert("RGB")


def luminance(colour):
    def linear(part):
        part /= 255
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = map(linear, colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def seen_pixels(page, unfocused, box):
    """How many pixels around this box differ enough from a picture without the focus to be seen."""
    left, top, right, bottom = (round(edge) for edge in box)
    area = (max(left - 6, 0), max(top - 6, 0), min(right + 6, unfocused.width), min(bottom + 6, unfocused.height))
    pairs = list(zip(unfocused.crop(area).getdata(), picture(page, area).getdata()))
    seen = {pair for pair in set(pairs) if pair[0] != pair[1] and contrast(*pair) >= CONTRAST}
    return sum(pair in seen for pair in pairs)


def stops(page, name):
    """Tabs to the stop of this name, and checks every stop on the way."""
    unfocused = picture(page)
    before = None
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        assert focused.count() == 1, f"no stop {name!r} on {page.url}"
        stop = focused.evaluate(STOP)
        left, top, right, bottom = stop["box"]
        outline = 2 * (right - left + bottom - top)
        assert seen_pixels(page, unfocused, stop["box"]) >= outline, f"the focus on {stop['name']!r} cannot be seen"
        if before:
            assert stop["place"] > before["place"], f"{stop['name']!r} comes after {before['name']!r}"
            is_below_or_right = top >= before["box"][1] - 1 or left >= before["box"][2]
            assert stop["part"] != before["part"] or is_below_or_right, f"{stop['name']!r} is read before {before['name']!r}"
        if money(stop["name"]) == name:
            return
        before = stop
    raise AssertionError(f"no stop {name!r} among {MOST_STOPS} on {page.url}")


PURCHASE = {
    "en": ["Communications Credits", "Add funds", "Amount", "Review and pay", "Pay EUR 200.00", "Payment received"],
    "fr": ["Crédits de communication", "Ajouter des fonds", "Montant", "Vérifier et payer", "Payer 200,00 EUR", "Paiement reçu"],
}


@pytest.mark.parametrize("language, scheme, forced", [("en", "light", "none"), ("fr", "dark", "none"), ("fr", "light", "active")])
def test_a_purchase_with_the_keyboard_alone(host, open_page, language, scheme, forced):
    product, add_funds, amount, review, pay, paid = PURCHASE[language]
    host.account()
    host.card()
    page = open_page(host, "ada", "/products", language=language, height=2000, color_scheme=scheme, forced_colors=forced)

    def press(key):
        with page.expect_navigation():
            page.keyboard.press(key)

    stops(page, product)
    press("Enter")
    stops(page, add_funds)
    press("Enter")
    stops(page, amount)
    page.keyboard.type("200")
    press("Enter")
    assert heading(page) == review
    stops(page, pay)
    press("Space")
    assert heading(page) == paid
    assert [charge["amount"] for charge in host.charges()] == ["200.0000"]


def test_the_skip_link_leads_past_the_menu(demo, open_page):
    page = open_page(demo, "ada", "/accounts/demo/funds/add")
    stops(page, "Skip to the content")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.locator(":focus").evaluate("stop => stop.closest('main') !== null")
    go(page, "/accounts/demo/funds/add")
    assert page.locator(".skip").evaluate("link => link.getBoundingClientRect().right") < 0, "it shows with the focus alone"
