"""The pages in states that the demo organizations are not in: empty, wrong, declined, waiting, changed meanwhile, signed out."""

import pytest

from conftest import LANGUAGES, assert_accessible, assert_well, click, go, text_of
from screens import PAGES
from test_pages import words_of_the_other_language
from test_snapshots import FOLDER, assert_as_before

#: The texts by which a state is reached.
TEXTS = {
    "en": {"pay": "Pay EUR 200.00", "save": "Save", "per_day": "Per day", "recipients": "Recipients", "sign_out": "Sign out"},
    "fr": {
        "pay": "Payer 200,00 EUR",
        "save": "Enregistrer",
        "per_day": "Par jour",
        "recipients": "Destinataires",
        "sign_out": "Se déconnecter",
    },
}


def states(host, page, language):
    """Leads the page from state to state, and gives the name of each."""
    texts = TEXTS[language]

    def press(name):
        click(page.get_by_role("main").get_by_role("button", name=texts[name], exact=True))

    def pay(key):
        go(page, f"/accounts/demo/funds/review?amount=200.00&key={key}")
        press("pay")

    host.account(locale=language)
    go(page, "/accounts/demo", "ada")
    yield "empty-overview"
    go(page, "/accounts/demo/funds/review?amount=200.00&key=no-card")
    yield "review-without-card"
    go(page, "/accounts/demo/auto-recharge")
    yield "auto-recharge-without-card"

    host.card("pm_card_chargeDeclinedInsufficientFunds")
    pay("declined")
    yield "purchase-declined"
    host.card("pm_sandbox_timeout")
    pay("unknown")
    yield "purchase-unknown"
    host.local("POST", "run/recover")
    host.card("pm_card_authenticationRequired")
    pay("bank")
    yield "purchase-at-the-bank"
    go(page, "/accounts/demo")
    yield "overview-at-the-bank"
    host.card()
    pay("paid")
    host.drain()
    page.reload()
    yield "purchase-received"
    go(page, "/accounts/demo/funds/review?amount=200.00&key=paid")
    yield "review-already-paid"

    go(page, "/accounts/demo/limits")
    page.get_by_label(texts["per_day"]).fill("x")
    press("save")
    yield "limits-wrong"
    go(page, "/accounts/demo/notifications")
    page.get_by_label(texts["recipients"]).fill("ada@example.com\nada@")
    press("save")
    yield "notifications-wrong"
    go(page, "/accounts/demo/limits")
    page.get_by_label(texts["per_day"]).fill("75")
    host.api("PUT", "accounts/demo/limits", {"perDay": "50.00"})
    press("save")
    yield "limits-changed-meanwhile"

    go(page, "/accounts/demo/auto-recharge")
    page.locator("#enabled").check()
    page.locator("main form input[inputmode=decimal]").nth(0).fill("100")
    page.locator("main form input[inputmode=decimal]").nth(1).fill("500")
    press("save")
    yield "auto-recharge-confirm"
    host.card("pm_card_chargeDeclinedInsufficientFunds")
    host.recharge(triggerAmount="500.00", rechargeAmount="100.00")
    host.drain()
    go(page, "/accounts/demo/auto-recharge")
    yield "auto-recharge-declined"
    go(page, "/accounts/demo")
    yield "overview-recharge-declined"

    go(page, "/accounts/demo/limits")
    page.context.clear_cookies(name="cc-session")
    press("save")
    yield "session-ended"
    go(page, "/products", "ada")
    click(page.get_by_role("button", name=texts["sign_out"]))
    yield "signed-out"


#: The name of every state, in the order in which they are reached.
STATES = [
    "empty-overview",
    "review-without-card",
    "auto-recharge-without-card",
    "purchase-declined",
    "purchase-unknown",
    "purchase-at-the-bank",
    "overview-at-the-bank",
    "purchase-received",
    "review-already-paid",
    "limits-wrong",
    "notifications-wrong",
    "limits-changed-meanwhile",
    "auto-recharge-confirm",
    "auto-recharge-declined",
    "overview-recharge-declined",
    "session-ended",
    "signed-out",
]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_is_accessible_and_in_one_language(host, open_page, axe, language):
    page = open_page(host, None, "/sign-in", language=language, scripts=True)
    seen = []
    for name in states(host, page, language):
        assert_as_before(page, name, language)
        assert_accessible(page, axe, name)
        assert_well(page)
        assert words_of_the_other_language(text_of(page), language) == [], name
        if name.endswith("-wrong"):
            assert page.locator(":focus").get_attribute("role") == "alert", "the list of errors takes the focus"
            assert page.title().startswith("Error: " if language == "en" else "Erreur")
        seen.append(name)
    assert seen == STATES


def test_every_snapshot_has_its_page():
    names = {name for there in PAGES.values() for name in there} | set(STATES)
    for language in LANGUAGES:
        assert {file.stem for file in (FOLDER / language).iterdir()} == names
