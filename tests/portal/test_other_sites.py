"""Other web sites: forms and frames of theirs, the card processor and the issuer, and the cookies that they may not touch."""

import re
import urllib.parse

import pytest

from conftest import click, cookies_of, go, heading, path_of, request, text_of
from routes import ROUTES, filled
from test_access import post, prepared, state

#: The headers of a form that is not the portal's own.
ELSEWHERE = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "null"},
    {"Origin": "https://evil.example"},
    {},
]


def lead_elsewhere(page, pattern, path, url):
    """Makes the answer to a form lead to another site. On one machine, the processor and the issuer are on the portal's own."""

    def answer(route):
        if route.request.method != "POST":
            route.continue_()
            return
        fetched = route.fetch()
        text, count = re.subn(rf"{re.escape(page.host.url)}/_local/{path}", url, fetched.text())
        assert count > 0, "the page leads there"
        route.fulfill(response=fetched, body=text)

    page.route(pattern, answer)


def test_no_form_of_the_portal_can_be_sent_from_elsewhere(host, open_page):
    purchase = prepared(host)
    before = state(host)
    cookie = cookies_of(open_page(host, "otto", "/operator/accounts"))
    paths = [filled(path, "demo", purchase) for method, path in ROUTES if method == "POST"]
    for path in [*paths, "/language", "/sign-out"]:
        for headers in ELSEWHERE:
            answer, text = post(host, path, cookie, headers)
            assert answer.status == 403, (path, headers)
            assert answer.headers.get_all("Set-Cookie") is None, (path, headers)
    # The host itself refuses a request that names another site, before the portal does. This refusal is the portal's.
    assert "This form was sent from elsewhere" in post(host, "/accounts/demo/limits", cookie, {})[1]
    assert state(host) == before


def test_a_form_on_another_site_is_refused_in_a_browser_too(host, open_page, other_site):
    prepared(host)
    other_site.pages["/"] = f"""<form method="post" action="{host.url}/accounts/demo/limits">
        <input name="perDay" value="1.00"><button>Win a prize</button></form>"""
    page = open_page(host, "ada", "/accounts/demo/limits")
    page.goto(other_site.url)
    with page.expect_response(f"{host.url}/accounts/demo/limits") as sent:
        click(page.get_by_role("button"))
    assert sent.value.status == 403
    assert "cookie" not in sent.value.request.all_headers(), "the cookies do not go with it"
    assert "perDay" not in host.read()["limits"]


def test_no_page_shows_in_a_frame(host, open_page, other_site):
    host.account()
    paths = ["/sign-in", "/accounts/demo/funds/add"]
    other_site.pages["/"] = "".join(f'<iframe src="{host.url}{path}"></iframe>' for path in paths)
    page = open_page(host, "ada", "/products")
    page.goto(other_site.url)
    frames = page.main_frame.child_frames
    assert len(frames) == len(paths)
    for frame in frames:
        frame.wait_for_load_state()
        assert "Admin center" not in frame.content()
        assert frame.url.startswith("chrome-error:"), frame.url


def test_coming_back_from_another_site_keeps_the_session(host, open_page, other_site):
    host.account()
    host.card("pm_card_authenticationRequired")
    purchase = host.buy("100.00")["purchaseId"]
    other_site.pages["/bank"] = f'<a href="{host.url}/accounts/demo/purchases/{purchase}?success=true">Back to the shop</a>'
    page = open_page(host, "ada", "/products")
    page.goto(f"{other_site.url}/bank")
    click(page.get_by_role("link"))
    assert heading(page) == "Confirm the payment with your bank"
    # The bank's answer may arrive later than the person.
    assert "can take a moment to arrive here" in text_of(page)
    click(page.get_by_role("link", name="Check again"))
    assert "can take a moment to arrive here" in text_of(page)


def test_the_card_set_up_reaches_the_processor_and_tells_it_no_account(host, open_page, other_site):
    host.account()
    other_site.pages["/cards"] = "<h1>The processor's page</h1>"
    page = open_page(host, "ada", "/accounts/demo/payment-method")

    lead_elsewhere(page, "**/accounts/demo/payment-method", "cards/[^\"]+", f"{other_site.url}/cards")
    click(page.locator("main form[method=post] button").first)
    # The page leads on by itself.
    page.wait_for_url(f"{other_site.url}/cards")
    [headers] = [headers for path, headers in other_site.requests if path == "/cards"]
    assert "Referer" not in headers and "Cookie" not in headers
    assert [wrong for wrong in page.watched.wrong if wrong.startswith("console")] == [], "the browser blocks nothing"


def test_the_sign_out_reaches_the_issuer(host, open_page, other_site):
    host.account()
    other_site.pages["/end-session"] = "<h1>The issuer's page</h1>"
    page = open_page(host, "ada", "/accounts/demo")
    lead_elsewhere(page, "**/sign-out", "issuer/end-session", f"{other_site.url}/end-session")
    click(page.get_by_role("button", name="Sign out"))
    assert "You are signed out." in text_of(page)
    assert page.context.cookies(host.url) == []
    click(page.get_by_role("link", name="Also sign out there"))
    assert heading(page) == "The issuer's page"
    [headers] = [headers for path, headers in other_site.requests if path == "/end-session"]
    assert "Referer" not in headers
    # The address that it leads to at the issuer of this machine has the way back.
    back = urllib.parse.parse_qs(urllib.parse.urlsplit(page.url).query)
    assert back == {"client_id": ["portal"], "post_logout_redirect_uri": [f"{host.url}/sign-in"]}


def test_cookies_of_another_key_lead_to_the_sign_in(host, program, open_page, tmp_path):
    """A host makes its keys when it starts, so that another host's cookies are those of a key that is used no more."""
    host.account()
    other = type(host)(program, tmp_path / "other", None)
    try:
        other.account()
        cookie = cookies_of(open_page(other, "ada", "/products"))
    finally:
        other.stop()
    assert "cc-session=" in cookie and "cc-renewal=" in cookie
    answer, _ = request(host, "GET", "/accounts/demo", {"Cookie": cookie})
    assert (answer.status, answer.headers["Location"]) == (303, "/sign-in?to=%2Faccounts%2Fdemo")
    answer, text = post(host, "/accounts/demo/limits", cookie)
    assert answer.status == 401 and "Your session has ended" in text
    own = cookies_of(open_page(host, "ada", "/products"))
    answer, _ = request(host, "GET", "/products", {"Cookie": f"{cookie}; {own}"})
    assert answer.status in (200, 303), "two cookies of one name are no failure"


def test_the_other_half_of_another_session_renews_nothing(host, open_page):
    host.account()
    host.local("POST", "issuer/settings", {"accessTokenSeconds": 30})
    sessions = [
        {cookie["name"]: cookie["value"] for cookie in open_page(host, person, "/rates").context.cookies()}
        for person in ("ada", "victor")
    ]
    mixed = f"cc-session={sessions[1]['cc-session']}; cc-renewal={sessions[0]['cc-renewal']}"
    answer, text = request(host, "GET", "/rates", {"Cookie": mixed})
    # The token has 30 seconds left and would be renewed now, with the administrator's refresh token if the halves were mixed.
    assert answer.status == 200 and "Victor Noël" in text
    assert answer.headers.get_all("Set-Cookie") is None
    whole = "; ".join(f"{name}={value}" for name, value in sessions[1].items())
    answer, _ = request(host, "GET", "/rates", {"Cookie": whole})
    assert any(cookie.startswith("cc-session=") for cookie in answer.headers.get_all("Set-Cookie"))


@pytest.mark.parametrize("path", ["/products", "/accounts/demo", "/sign-in"])
def test_the_referrer_of_a_page_stays_on_the_site(host, open_page, other_site, path):
    host.account()
    page = open_page(host, "ada", path)
    assert path_of(page) == path
    page.locator("main a").first.evaluate(f"link => link.href = '{other_site.url}/elsewhere'")
    with page.expect_request(f"{other_site.url}/elsewhere") as asked:
        click(page.locator("main a").first)
    assert "referer" not in asked.value.all_headers()
