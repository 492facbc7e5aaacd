"""Buying funds: every way a payment ends, pressed twice, gone back to, in two tabs, and confirmed at the bank."""

import csv
import io
import re
import threading
import urllib.error
import urllib.parse
import urllib.request
from decimal import Decimal

import pypdf
import pytest

from conftest import LANGUAGES, click, go, heading, money, path_of, text_of

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
    click(page.get_by_role("button", name=PAY[language]))


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


PAID = {"en": "Payment received", "fr": "Paiement reçu"}
DECLINED = {"en": "The card was declined: nothing was charged", "fr": "La carte a été refusée : rien n’a été débité"}
CONFIRM = {"en": "Confirm the payment with your bank", "fr": "Confirmez le paiement auprès de votre banque"}
UNKNOWN = {"en": "We do not know yet", "fr": "Nous ne le savons pas encore"}

#: Every card of the sandbox: the heading of the page after its payment, a sentence of that page, and the number of charges.
ENDINGS = {
    "pm_card_visa": (PAID, {"en": "The funds are added", "fr": "Les fonds sont ajoutés"}, 1),
    "pm_card_mastercard": (PAID, {"en": "Mastercard ending in 4444", "fr": "Mastercard se terminant par 4444"}, 1),
    "pm_card_chargeDeclined": (
        DECLINED,
        {
            "en": "The bank declined the card and did not say why.",
            "fr": "La banque a refusé la carte sans dire pourquoi.",
        },
        0,
    ),
    "pm_card_chargeDeclinedInsufficientFunds": (
        DECLINED,
        {"en": "There is not enough money on the card’s account", "fr": "La provision de la carte est insuffisante"},
        0,
    ),
    "pm_card_chargeDeclinedExpiredCard": (DECLINED, {"en": "The card has expired.", "fr": "La carte a expiré."}, 0),
    "pm_card_chargeDeclinedLostCard": (
        DECLINED,
        {"en": "The card was reported as lost.", "fr": "La carte a été déclarée perdue."},
        0,
    ),
    "pm_card_authenticationRequired": (CONFIRM, {"en": "Nothing is charged until it is confirmed.", "fr": "Rien n’est débité tant qu’il n’est pas confirmé."}, 0),
    "pm_sandbox_timeout": (UNKNOWN, {"en": "Do not pay again.", "fr": "Ne payez pas de nouveau."}, 1),
}

#: Codes of the processor, and words of the API, which no page shows.
CODES = ["card_declined", "insufficient_funds", "expired_card", "lost_card", "authentication_required", "needsAction"]


def test_every_card_of_the_sandbox_has_an_ending(host, open_page):
    host.account()
    page = open_page(host, "ada", "/accounts/demo/payment-method")
    click(page.locator("main form[method=post] button").first)
    page.wait_for_url("**/_local/cards/*")
    cards = page.get_by_role("button").evaluate_all("all => all.map(button => button.value)")
    assert set(cards) == set(ENDINGS)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("card", ENDINGS)
def test_every_ending_is_told_and_what_it_says_is_true(host, open_page, card, language):
    wanted, said, charged = ENDINGS[card]
    prepared(host, card)
    page = open_page(host, "ada", "/products", language=language)
    review(page, language=language)
    pay(page, language)
    assert heading(page) == money(wanted[language])
    assert said[language] in text_of(page)
    assert len(host.charges()) == charged
    assert [code for code in CODES if code in text_of(page)] == []
    funds = [purchase for purchase in host.purchases() if purchase["status"] == "succeeded"]
    assert len(funds) == (1 if wanted is PAID else 0)
    if wanted is UNKNOWN:
        host.local("POST", "run/recover")
        click(page.get_by_role("link", name="Check again" if language == "en" else "Vérifier de nouveau"))
        assert heading(page) == PAID[language]
        assert len(host.charges()) == 1 and host.read()["balance"] == "200.0000"


@pytest.mark.parametrize("language, said, cards", [("en", "15 times", "Payment method"), ("fr", "15 fois", "Moyen de paiement")])
def test_after_too_many_declines_the_page_leads_to_the_cards(host, open_page, language, said, cards):
    prepared(host, "pm_card_chargeDeclined")
    for _ in range(15):
        with pytest.raises(urllib.error.HTTPError, match="402"):
            host.buy("50.00")
    page = open_page(host, "ada", "/products", language=language)
    review(page, language=language)
    pay(page, language)
    assert said in text_of(page)
    click(page.locator("main").get_by_role("link", name=cards))
    assert path_of(page) == "/accounts/demo/payment-method"


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
    ends, headings = [], []

    def send():
        request = urllib.request.Request(f"{host.url}{address}", body, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            ends.append(answer.url)
            headings.append(re.search("<h1[^>]*>(.*?)</h1>", answer.read().decode())[1])

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ends)) == 1, "all land on the same page"
    assert set(headings) <= {"Payment received", "Already paid"}, "each waits until the payment has ended"
    assert len(host.charges()) == 1 and len(host.purchases()) == 1


@pytest.mark.parametrize("twice", ["a double click", "Enter twice"])
def test_the_button_pressed_twice_in_a_browser_buys_once(host, open_page, twice):
    prepared(host)
    page = open_page(host, "ada", "/products")
    review(page)
    button = page.get_by_role("button", name=PAY["en"])
    sent = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    if twice == "a double click":
        button.dblclick(no_wait_after=True)
    else:
        button.focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
    page.wait_for_url("**/purchases/*")
    assert heading(page) in ("Payment received", "Already paid")
    assert len(sent) >= 1 and len({request.post_data for request in sent}) == 1
    assert len(host.charges()) == 1 and len(host.purchases()) == 1


def test_going_back_after_paying_pays_nothing_again(host, open_page):
    prepared(host)
    page = open_page(host, "ada", "/products")
    review(page)
    address = page.url
    pay(page)
    assert heading(page) == "Payment received"
    paid = path_of(page)
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.reload()
    page.go_back()
    assert page.url == address
    assert heading(page) == "Already paid" and page.get_by_role("button", name=PAY["en"]).count() == 0
    page.go_back()
    assert path_of(page) == "/accounts/demo/funds/add"
    page.go_forward()
    page.go_forward()
    assert path_of(page) == paid
    assert sent == [], "no page sends the form again"
    assert len(host.charges()) == 1 and len(host.purchases()) == 1


def test_one_review_in_two_tabs_is_one_purchase(host, open_page):
    prepared(host)
    first = open_page(host, "ada", "/products")
    review(first)
    second = first.context.new_page()
    second.host = host
    second.goto(first.url)
    pay(first)
    pay(second)
    assert (heading(first), heading(second)) == ("Payment received", "Already paid")
    assert first.url.split("?")[0] == second.url.split("?")[0]
    assert "You were not charged again." in text_of(second)
    assert len(host.charges()) == 1 and len(host.purchases()) == 1


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
    click(page.get_by_role("link", name="Go to your bank"))
    click(page.get_by_role("button").first)
    click(page.get_by_role("link").first)
    assert path_of(page).split("?")[0] == purchase
    assert heading(page) == "Payment received"
    assert len(host.charges()) == 1


def test_a_recharge_that_waits_for_the_owner_is_confirmed_on_its_page(host, open_page):
    host.account()
    host.card()
    host.buy("60.00")
    host.recharge(triggerAmount="50.00", rechargeAmount="50.00")
    host.card("pm_card_authenticationRequired")
    host.call(charge="20", currency="EUR")
    host.drain()
    waiting = next(purchase for purchase in host.purchases() if purchase["status"] == "needsAction")
    page = open_page(host, "ada", "/products")
    go(page, f"/accounts/demo/purchases/{waiting['purchaseId']}")
    assert page.get_by_role("link", name="Go to your bank").count() == 0, "the bank has no page for it yet"
    old = page.context.new_page()
    old.goto(page.url)
    click(page.get_by_role("button", name="Confirm the payment"))
    click(page.get_by_role("link", name="Go to your bank"))
    click(page.get_by_role("button").first)
    click(page.get_by_role("link").first)
    assert heading(page) == "Payment received"
    click(old.get_by_role("button", name="Confirm the payment"))
    assert heading(old) == "Payment received", "an old page does no harm"
    assert len(host.charges()) == 2


def at_the_bank(host, open_page, language="en"):
    """A payment that waits for the card's owner, and the path of its page."""
    prepared(host, "pm_card_authenticationRequired", locale=language)
    page = open_page(host, "ada", "/products", language=language)
    review(page, language=language)
    pay(page, language)
    assert heading(page) == CONFIRM[language]
    return page, path_of(page)


@pytest.mark.parametrize("language, refuse, back", [("en", "Refuse", "Back to the purchase"), ("fr", "Refuser", "Retour à l’achat")])
def test_a_payment_that_the_cards_owner_refuses_charges_nothing(host, open_page, language, refuse, back):
    page, purchase = at_the_bank(host, open_page, language)
    click(page.get_by_role("link", name="Go to your bank" if language == "en" else "Accéder à votre banque"))
    click(page.get_by_role("button", name=refuse))
    click(page.get_by_role("link", name=back))
    assert path_of(page).split("?")[0] == purchase
    assert heading(page) == money(DECLINED[language])
    assert host.charges() == [] and host.read()["balance"] == "0.0000"
    assert page.get_by_role("link", name="Try again" if language == "en" else "Réessayer").count() == 1


def test_a_payment_whose_outcome_is_not_known_stays_within_reach_in_the_other_language(host, open_page):
    prepared(host)
    page = open_page(host, "ada", "/accounts/demo/funds/review?amount=50.00&key=once")
    host.local("POST", "faults", {"target": "database", "kind": "down", "count": 1_000_000})
    click(page.get_by_role("button", name="Pay EUR 50.00"))
    assert heading(page) == "We do not know yet whether your card was charged"
    host.local("DELETE", "faults")
    click(page.get_by_role("button", name="Français"))
    assert path_of(page) == "/accounts/demo/funds/review?amount=50.00&key=once"
    click(page.get_by_role("button", name="Payer 50,00 EUR"))
    assert [charge["amount"] for charge in host.charges()] == ["50.0000"]


def test_a_payment_left_at_the_bank_waits_on_the_overview(host, open_page):
    page, purchase = at_the_bank(host, open_page)
    click(page.get_by_role("link", name="Go to your bank"))
    page.close()
    later = page.context.new_page()
    later.host = host
    go(later, "/accounts/demo")
    notice = later.get_by_role("status")
    click(notice.locator(f"a[href='{purchase}']"))
    assert heading(later) == "Confirm the payment with your bank"
    assert host.charges() == []
    click(later.get_by_role("link", name="Go to your bank"))
    click(later.get_by_role("button", name="Confirm"))
    go(later, "/accounts/demo")
    assert later.locator(f"a[href='{purchase}']").count() == 1, "only the row of the purchase leads to it"
    assert later.get_by_role("status").locator(f"a[href='{purchase}']").count() == 0
    assert len(host.charges()) == 1


def test_a_person_who_is_signed_out_comes_back_from_the_bank_to_the_payment(host, open_page):
    page, purchase = at_the_bank(host, open_page)
    click(page.get_by_role("link", name="Go to your bank"))
    click(page.get_by_role("button", name="Confirm"))
    page.context.clear_cookies()
    click(page.get_by_role("link", name="Back to the purchase"))
    assert heading(page) == "Sign in to the Admin center"
    click(page.get_by_role("link", name="Administrator").first)
    assert path_of(page).split("?")[0] == purchase
    assert heading(page) == "Payment received"


def test_a_card_is_saved_on_the_processors_page_and_leads_back_to_the_purchase(host, open_page):
    host.account()
    page = open_page(host, "ada", "/accounts/demo/funds/review?amount=50.00&key=k")
    click(page.get_by_role("main").get_by_role("link", name="Add a card"))
    click(page.locator("main form[method=post] button").first)
    # The page leads on to the processor's by itself.
    click(page.get_by_role("button", name="Use this card: Visa 4242"))
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
    click(page.locator("main form[method=post] button").first)
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
        click(page.locator("main form[method=post] button").first)
        assert [charge["amount"] for charge in host.charges()] == [sent]


@pytest.mark.parametrize(
    "currency, rows",
    [
        (
            "EUR",
            [
                ("en", "1 234,50", None),
                ("en", "1,234", "1234.00"),
                ("en", "1234.505", None),
                ("en", "+60", None),
                ("en", "6" * 31, None),
                ("en", "1,23,4.50", None),
                ("fr", "1,234.50", "1234.50"),
                ("fr", "1234,5", "1234.50"),
                ("fr", "60.23", "60.23"),
                ("fr", "1.234", None),
                ("fr", "1\u2009234,50\u202fEUR", "1234.50"),
            ],
        ),
        ("JPY", [("en", "5 000", "5000"), ("fr", "5\u202f000", "5000"), ("fr", "5000,5", None), ("en", "5000.5", None)]),
        ("KWD", [("fr", "1\u202f060,125", "1060.125"), ("fr", "60,125", "60.125"), ("en", "1,234", "1234.000")]),
    ],
)
def test_amounts_in_either_language_lead_to_this_review_or_none(host, open_page, currency, rows):
    prepared(host, currency=currency)
    pages = {language: open_page(host, "ada", "/products", language=language) for language in LANGUAGES}
    for language, typed, sent in rows:
        page = pages[language]
        review(page, typed, language)
        form = page.locator("main form[method=post] input[name=amount]")
        if sent is None:
            assert page.get_by_role("alert").count() == 1 and form.count() == 0, (language, typed)
            assert page.get_by_label("Amount" if language == "en" else "Montant").input_value() == typed
        else:
            assert form.count() == 1, (language, typed)
            assert form.get_attribute("value") == sent
    assert host.charges() == []


def pdf_text(answer):
    assert answer.headers["content-type"] == "application/pdf"
    return money("".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(answer.body())).pages))


def receipt_text(page):
    """The text of the account's first receipt."""
    go(page, "/accounts/demo/receipts")
    receipt = page.locator("a[href*='/receipts/'][href$='.pdf']").first.get_attribute("href")
    return pdf_text(page.request.get(f"{page.host.url}{receipt}"))


@pytest.mark.parametrize(
    "currency, amount, shown, suggested, ticks",
    [
        ("JPY", "6,000", "JPY 6,000", "JPY 10,000", r"[0-9,]+"),
        ("KWD", "60.125", "KWD 60.125", "KWD 100.000", r"[0-9.,]+"),
    ],
)
def test_currencies_with_other_decimals(host, open_page, currency, amount, shown, suggested, ticks):
    prepared(host, currency=currency)
    page = open_page(host, "ada", "/products")
    go(page, "/accounts/demo/funds/add")
    assert suggested in [money(text) for text in page.locator(".suggestions a").all_inner_texts()]
    review(page, amount)
    click(page.get_by_role("button", name=f"Pay {shown}"))
    assert heading(page) == "Payment received"
    assert shown in receipt_text(page)
    minimum = host.read()["limits"]["purchase"]["minimum"]
    host.recharge(triggerAmount=minimum, rechargeAmount=minimum)
    for path in ["", "/funds", "/transactions", "/receipts", "/usage", "/limits"]:
        go(page, f"/accounts/demo{path}")
        assert "NaN" not in text_of(page)
    go(page, "/accounts/demo")
    assert shown in text_of(page)
    chart = page.locator("svg.chart").first
    labels = [money(label) for label in chart.locator("g[text-anchor=end] text").all_text_contents()]
    assert len(labels) >= 4 and all(re.fullmatch(ticks, label) for label in labels), labels
    assert currency in chart.locator("desc").text_content()
    click(page.get_by_text("Show as a table"))
    balances = [money(text) for text in page.locator(".by-day tbody tr td:nth-child(2)").all_inner_texts()]
    assert amount in balances
    answer = page.request.get(f"{host.url}/accounts/demo/transactions.csv")
    rows = list(csv.DictReader(io.StringIO(answer.body().decode("utf-8-sig"))))
    assert [Decimal(row["amount"]) for row in rows] == [Decimal(amount.replace(",", ""))]


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


#: What the receipt of an organization with such a name says instead of letters that its fonts lack.
NOT_PRINTED = {
    "コントソ株式会社": "The organization’s name cannot be printed in this document’s font; account demo",
    "☎️ Calls & <script>alert(1)</script>": "Calls & <script>alert(1)</script>",
}


@pytest.mark.parametrize("name", HURTING)
def test_receipts_of_names_that_hurt_can_be_read(host, open_page, name):
    prepared(host, name=name)
    host.buy("100.00")
    text = receipt_text(open_page(host, "ada", "/products"))
    assert "EUR 100.00" in text and "\ufffd" not in text
    # Words from right to left stand in the order of the page, and a long one is on several lines.
    joined = re.sub(r"\s", "", text)
    assert [word for word in NOT_PRINTED.get(name, name).split() if word not in joined] == [], text


@pytest.mark.parametrize("name", ["شركة الاتصالات", "חברת תקשורת"])
def test_amounts_beside_names_from_right_to_left_keep_their_order(host, open_page, name):
    """A name that is written from right to left must not turn around the text beside it."""
    prepared(host, name=name)
    host.buy("100.00")
    host.call(userId=name.replace(" ", "_"))
    page = open_page(host, "otto", "/accounts/demo")
    for path in ["", "/usage", "/transactions", "/receipts", "/funds/add"]:
        go(page, f"/accounts/demo{path}")
        outside = page.locator("body").evaluate(
            """(body, name) => {
                const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
                const found = [];
                for (let node = walker.nextNode(); node; node = walker.nextNode())
                    if (/[\u0590-\u06ff]/.test(node.data) && !node.parentElement.closest("bdi")) found.push(node.data);
                return found;
            }""",
            name,
        )
        assert outside == [], f"{path}: a name outside <bdi>"


def test_an_account_that_pays_after_use_buys_nothing(host, open_page):
    prepared(host)
    host.api("PATCH", "accounts/demo", {"billingModel": "postUsage"})
    page = open_page(host, "ada", "/accounts/demo/funds/add")
    assert "Funds can no longer be bought" in text_of(page)
    assert page.locator("main form").count() == 0
    assert page.get_by_role("link", name="Add funds").count() == 0


def test_an_account_whose_switch_waits_buys_nothing(host, open_page):
    prepared(host)
    host.buy("100")
    host.recharge(triggerAmount="50", rechargeAmount="50")
    host.api("PATCH", "accounts/demo", {"billingModel": "postUsage"})
    page = open_page(host, "ada", "/accounts/demo/funds/add")
    assert "It waits until auto-recharge is off" in text_of(page)
    assert "calls are invoiced" not in text_of(page)
    assert page.get_by_role("link", name="Complete the switch").count() == 1
    assert page.get_by_role("link", name="Add funds").count() == 0
