"""Signing in and out, a session that ends in mid-form, and requests of other web sites."""

import pytest

from conftest import click, cookies_of, go, heading, path_of, request, text_of


def test_a_visit_leads_through_the_sign_in_back_to_its_page(host, open_page):
    host.account()
    page = open_page(host, path="/accounts/demo/transactions?kind=usage")
    assert heading(page) == "Sign in to the Admin center"
    click(page.get_by_role("link", name="Administrator").first)
    assert path_of(page) == "/accounts/demo/transactions?kind=usage"
    click(page.get_by_role("button", name="Sign out"))
    assert "You are signed out." in text_of(page)
    go(page, "/products")
    assert heading(page) == "Sign in to the Admin center"


def test_the_language_is_kept_and_leads_back(host, open_page):
    host.account()
    page = open_page(host, "ada", "/products")
    click(page.get_by_role("button", name="Français"))
    assert (path_of(page), heading(page)) == ("/products", "Vos produits")
    assert page.locator("html").get_attribute("lang") == "fr"
    click(page.get_by_role("button", name="English"))
    assert heading(page) == "Your products"


def test_two_tabs_that_sign_in_do_not_break_each_other(host, open_page):
    host.account()
    first = open_page(host)
    second = first.context.new_page()
    second.host = host
    go(second, "/sign-in")
    for page, path in [(first, "/products"), (second, "/rates")]:
        go(page, path, "ada")
        assert path_of(page) == path


@pytest.mark.parametrize("to", ["//evil.example", "/\\evil.example", "https://evil.example", "/\\/evil.example"])
def test_the_sign_in_leads_to_pages_of_ours_only(host, open_page, to):
    host.account()
    page = open_page(host, "ada", to)
    assert path_of(page) == "/products"


def test_a_session_that_ends_in_mid_form_keeps_what_was_typed(host, open_page):
    host.account()
    host.card()
    host.local("POST", "issuer/settings", {"accessTokenSeconds": 2, "refreshTokens": False})
    page = open_page(host, "ada", "/accounts/demo/limits")
    page.get_by_label("Per day").fill("123.45")
    page.wait_for_timeout(2500)
    click(page.get_by_role("button", name="Save"))
    assert heading(page) == "Your session has ended"
    assert "perDay" not in host.read()["limits"], "nothing was sent"
    host.local("POST", "issuer/settings", {})
    click(page.get_by_role("link", name="Sign in again"))
    click(page.get_by_role("link", name="Administrator").first)
    assert path_of(page) == "/accounts/demo/limits"
    assert page.get_by_label("Per day").input_value() == "123.45"
    assert "perDay" not in host.read()["limits"], "it is not sent again by itself"
    click(page.get_by_role("button", name="Save"))
    assert host.read()["limits"]["perDay"] == "123.4500"


def test_a_sign_out_in_one_tab_ends_the_session_of_the_other(host, open_page):
    host.account()
    first = open_page(host, "ada", "/accounts/demo/limits")
    second = first.context.new_page()
    second.host = host
    go(second, "/products")
    click(second.get_by_role("button", name="Sign out"))
    first.get_by_label("Per day").fill("123.45")
    click(first.get_by_role("button", name="Save"))
    assert heading(first) == "Your session has ended"
    assert "perDay" not in host.read()["limits"]


def test_a_payment_after_the_end_of_the_session_charges_nothing_until_it_is_sent_again(host, open_page):
    host.account()
    host.card()
    page = open_page(host, "ada", "/accounts/demo/funds/review?amount=50.00&key=once")
    page.context.clear_cookies(name="cc-session")
    click(page.get_by_role("button", name="Pay EUR 50.00"))
    assert heading(page) == "Your session has ended"
    click(page.get_by_role("link", name="Sign in again"))
    click(page.get_by_role("link", name="Administrator").first)
    assert path_of(page).startswith("/accounts/demo/funds/review?")
    assert host.charges() == [], "it is not sent again by itself"
    click(page.get_by_role("button", name="Pay EUR 50.00"))
    assert heading(page) == "Payment received"
    assert [charge["amount"] for charge in host.charges()] == ["50.0000"]


def test_a_session_is_renewed_unseen(host, open_page):
    host.account()
    host.local("POST", "issuer/settings", {"accessTokenSeconds": 30})
    page = open_page(host, "ada", "/products")
    for _ in range(3):
        go(page, "/products")
        assert heading(page) == "Your products"


def test_a_token_too_large_is_said_and_is_no_loop(host, open_page):
    host.account()
    host.local("POST", "issuer/settings", {"claimsPaddingBytes": 5000})
    page = open_page(host, "ada", "/products")
    assert heading(page) == "Your sign-in carries too much"


def test_a_changed_or_swapped_cookie_signs_nobody_in(host, open_page):
    host.account()
    page = open_page(host, "ada", "/products")
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    session = cookies["cc-session"]
    for value in [session[:-4] + "AAAA", cookies["cc-renewal"], "", "nonsense"]:
        answer, _ = request(host, "GET", "/products", {"Cookie": f"cc-session={value}"})
        assert (answer.status, answer.headers["Location"]) == (303, "/sign-in?to=%2Fproducts"), value


def test_every_answer_has_its_headers(host, open_page):
    host.account()
    cookie = cookies_of(open_page(host, "ada", "/products"))
    for path in ["/products", "/accounts/demo", "/sign-in", "/nowhere"]:
        answer, text = request(host, "GET", path, {"Cookie": cookie})
        headers = answer.headers
        assert "default-src 'none'" in headers["Content-Security-Policy"] and "script" not in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "<script" not in text and "javascript:" not in text and " style=" not in text
    stylesheet = text.split('rel="stylesheet" href="')[1].split('"')[0]
    answer, _ = request(host, "GET", stylesheet)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    answer, text = request(host, "GET", "/v1/nothing")
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json")
    cookies = open_page(host, "ada", "/products").context.cookies()
    assert all(cookie["httpOnly"] and cookie["sameSite"] == "Lax" for cookie in cookies)
