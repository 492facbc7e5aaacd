"""Who may see and do what (X1): every role, every page, other organizations, and people who only read."""

import pytest

from conftest import LANGUAGES, go, heading, path_of, text_of

#: Every page of an account.
ACCOUNT_PAGES = [
    "",
    "/funds/add",
    "/funds/review?amount=50.00&key=a",
    "/auto-recharge",
    "/auto-recharge/resume",
    "/payment-method",
    "/payment-method/remove",
    "/funds",
    "/transactions",
    "/usage",
    "/receipts",
    "/receipts/po-number",
    "/notifications",
    "/limits",
    "/post-usage",
]

OPERATOR_PAGES = ["/operator/accounts", "/operator/accounts/new", "/operator/unrated", "/accounts/demo/adjust"]


def page_texts(host, open_page, person, paths):
    page = open_page(host, person, "/rates")
    for path in paths:
        go(page, path)
        yield path, page


def prepared(host):
    host.account()
    host.account("demo-post", name="Elsewhere")
    host.card()
    host.buy("100.00")


def test_another_organizations_pages_do_not_exist(host, open_page):
    prepared(host)
    page = open_page(host, "ada", "/products")
    for path in ACCOUNT_PAGES:
        answers = []
        for account in ("demo-post", "nobody-at-all"):
            answer = page.goto(f"{host.url}/accounts/{account}{path}")
            text = answer.text().replace(account, "ACCOUNT").replace("%2F", "/")
            answers.append((answer.status, text))
        assert answers[0][0] == 404, path
        assert answers[0] == answers[1], f"{path}: whether the organization exists must not show"


def test_the_operators_pages_exist_for_the_operator_alone(host, open_page):
    prepared(host)
    for person, status in [("ada", 404), ("victor", 404), ("otto", 200)]:
        page = open_page(host, person, "/rates")
        for path in OPERATOR_PAGES:
            assert page.goto(f"{host.url}{path}").status == status, (person, path)


def test_without_a_session_every_page_leads_to_the_sign_in(host, open_page):
    prepared(host)
    page = open_page(host)
    for path in ["/products", "/rates", *OPERATOR_PAGES, *(f"/accounts/demo{path}" for path in ACCOUNT_PAGES)]:
        go(page, path)
        assert heading(page) == "Sign in to the Admin center", path


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_viewer_can_change_nothing(host, open_page, language):
    prepared(host)
    host.recharge(triggerAmount="50.00", rechargeAmount="50.00")
    page = open_page(host, "victor", "/products", language=language)
    for path in ACCOUNT_PAGES:
        answer = page.goto(f"{host.url}/accounts/demo{path}")
        assert answer.status == 200, path
        forms = page.locator("main form[method=post]")
        assert forms.count() == 0, f"{path} has a form that changes something"
    for path in ["auto-recharge", "limits", "notifications", "payment-method", "post-usage", "purchases"]:
        answer = page.request.post(
            f"{host.url}/accounts/demo/{path}",
            form={"amount": "50.00", "key": "k", "perDay": "1", "recipients": "x@example.com"},
            headers={"Origin": host.url},
            max_redirects=0,
        )
        assert answer.status == 403, path
    account = host.read()
    assert account["autoRecharge"]["enabled"] and "perDay" not in account["limits"]
    assert len(host.charges()) == 1


def test_an_operator_acts_for_a_customer_and_it_is_said(host, open_page):
    prepared(host)
    page = open_page(host, "otto", "/")
    assert path_of(page) == "/operator/accounts"
    page.get_by_role("link", name="demo", exact=True).click()
    assert "You are acting as the operator for Contoso France" in text_of(page)


def test_an_adjustment_is_booked_once(host, open_page):
    prepared(host)
    page = open_page(host, "otto", "/accounts/demo/adjust")
    page.get_by_label("Take funds").check()
    page.get_by_label("Amount").fill("12.50")
    page.get_by_label("Reason").fill("a test call <b>")
    page.get_by_role("button", name="Review").click()
    review = page.url
    assert "EUR 87.50" in text_of(page)
    page.get_by_role("button", name="Take EUR 12.50").click()
    assert host.read()["balance"] == "87.5000"
    page.goto(review)
    page.get_by_role("button", name="Take EUR 12.50").click()
    assert host.read()["balance"] == "87.5000", "the same page books once"
    go(page, "/accounts/demo/transactions?kind=adjustment")
    assert "a test call <b>" in text_of(page)


def test_a_new_account_with_wrong_fields_says_what_is_wrong(host, open_page):
    page = open_page(host, "otto", "/operator/accounts/new", language="fr")
    page.get_by_label("Identifiant du compte").fill("Contoso SA")
    page.get_by_label("Nom de l’organisation").fill("Contoso")
    page.get_by_label("Devise").fill("XXX")
    page.get_by_role("button", name="Créer le compte").click()
    assert page.title().startswith("Erreur")
    assert page.get_by_role("alert").count() == 1
    page.get_by_label("Identifiant du compte").fill("contoso")
    page.get_by_label("Devise").fill("kwd")
    page.get_by_role("button", name="Créer le compte").click()
    assert path_of(page) == "/accounts/contoso"
    assert host.read("contoso")["currency"] == "KWD"
