"""The portal in a real browser, without scripts, as a person uses it.

Each test has a host of its own. A page that writes to the console, asks another host, or is wider than its window fails its test.
"""

import contextlib
import http.client
import http.server
import itertools
import os
import pathlib
import re
import threading
import urllib.parse

import pytest
from playwright.sync_api import sync_playwright

from host import ROOT, Host, built_program

#: The instant at which the host's clock stands.
NOW = "2026-11-28T12:00:00Z"

BROWSER = "/usr/bin/chromium"

#: The browser is Debian's. It runs as root in a container, and asks nobody for updates.
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

LANGUAGES = ["en", "fr"]

keys = (f"key-{number}" for number in itertools.count())


@pytest.fixture(scope="session")
def program():
    return built_program()


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=OPTIONS)
        yield browser
        browser.close()


class Portal(Host):
    """A host with the organization of the demo people, without anything in its account."""

    def account(self, id="demo", **more):
        fields = {"name": "Contoso France", "currency": "EUR", "notificationEmails": ["ada@example.com"], **more}
        return self.api("POST", "accounts", {"accountId": id, **fields})

    def read(self, name="demo"):
        return self.api("GET", f"accounts/{name}")

    def card(self, token="pm_card_visa", name="demo", **more):
        return self.api("PUT", f"accounts/{name}/payment-method", {"paymentMethod": token, **more})

    def buy(self, amount, name="demo"):
        key = next(keys)
        return self.api("POST", f"accounts/{name}/purchases", {"amount": amount}, Idempotency_Key=key)

    def recharge(self, name="demo", **settings):
        return self.api("PUT", f"accounts/{name}/auto-recharge", {"enabled": True, **settings})

    def call(self, seconds=600, name="demo", number="+4930123456", **more):
        record = {
            "id": next(keys),
            "userId": "ada@example.com",
            "service": "userOut",
            "number": number,
            "startedAt": "2026-11-28T09:00:00Z",
            "durationSeconds": seconds,
            **more,
        }
        return self.api("POST", f"accounts/{name}/debits", {"records": [record]})

    def purchases(self, name="demo"):
        return self.api("GET", f"accounts/{name}/purchases")["purchases"]

    def charges(self, name="demo"):
        """What the card processor has charged, which is the truth."""
        return [charge for charge in self.local("GET", f"charges/{name}")["charges"] if charge["charged"]]


@pytest.fixture
def host(program, tmp_path):
    host = Portal(program, tmp_path / "data", NOW)
    yield host
    host.stop()


def demo_host(program, folder):
    """A host with the demo organizations' year. It ends at `NOW`, so that every run has the same year."""
    folder.mkdir()
    (folder / "clock").write_text(NOW)
    return Portal(program, folder, None, "demo")


@pytest.fixture(scope="session")
def demo(program, tmp_path_factory):
    """A host with the demo organizations' year, which no test changes."""
    host = demo_host(program, tmp_path_factory.mktemp("demo") / "data")
    yield host
    host.stop()


class OtherSite:
    """Another web site: pages by their path. It keeps the requests that it gets."""

    def __init__(self):
        self.pages = {}
        self.requests = []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path.split("?")[0]
                site.requests.append((path, dict(self.headers)))
                body = site.pages.get(path, "").encode()
                self.send_response(200 if path in site.pages else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                """The requests are kept, so they are not printed."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        # For a browser, `localhost` is another site than `127.0.0.1`, on which the portal is.
        self.url = f"http://localhost:{self._server.server_port}"

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def other_site():
    site = OtherSite()
    yield site
    site.stop()


class Watched:
    """What a page did that no page may do."""

    def __init__(self, page, url):
        self.wrong = []
        host = urllib.parse.urlsplit(url).netloc
        page.on("console", lambda message: self._said(message.text))
        page.on("request", lambda request: self._asked(request.url, host))

    def _said(self, text):
        # The browser says it itself when a page is refused, and a test may mean just that.
        if not text.startswith("Failed to load resource: the server responded with a status of 4"):
            self.wrong.append(f"console: {text}")

    def _asked(self, url, host):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme in ("http", "https") and parts.netloc != host:
            self.wrong.append(f"a request to {url}")


@pytest.fixture
def open_page(chromium, request):
    """Opens pages of a host: `open_page(host, "ada", "/products", language="fr")`. Without a person nobody is signed in."""
    with contextlib.ExitStack() as contexts:

        def opened(host, person=None, path="/", language="en", width=1280, height=900, scripts=False, **more):
            context = chromium.new_context(
                locale=language, viewport={"width": width, "height": height}, java_script_enabled=scripts, **more
            )
            contexts.callback(context.close)
            page = context.new_page()
            page.watched = Watched(page, host.url)
            page.host = host
            go(page, path, person)
            return page

        yield opened


@pytest.fixture(scope="session")
def visit(chromium, demo):
    """Opens pages of the demo organizations in windows that tests share, one for each person, language and kind:
    `visit("ada", "/products", "fr")`. A test that changes nothing but the size of the window need not sign in again."""
    with contextlib.ExitStack() as contexts:
        pages = {}

        def visited(person, path, language="en", width=1280, **more):
            key = (person, language, *sorted(more.items()))
            if key not in pages:
                context = chromium.new_context(locale=language, **{"java_script_enabled": False, **more})
                contexts.callback(context.close)
                page = pages[key] = context.new_page()
                page.watched = Watched(page, demo.url)
                page.host = demo
                go(page, "/sign-in", person)
            page = pages[key]
            page.set_viewport_size({"width": width, "height": 900})
            page.watched.wrong.clear()
            go(page, path)
            return page

        yield visited


def go(page, path, person=None):
    """Opens an address, and signs in before if there is a person."""
    url = page.host.url
    if person:
        query = urllib.parse.urlencode({"person": person, "to": path})
        page.goto(f"{url}/sign-in/start?{query}")
    else:
        page.goto(f"{url}{path}")


def click(control):
    """Clicks, and waits until the page that this opens is whole. Without scripts it can be read while it still comes in."""
    control.click()
    control.page.wait_for_load_state()


def path_of(page):
    return page.url.removeprefix(page.host.url)


def money(text):
    """A text with plain spaces, for comparisons."""
    return re.sub("[\u00a0\u202f]", " ", text)


def text_of(page):
    return money(page.locator("main").inner_text())


def heading(page):
    return money(page.get_by_role("heading", level=1).inner_text())


#: The rules of the checks of accessibility that count.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="session")
def axe():
    return pathlib.Path(os.environ["AXE"]).read_text()


def assert_accessible(page, axe, name):
    """The checks of accessibility find nothing on this page, in light and in dark. It must be one that may run scripts."""
    page.evaluate(axe)
    for scheme in ["light", "dark"]:
        page.emulate_media(color_scheme=scheme)
        found = page.evaluate("rules => axe.run({runOnly: rules, resultTypes: ['violations', 'incomplete']})", RULES)
        violations = [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found["violations"]]
        assert violations == [], (name, scheme)
        # The text of a drawing has no background that can be found, and a single mark is no text, so that their contrast is always
        # left open.
        unsure = [node["html"] for rule in found["incomplete"] if rule["id"] == "color-contrast" for node in rule["nodes"]]
        assert [html for html in unsure if not html.startswith(("<text", '<span aria-hidden="true"'))] == [], (name, scheme)


def request(host, method, path, headers=(), body=None):
    """A request as no browser of ours sends it. Redirects are not followed."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(host.url).netloc, timeout=60)
    connection.request(method, path, body, {"Accept-Language": "en", **dict(headers)})
    answer = connection.getresponse()
    answer.content = answer.read()
    connection.close()
    return answer, answer.content.decode("utf-8", "replace")


def cookies_of(page):
    return "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in page.context.cookies())


def assert_well(page):
    """The page did nothing that no page may do, and fits its window."""
    assert page.watched.wrong == []
    width = page.viewport_size["width"]
    wide = page.locator("html").evaluate("html => html.scrollWidth") if page.context else width
    assert wide <= width, f"{page.url} is {wide} wide in a window of {width}"


__all__ = ["LANGUAGES", "NOW", "ROOT", "assert_accessible", "assert_well", "click", "cookies_of", "go", "heading", "money", "path_of", "request", "text_of"]
