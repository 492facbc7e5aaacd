"""The portal in a real browser, without scripts, as a person uses it.

Each test has a host of its own. A page that writes to the console, asks another host, or is wider than its window fails its test.
"""

import contextlib
import itertools
import re
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


@pytest.fixture(scope="session")
def demo(program, tmp_path_factory):
    """A host with the demo organizations' year, which no test changes."""
    host = Portal(program, tmp_path_factory.mktemp("demo") / "data", None, "demo")
    yield host
    host.stop()


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


def go(page, path, person=None):
    """Opens an address, and signs in before if there is a person."""
    url = page.host.url
    if person:
        query = urllib.parse.urlencode({"person": person, "to": path})
        page.goto(f"{url}/sign-in/start?{query}")
    else:
        page.goto(f"{url}{path}")


def path_of(page):
    return page.url.removeprefix(page.host.url)


def money(text):
    """A text with plain spaces, for comparisons."""
    return re.sub("[\u00a0\u202f]", " ", text)


def text_of(page):
    return money(page.locator("main").inner_text())


def heading(page):
    return money(page.get_by_role("heading", level=1).inner_text())


def assert_well(page):
    """The page did nothing that no page may do, and fits its window."""
    assert page.watched.wrong == []
    width = page.viewport_size["width"]
    wide = page.locator("html").evaluate("html => html.scrollWidth") if page.context else width
    assert wide <= width, f"{page.url} is {wide} wide in a window of {width}"


__all__ = ["LANGUAGES", "NOW", "ROOT", "assert_well", "go", "heading", "money", "path_of", "text_of"]
