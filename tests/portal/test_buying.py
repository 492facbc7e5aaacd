"""Buying funds: every way a payment ends, pressed twice, gone back to, in two tabs, and confirmed at the bank."""

import threading
import urllib.parse
import urllib.request

import pytest

from conftest import LANGUAGES, go, heading, path_of, text_of

PAY = {"en": "Pay EUR 200.00", "fr": "Payer 200,00 EUR"}


def prepared(host, card="pm_card_visa", **more):
    host.account(**more)
    host.card(card)


def review(page, amount="200", language="en"):
    go(page, "/accounts/demo/funds/add")
    page.get_by_label("Amount" if language == "en" else "Montant").fill(amount)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def pay(page, language="en"):
    page.get_by_role("button", name=PAY[language]).click()


def test_enter_leads_to_the_review_and_nothing_is_charged_before_pay(host, open_page):
    prepared(host)
    page = open_page(host, "ada", "/products")
    review(page)
    assert heading(page) == "Review and pay"
    text = text_of(page)
    for said in ["EUR 200.00", "Visa ending in 4242", "28 November 2027", "are lost", "This purchase does not turn it on"]:
        assert said in text, said
    assert host.charges() == []
    pay(page)
    assert heading(page) == "Payment received"
    assert [charge["amount"] for charge in host.charges()] == ["200.0000"]
    page.reload()
    assert len(host.charges()) == 1
    assert host.read()["autoRecharge"]["enabled"] is False, "buying changes no setting"
    receipt = page.get_by_role("link", name="Receipt 1, PDF").get_attribute("href")
    answer = page.request.get(f"{host.url}{receipt}")
    assert answer.headers["content-type"] == "application/pdf" and answer.body().startswith(b"%PDF")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "card, english, french, charged",
    [
        ("pm_card_visa", "Payment received", "Paiement reçu", 1),
        ("pm_card_chargeDeclined", "The card was declined: nothing was charged", "La carte a été refusée : rien n’a été débité", 0),
        ("pm_card_chargeDeclinedInsufficientFunds", "The card was declined: nothing was charged", None, 0),
        ("pm_card_chargeDeclinedExpiredCard", "The card was declined: nothing was charged", None, 0),
        ("pm_card_chargeDeclinedLostCard", "The card was declined: nothing was charged", None, 0),
        ("pm_card_authenticationRequired", "Confirm the payment with your bank", "Confirmez le paiement auprès de votre banque", 0),
        ("pm_sandbox_timeout", "We do not know yet", "Nous ne le savons pas encore", 1),
    ],
)
def test_every_ending_is_told_and_what_it_says_is_true(host, open_page, card, english, french, charged, language):
    prepared(host, card)
    page = open_page(host, "ada", "/products", language=language)
    review(page, language=language)
    pay(page, language)
    wanted = english if language == "en" else french
    assert wanted is None or heading(page) == wanted
    assert len(host.charges()) == charged
    for code in ["card_declined", "insufficient_funds", "expired_card", "lost_card", "authentication_required"]:
        assert code not in text_of(page)
    if card == "pm_sandbox_timeout":
        host.local("POST", "run/recover")
        page.get_by_role("link", name="Check again" if language == "en" else "Vérifier de nouveau").click()
        assert heading(page) == ("Payment received" if language == "en" else "Paiement reçu")
        assert len(host.charges()) == 1


def test_a_button_pressed_twice_buys_once(host, open_page):
    prepared(host)
    page = open_page(host, "ada", "/products")
    review(page)
    form = page.locator("main form[method=post]").first
    address = form.get_attribute("action")
    fields = {
        field.get_attribute("name"): field.get_attribute("value") for field in form.locator("input[type=hidden]").all()
    }
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}

    body = urllib.parse.urlencode(fields).encode()
    headers = {"Origin": host.url, "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    ends = []

    def send():
        request = urllib.request.Request(f"{host.url}{address}", body, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            ends.append(answer.url)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ends)) == 1, "all land on the same page"
    assert len(host.charges()) == 1 and len(host.purchases()) == 1


def test_going_back_after_paying_pays_nothing_again(host, open_page):
    prepared(host)
    page = open_page(host, "ada", "/products")
    review(page)
    address = page.url
    pay(page)
    paid = path_of(page)
    page.go_back()
    page.goto(address)
    assert page.get_by_role("button", name=PAY["en"]).count() == 0
    assert "already" in text_of(page).lower()
    assert len(host.charges()) == 1
    go(page, paid)
    assert len(host.purchases()) == 1


def test_two_visits_warn_of_the_purchase_before(host, open_page):
    prepared(host)
    page = open_page(host, "ada", "/products")
    review(page)
    pay(page)
    host.local("POST", "time", {"now": "2026-11-28T12:04:00Z"})
    review(page)
    assert "EUR 200.00 were bought 4 minutes ago (receipt 1)" in text_of(page)


def test_the_bank_asks_and_the_way_back_tells_the_truth(host, open_page):
    prepared(host, "pm_card_authenticationRequired")
    page = open_page(host, "ada", "/products")
    review(page)
    pay(page)
    purchase = path_of(page)
    go(page, f"{purchase}?success=true&status=succeeded")
    assert heading(page) == "Confirm the payment with your bank", "what an address claims counts for nothing"
    go(page, "/accounts/demo")
    assert page.locator(f"a[href*='{purchase.split('/')[-1]}']").count() > 0, "the overview leads to it"
    go(page, purchase)
    page.get_by_role("link", name="Go to your bank").click()
    page.get_by_role("button").first.click()
    page.get_by_role("link").first.click()
    assert path_of(page).split("?")[0] == purchase
    assert heading(page) == "Payment received"
    assert len(host.charges()) == 1


def test_a_card_is_saved_on_the_processors_page_and_leads_back_to_the_purchase(host, open_page):
    host.account()
    page = open_page(host, "ada", "/accounts/demo/funds/review?amount=50.00&key=k")
    page.get_by_role("main").get_by_role("link", name="Add a card").click()
    page.locator("main form[method=post] button").first.click()
    # The page leads on to the processor's by itself.
    page.get_by_role("button", name="Use this card: Visa 4242").click()
    page.wait_for_url(f"{host.url}/accounts/**")
    assert host.read()["paymentMethod"]["last4"] == "4242"
    assert "4242" in text_of(page)
    assert host.charges() == [], "saving a card buys nothing"


def test_a_card_can_be_removed_after_its_consequences_were_read(host, open_page):
    prepared(host)
    host.buy("100.00")
    host.recharge(triggerAmount="50.00", rechargeAmount="50.00")
    page = open_page(host, "ada", "/accounts/demo/payment-method/remove")
    assert "paymentMethod" in host.read()
    page.locator("main form[method=post] button").first.click()
    account = host.read()
    assert "paymentMethod" not in account and account["autoRecharge"]["state"] == "off"


@pytest.mark.parametrize(
    "language, typed, sent",
    [
        ("fr", "1\u202f234,50", "1234.5000"),
        ("fr", "1\u00a0234,5 €", "1234.5000"),
        ("fr", "１２３,５０", "123.5000"),
        ("fr", "1.234,50", "1234.5000"),
        ("fr", "60,23", "60.2300"),
        ("en", "1,234.50", "1234.5000"),
        ("en", "EUR 60.23", "60.2300"),
        ("en", "60,23", None),
        ("en", "1.234", None),
        ("fr", "1,234", None),
        ("en", "-60", None),
        ("en", "6e1", None),
        ("en", "", None),
        ("en", "40", None),
    ],
)
def test_amounts_are_read_as_people_type_them_or_refused(host, open_page, language, typed, sent):
    prepared(host)
    page = open_page(host, "ada", "/products", language=language)
    review(page, typed, language)
    if sent is None:
        assert page.title().startswith("Error" if language == "en" else "Erreur")
        assert page.get_by_role("alert").count() == 1
        assert page.get_by_label("Amount" if language == "en" else "Montant").input_value() == typed
    else:
        page.locator("main form[method=post] button").first.click()
        assert [charge["amount"] for charge in host.charges()] == [sent]


@pytest.mark.parametrize("currency, amount, shown", [("JPY", "5,000", "JPY 5,000"), ("KWD", "60.125", "KWD 60.125")])
def test_currencies_with_other_decimals(host, open_page, currency, amount, shown):
    prepared(host, currency=currency)
    page = open_page(host, "ada", "/products")
    review(page, amount)
    page.get_by_role("button", name=f"Pay {shown}").click()
    assert heading(page) == "Payment received"
    for path in ["", "/funds", "/transactions", "/receipts", "/usage", "/limits"]:
        go(page, f"/accounts/demo{path}")
        assert "NaN" not in text_of(page)
    go(page, "/accounts/demo")
    assert shown in text_of(page)


HURTING = [
    "x" * 200,
    "شركة الاتصالات",
    "חברת תקשורת",
    "コントソ株式会社",
    "☎️ Calls & <script>alert(1)</script>",
    "{{ account.name }} \"quoted\" 'twice'",
]


@pytest.mark.parametrize("name", HURTING)
def test_names_that_hurt(host, open_page, name):
    prepared(host, name=name)
    host.buy("100.00")
    host.call(userId=name[:100].replace(" ", "_"))
    page = open_page(host, "ada", "/products", width=390)
    for path in ["/products", "/accounts/demo", "/accounts/demo/usage", "/accounts/demo/transactions", "/accounts/demo/funds/add"]:
        go(page, path)
        assert name in page.content().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("&quot;", '"') or (
            name in page.locator("main").inner_text()
        )
        wide = page.locator("html").evaluate("html => html.scrollWidth")
        assert wide <= 390, f"{path} is {wide} wide"


def test_an_account_that_pays_after_use_buys_nothing(host, open_page):
    prepared(host)
    host.api("PATCH", "accounts/demo", {"billingModel": "postUsage"})
    page = open_page(host, "ada", "/accounts/demo/funds/add")
    assert "Funds can no longer be bought" in text_of(page)
    assert page.locator("main form").count() == 0
    assert page.get_by_role("link", name="Add funds").count() == 0
