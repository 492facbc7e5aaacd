"""Who may see and do what (X1): every role on every route, other organizations, and people who only read."""

import urllib.parse

import pytest

from conftest import click, cookies_of, go, heading, path_of, request, text_of
from routes import ROUTES, filled, is_of_account, is_operators

#: The fields of every form that an administrator can send, so that a refusal is not one of an incomplete form.
FORM = {
    "amount": "50.00",
    "key": "by-hand",
    "currency": "EUR",
    "rechargeAmount": "60.00",
    "triggerAmount": "50.00",
    "perDay": "1",
    "recipients": "x@example.com",
    "locale": "fr",
    "poNumber": "7",
    "understood": "on",
    "direction": "add",
    "reason": "by hand",
    "accountId": "by-hand",
    "name": "By hand",
}


def prepared(host):
    """An account with a card and a purchase, another one, and the id of the purchase."""
    host.account()
    host.account("demo-post", name="Elsewhere")
    host.card()
    return host.buy("100.00")["purchaseId"]


def addresses(method, purchase, account="demo"):
    """The routes of a method, each with its address."""
    for route_method, path in ROUTES:
        if route_method == method:
            yield path, filled(path, account, purchase, f"{purchase}.pdf")


def post(host, path, cookie, origin=None):
    """Sends a form by hand."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
    headers |= {"Origin": host.url} if origin is None else origin
    return request(host, "POST", path, headers, urllib.parse.urlencode(FORM))


def state(host):
    """Everything that a form could change."""
    read = {name: host.read(name) for name in ("demo", "demo-post")}
    accounts = [account["accountId"] for account in host.api("GET", "accounts")["accounts"]]
    return read, accounts, host.charges(), host.api("GET", "accounts/demo/transactions")


def test_another_organizations_pages_do_not_exist(host, open_page):
    purchase = prepared(host)
    cookie = cookies_of(open_page(host, "ada", "/products"))
    for method in ("GET", "POST"):
        for path, _ in addresses(method, purchase):
            if not is_of_account(path):
                continue
            answers = []
            for account in ("demo-post", "nobody-at-all"):
                address = filled(path, account, purchase, f"{purchase}.pdf")
                answer, text = (
                    post(host, address, cookie) if method == "POST" else request(host, "GET", address, {"Cookie": cookie})
                )
                headers = {name: value for name, value in answer.getheaders() if name not in ("date", "content-length")}
                headers["location"] = headers.get("location", "").replace(account, "ACCOUNT")
                answers.append((answer.status, headers, text.replace(account, "ACCOUNT")))
            is_on_its_way = answers[0][1]["location"].startswith("/accounts/ACCOUNT/")
            assert answers[0][0] == 404 or is_on_its_way, (method, path)
            assert answers[0] == answers[1], f"{method} {path}: whether the organization exists must not show"


def test_another_organizations_purchases_do_not_exist_under_ones_own_account(host, open_page):
    prepared(host)
    host.card(name="demo-post")
    other = host.buy("100.00", "demo-post")["purchaseId"]
    unknown = "0" * len(other)
    cookie = cookies_of(open_page(host, "ada", "/products"))
    for path in ["/accounts/demo/purchases/{}", "/accounts/demo/receipts/{}.pdf", "/accounts/demo/invoices/{}.pdf"]:
        answers = []
        for purchase in (other, unknown):
            answer, text = request(host, "GET", path.format(purchase), {"Cookie": cookie})
            answers.append((answer.status, text.replace(purchase, "PURCHASE")))
        assert answers[0][0] == 404 and answers[0] == answers[1], path


@pytest.mark.parametrize("person", ["ada", "victor", "otto"])
def test_every_role_opens_its_pages_and_no_others(host, open_page, person):
    purchase = prepared(host)
    page = open_page(host, person, "/rates")
    for path, address in addresses("GET", purchase):
        status = page.request.get(f"{host.url}{address}").status
        if "/invoices/" in path or path.endswith("/plans/licences"):
            assert status == 404, "an account that pays before use has no invoice, and this one has no plan"
        elif "/credit-notes/" in path:
            assert status == 404, "nothing of the purchase was refunded"
        elif is_operators(path) and person != "otto":
            assert status == 404, path
        elif path.endswith("/review") and person != "victor":
            assert status == 422, "without an amount there is nothing to review"
        else:
            assert status == 200, path


@pytest.mark.parametrize("person", ["ada", "victor"])
def test_forms_beyond_a_role_are_refused_and_change_nothing(host, open_page, person):
    purchase = prepared(host)
    host.recharge(triggerAmount="50.00", rechargeAmount="50.00")
    before = state(host)
    cookie = cookies_of(open_page(host, person, "/products"))
    refused = 0
    for path, address in addresses("POST", purchase):
        if is_operators(path):
            expected = (404, "Page not found")
        elif person == "victor":
            expected = (403, "You do not have access")
        else:
            continue
        answer, text = post(host, address, cookie)
        assert answer.status == expected[0] and f"<h1>{expected[1]}</h1>" in text, path
        refused += 1
    assert refused >= 3
    assert state(host) == before


def test_without_a_session_every_page_leads_to_the_sign_in_and_every_form_is_not_carried_out(host, open_page):
    purchase = prepared(host)
    before = state(host)
    for _, address in addresses("GET", purchase):
        answer, _ = request(host, "GET", f"{address}?month=2026-10")
        sign_in = urllib.parse.urlsplit(answer.headers["Location"])
        assert (answer.status, sign_in.path) == (303, "/sign-in"), address
        assert urllib.parse.parse_qs(sign_in.query) == {"to": [f"{address}?month=2026-10"]}
    for _, address in addresses("POST", purchase):
        answer, text = post(host, address, "")
        assert answer.status == 401 and "<h1>Your session has ended</h1>" in text, address
    assert state(host) == before
    page = open_page(host, path="/accounts/demo/usage?month=2026-11")
    click(page.get_by_role("link", name="Administrator").first)
    assert path_of(page) == "/accounts/demo/usage?month=2026-11"


@pytest.mark.parametrize(
    "role, said", [("platform", "This sign-in is for machines"), ("unknown", "Your sign-in has no role here")]
)
def test_a_sign_in_without_a_role_for_people_is_refused(host, open_page, role, said):
    host.account()
    host.local("POST", "issuer/settings", {"role": role})
    page = open_page(host, path="/products")
    with page.expect_response(lambda answer: "/sign-in/return" in answer.url) as returned:
        click(page.get_by_role("link", name="Administrator").first)
    assert returned.value.status == 403
    assert said in text_of(page)
    go(page, "/products")
    assert heading(page) == "Sign in to the Admin center", "nobody is signed in"


@pytest.mark.parametrize("language, ask", [("en", "Only an administrator can change this."), ("fr", "Seul un administrateur peut modifier ceci.")])
def test_a_viewer_sees_no_form_and_is_told_whom_to_ask(host, open_page, language, ask):
    purchase = prepared(host)
    host.recharge(triggerAmount="50.00", rechargeAmount="50.00")
    page = open_page(host, "victor", "/products", language=language)
    edited = {path for method, path in ROUTES if method == "POST" and ("GET", path) in ROUTES}
    # Below these addresses there is a form only after one was sent, for auto-recharge that is held back, for a saved card, and for a
    # payment that waits for its owner.
    without_page = {"/accounts/{id}/purchases", "/accounts/{id}/purchases/{purchaseId}", "/accounts/{id}/auto-recharge/confirm", "/accounts/{id}/auto-recharge/resume"}
    for path, address in addresses("GET", purchase):
        if is_operators(path) or "{file}" in path or "{invoice}" in path or path.endswith(".csv"):
            continue
        go(page, address)
        assert page.locator("main form[method=post]").count() == 0, f"{path} has a form that changes something"
        if path in edited - without_page:
            assert ask in text_of(page), path


def test_an_operator_acts_for_a_customer_and_it_is_said(host, open_page):
    prepared(host)
    page = open_page(host, "otto", "/")
    assert path_of(page) == "/operator/accounts"
    click(page.get_by_role("link", name="demo", exact=True))
    assert "You are acting as the operator for Contoso France" in text_of(page)


def test_an_adjustment_is_booked_once(host, open_page):
    prepared(host)
    page = open_page(host, "otto", "/accounts/demo/adjust")
    page.get_by_label("Take funds").check()
    page.get_by_label("Amount").fill("12.50")
    page.get_by_label("Reason").fill("a test call <b>")
    click(page.get_by_role("button", name="Review"))
    review = page.url
    assert "EUR 87.50" in text_of(page)
    click(page.get_by_role("button", name="Take EUR 12.50"))
    assert host.read()["balance"] == "87.5000"
    page.goto(review)
    click(page.get_by_role("button", name="Take EUR 12.50"))
    assert host.read()["balance"] == "87.5000", "the same page books once"
    go(page, "/accounts/demo/transactions?kind=adjustment")
    assert "a test call <b>" in text_of(page)


def test_a_new_account_with_wrong_fields_says_what_is_wrong(host, open_page):
    page = open_page(host, "otto", "/operator/accounts/new", language="fr")
    page.get_by_label("Identifiant du compte").fill("Contoso SA")
    page.get_by_label("Nom de l’organisation").fill("x" * 201)
    page.get_by_label("Devise").fill("XXX")
    page.get_by_label("Destinataires").fill("\n".join(f"ada{number}@example.com" for number in range(21)))
    click(page.get_by_role("button", name="Créer le compte"))
    assert page.title().startswith("Erreur")
    assert page.get_by_role("alert").count() == 1
    assert "C’est trop long." in text_of(page) and "20 adresses au plus." in text_of(page)
    page.get_by_label("Nom de l’organisation").fill("Contoso")
    page.get_by_label("Destinataires").fill("ada@example.com")
    page.get_by_label("Identifiant du compte").fill("contoso")
    page.get_by_label("Devise").fill("kwd")
    click(page.get_by_role("button", name="Créer le compte"))
    assert path_of(page) == "/accounts/contoso"
    assert host.read("contoso")["currency"] == "KWD"
