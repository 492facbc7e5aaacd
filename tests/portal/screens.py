"""Writes a picture of every page of the portal, in both languages, two widths and two colour schemes, and sheets of them all.

`screens.py FOLDER [NAME…]`. The demo organizations have a year behind them. Each further state has a host of its own, whose organization is
brought into it through the API. With names, only the states of these names are drawn, and `demo`.
"""

import functools

import pathlib
import re
import sys
import tempfile
from urllib.error import HTTPError

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from PIL import Image, ImageDraw
from playwright.sync_api import sync_playwright

from conftest import BROWSER, LANGUAGES, NOW, OPTIONS, Portal, click, demo_host, go
from host import built_program

#: Pages by the person who looks at them: a name for the file, and the address.
PAGES = {
    None: {"sign-in": "/sign-in", "not-found": "/nowhere"},
    "ada": {
        "products": "/products",
        "overview": "/accounts/demo",
        "add-funds": "/accounts/demo/funds/add",
        "add-funds-wrong": "/accounts/demo/funds/review?amount=abc",
        "review": "/accounts/demo/funds/review?amount=200.00&key=screens",
        "auto-recharge": "/accounts/demo/auto-recharge",
        "payment-method": "/accounts/demo/payment-method",
        "remove-card": "/accounts/demo/payment-method/remove",
        "funds": "/accounts/demo/funds",
        "transactions": "/accounts/demo/transactions",
        "usage": "/accounts/demo/usage",
        "usage-by-day": "/accounts/demo/usage?groupBy=day",
        "receipts": "/accounts/demo/receipts",
        "payment": "/accounts/demo/purchases/rch_8b2100c987b038abc2017843871c6f3d",
        "po-number": "/accounts/demo/receipts/po-number",
        "notifications": "/accounts/demo/notifications",
        "limits": "/accounts/demo/limits",
        "post-usage": "/accounts/demo/post-usage",
        "rates": "/rates?account=demo&number=%2B4930901820",
        "not-there": "/accounts/another-organization",
    },
    "victor": {"viewer-overview": "/accounts/demo", "viewer-auto-recharge": "/accounts/demo/auto-recharge"},
    "olivia": {
        "post-usage-overview": "/accounts/demo-post",
        "post-usage-receipts": "/accounts/demo-post/receipts",
        "post-usage-invoice": "/accounts/demo-post/invoices/inv_2026-10",
        "post-usage-add-funds": "/accounts/demo-post/funds/add",
        "post-usage-switch": "/accounts/demo-post/post-usage",
    },
    "otto": {
        "operator-accounts": "/operator/accounts",
        "operator-new-account": "/operator/accounts/new",
        "operator-account": "/accounts/demo",
        "operator-adjust": "/accounts/demo/adjust",
        "operator-refund": "/accounts/demo/purchases/rch_8b2100c987b038abc2017843871c6f3d/refund?key=screens",
        "operator-unrated": "/operator/unrated",
        "operator-plans": "/accounts/demo/plans",
        "operator-licences": "/accounts/demo/plans/licences?pool=MCOPSTN5/FR",
        "operator-invoice-paid": "/accounts/demo-post/invoices/inv_2026-10/paid",
        "operator-invoice-void": "/accounts/demo-post/invoices/inv_2026-10/void",
        "operator-adjust-review": "/accounts/demo/adjust/review?direction=add&amount=30.00&reason=thanks&expires=&key=screens",
        "operator-wrong-adjustment": "/accounts/demo/adjust/review?direction=take&amount=x&reason=&expires=2020-01-01",
        "operator-rates": "/rates",
    },
}


def refused(call, *arguments, **more):
    """A call that the API refuses, as it refuses the purchase of a card that is declined."""
    try:
        call(*arguments, **more)
    except HTTPError as error:
        assert error.code in (402, 409), error
    host = call.__self__
    host.drain()


def opened(host, card="pm_card_visa", amount=None, **more):
    """An organization with a card, and funds if an amount is given."""
    host.account(**more)
    host.card(card)
    if amount:
        host.buy(amount)


def bought_with(card):
    def prepare(host):
        opened(host, amount="50")
        host.card(card)
        refused(host.buy, "200")

    return prepare


def recharging_with(card, **settings):
    """An organization whose auto-recharge charges this card, since a call has used its funds."""

    def prepare(host):
        opened(host, amount="60")
        host.recharge(triggerAmount="50", rechargeAmount="50", **settings)
        if card:
            host.card(card)
        host.call(charge="20", currency="EUR")
        host.drain()

    return prepare


def limited(host):
    recharging_with(None, monthlyLimit="50")(host)
    host.call(charge="45", currency="EUR")
    host.drain()


def depleted(host):
    opened(host, amount="50")
    host.call(charge="53.20", currency="EUR")
    host.drain()


def runaway(host):
    """Auto-recharge that a safeguard has paused, since it charged too often in a day."""
    opened(host, amount="60")
    host.recharge(triggerAmount="50", rechargeAmount="50")
    for _ in range(11):
        host.call(charge="50", currency="EUR")
        host.drain()


def switching(host):
    recharging_with(None)(host)
    host.api("PATCH", "accounts/demo", {"billingModel": "postUsage"})


def draining(host):
    opened(host, amount="100")
    host.api("PATCH", "accounts/demo", {"billingModel": "postUsage"})


def limited_users(host):
    opened(host, amount="200")
    host.api("PUT", "accounts/demo/limits", {"perUserMonthly": "20", "perDay": "40"})
    host.call(charge="25", currency="EUR")
    host.call(charge="30", currency="EUR", userId="grace@example.com")
    host.drain()


def fill(page, button, **values):
    for name, value in values.items():
        field = page.locator(f"[name={name}]")
        if isinstance(value, bool):
            field.set_checked(value)
        else:
            field.fill(value)
    click(page.locator("main button").filter(has_text=re.compile(button)).first)


def purchase(page):
    """The purchase that did not simply succeed, or else any."""
    purchases = sorted(page.host.purchases(), key=lambda purchase: purchase["status"] == "succeeded")
    go(page, f"/accounts/demo/purchases/{purchases[0]['purchaseId']}")


def settings_changed_meanwhile(page):
    go(page, "/accounts/demo/auto-recharge")
    other = "60" if page.host.read()["autoRecharge"]["rechargeAmount"].startswith("70") else "70"
    page.host.recharge(triggerAmount="50", rechargeAmount=other)
    fill(page, "Save|Enregistrer", amount="75", trigger="55")


def sent_form(path, button, **values):
    """The answer to a form."""

    def show(page):
        go(page, path)
        fill(page, button, **values)

    return show


def confirmation(page):
    go(page, "/accounts/demo/auto-recharge")
    fill(page, "Save|Enregistrer", enabled=True, amount="100", trigger="80", limit="")


def bank(page):
    purchase(page)
    click(page.get_by_role("link", name=re.compile("Go to your bank|Accéder à votre banque")))


#: Further states: how an organization comes into each, and its pictures as the administrator: an address, or what leads there.
STATES = {
    "empty": (
        lambda host: host.account(notificationEmails=[]),
        {
            "products": "/products",
            "overview": "/accounts/demo",
            "add-funds": "/accounts/demo/funds/add",
            "review": "/accounts/demo/funds/review?amount=100.00&key=screens",
            "auto-recharge": "/accounts/demo/auto-recharge",
            "payment-method": "/accounts/demo/payment-method",
            "funds": "/accounts/demo/funds",
            "transactions": "/accounts/demo/transactions",
            "usage": "/accounts/demo/usage",
            "receipts": "/accounts/demo/receipts",
            "notifications": "/accounts/demo/notifications",
            "post-usage": "/accounts/demo/post-usage",
            "rates": "/rates?account=demo&number=%2B9991234567",
            "mailbox": "/mail",
        },
    ),
    "card": (
        opened,
        {
            "auto-recharge": "/accounts/demo/auto-recharge",
            "continue": sent_form("/accounts/demo/payment-method", "Replace|Remplacer"),
            "po-number": "/accounts/demo/receipts/po-number",
            "developers": "/developers",
            "wrong-amount": sent_form("/accounts/demo/funds/add", "Review|Vérifier", amount="5"),
            "wrong-settings": sent_form("/accounts/demo/auto-recharge", "Save|Enregistrer", enabled=True, amount="1", trigger="x"),
            "wrong-address": sent_form("/accounts/demo/notifications", "Save|Enregistrer", recipients="ada@\nbob@example.com"),
            "wrong-dates": "/accounts/demo/transactions?from=2026-12-01&to=2026-11-01",
            "wrong-number": "/rates?account=demo&number=me",
            "not-understood": sent_form("/accounts/demo/post-usage", "Switch|Passer"),
        },
    ),
    "funds": (
        functools.partial(opened, amount="60"),
        {
            "received": purchase,
            "review-again": "/accounts/demo/funds/review?amount=60.00&key=another",
            "confirm": confirmation,
            "remove": "/accounts/demo/payment-method/remove",
        },
    ),
    "depleted": (depleted, {"products": "/products", "overview": "/accounts/demo", "funds": "/accounts/demo/funds", "mailbox": "/mail"}),
    "declined": (bought_with("pm_card_chargeDeclinedInsufficientFunds"), {"purchase": purchase, "overview": "/accounts/demo"}),
    "confirmation": (
        bought_with("pm_card_authenticationRequired"),
        {"products": "/products", "overview": "/accounts/demo", "purchase": purchase, "bank": bank},
    ),
    "pending": (bought_with("pm_sandbox_timeout"), {"overview": "/accounts/demo", "purchase": purchase}),
    "waiting": (
        recharging_with("pm_card_chargeDeclinedInsufficientFunds"),
        {
            "products": "/products",
            "overview": "/accounts/demo",
            "auto-recharge": "/accounts/demo/auto-recharge",
            "payment-method": "/accounts/demo/payment-method",
            "mailbox": "/mail",
        },
    ),
    "stopped": (
        recharging_with("pm_card_chargeDeclinedLostCard"),
        {
            "products": "/products",
            "overview": "/accounts/demo",
            "auto-recharge": "/accounts/demo/auto-recharge",
            "resume": "/accounts/demo/auto-recharge/resume",
            "payment-method": "/accounts/demo/payment-method",
        },
    ),
    "needs-action": (
        recharging_with("pm_card_authenticationRequired"),
        {"overview": "/accounts/demo", "auto-recharge": "/accounts/demo/auto-recharge"},
    ),
    "paused": (
        runaway,
        {
            "overview": "/accounts/demo",
            "auto-recharge": "/accounts/demo/auto-recharge",
            "resume": "/accounts/demo/auto-recharge/resume",
        },
    ),
    "limited": (
        limited,
        {"overview": "/accounts/demo", "auto-recharge": "/accounts/demo/auto-recharge"},
    ),
    "changed": (recharging_with(None), {"auto-recharge": settings_changed_meanwhile}),
    "limits": (
        limited_users,
        {
            "limits": "/accounts/demo/limits",
            "lower": sent_form("/accounts/demo/limits", "Save|Enregistrer", perUser="10", perDay="30"),
        },
    ),
    "switching": (switching, {"overview": "/accounts/demo", "post-usage": "/accounts/demo/post-usage"}),
    "draining": (
        draining,
        {
            "overview": "/accounts/demo",
            "post-usage": "/accounts/demo/post-usage",
            "add-funds": "/accounts/demo/funds/add",
            "auto-recharge": "/accounts/demo/auto-recharge",
        },
    ),
}

WIDTHS = [1280, 390]
SCHEMES = ["light", "dark"]

#: The size of a picture on a sheet.
THUMBNAIL = (300, 420)
COLUMNS = 6


def pictures(browser, host, folder, person, pages):
    for language in LANGUAGES:
        for width in WIDTHS:
            for scheme in SCHEMES:
                context = browser.new_context(
                    locale=language,
                    viewport={"width": width, "height": 900},
                    color_scheme=scheme,
                    java_script_enabled=False,
                )
                page = context.new_page()
                page.host = host
                if person:
                    go(page, "/rates", person)
                for name, show in pages.items():
                    if callable(show):
                        show(page)
                    else:
                        go(page, show)
                    file = folder / f"{name}-{language}-{width}-{scheme}.png"
                    page.screenshot(path=file, full_page=True)
                    yield (language, width, scheme), file
                context.close()


def every_picture(browser, folder, names):
    program = built_program()
    if not names or "demo" in names:
        with tempfile.TemporaryDirectory() as data:
            host = demo_host(program, pathlib.Path(data) / "data")
            try:
                for person, pages in PAGES.items():
                    yield from pictures(browser, host, folder, person, pages)
            finally:
                host.stop()
    for state, (prepare, pages) in STATES.items():
        if names and state not in names:
            continue
        with tempfile.TemporaryDirectory() as data:
            host = Portal(program, data, NOW)
            try:
                prepare(host)
                named = {f"{state}-{name}": show for name, show in pages.items()}
                yield from pictures(browser, host, folder, "ada", named)
            finally:
                host.stop()


def write_sheet(folder, title, files):
    rows = -(-len(files) // COLUMNS)
    width, height = THUMBNAIL
    sheet = Image.new("RGB", (COLUMNS * (width + 12), rows * (height + 32)), "white")
    draw = ImageDraw.Draw(sheet)
    for number, file in enumerate(files):
        x, y = number % COLUMNS * (width + 12), number // COLUMNS * (height + 32)
        picture = Image.open(file).convert("RGB")
        picture = picture.resize((width, picture.height * width // picture.width))
        picture = picture.crop((0, 0, width, min(height, picture.height)))
        sheet.paste(picture, (x, y + 16))
        draw.text((x, y), file.stem, fill="black")
    sheet.save(folder / f"sheet-{title}.png")


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    sheets = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=OPTIONS)
        try:
            for kind, file in every_picture(browser, folder, sys.argv[2:]):
                sheets.setdefault(kind, []).append(file)
        finally:
            browser.close()
    for (language, width, scheme), files in sheets.items():
        write_sheet(folder, f"{language}-{width}-{scheme}", files)
    print(f"{sum(map(len, sheets.values()))} pictures and {len(sheets)} sheets are in {folder}")


if __name__ == "__main__":
    main()
