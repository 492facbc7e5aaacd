"""Writes a picture of every page of the portal, in both languages, two widths and two colour schemes, and sheets of them all.

`screens.py FOLDER`. The demo organizations have a year behind them; some pages are shown in further states.
"""

import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from PIL import Image, ImageDraw
from playwright.sync_api import sync_playwright

from conftest import BROWSER, LANGUAGES, OPTIONS, Portal, go
from host import built_program

#: Pages by the person who looks at them: a name for the file, and the address.
PAGES = {
    None: {"sign-in": "/sign-in", "not-found": "/nowhere"},
    "ada": {
        "products": "/products",
        "overview": "/accounts/demo",
        "add-funds": "/accounts/demo/funds/add",
        "review": "/accounts/demo/funds/review?amount=200.00&key=screens",
        "auto-recharge": "/accounts/demo/auto-recharge",
        "payment-method": "/accounts/demo/payment-method",
        "remove-card": "/accounts/demo/payment-method/remove",
        "funds": "/accounts/demo/funds",
        "transactions": "/accounts/demo/transactions",
        "usage": "/accounts/demo/usage",
        "usage-by-day": "/accounts/demo/usage?groupBy=day",
        "receipts": "/accounts/demo/receipts",
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
        "post-usage-add-funds": "/accounts/demo-post/funds/add",
        "post-usage-switch": "/accounts/demo-post/post-usage",
    },
    "otto": {
        "operator-accounts": "/operator/accounts",
        "operator-new-account": "/operator/accounts/new",
        "operator-account": "/accounts/demo",
        "operator-adjust": "/accounts/demo/adjust",
        "operator-unrated": "/operator/unrated",
    },
}

WIDTHS = [1280, 390]
SCHEMES = ["light", "dark"]

#: The size of a picture on a sheet.
THUMBNAIL = (300, 420)
COLUMNS = 6


def pictures(browser, host, folder):
    for person, pages in PAGES.items():
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
                    for name, path in pages.items():
                        go(page, path)
                        file = folder / f"{name}-{language}-{width}-{scheme}.png"
                        page.screenshot(path=file, full_page=True)
                        yield (language, width, scheme), file
                    context.close()


def write_sheet(folder, title, files):
    rows = -(-len(files) // COLUMNS)
    width, height = THUMBNAIL
    sheet = Image.new("RGB", (COLUMNS * (width + 12), rows * (height + 32)), "white")
    draw = ImageDraw.Draw(sheet)
    for number, file in enumerate(files):
        x, y = number % COLUMNS * (width + 12), number // COLUMNS * (height + 32)
        picture = Image.open(file).convert("RGB")
        picture = picture.resize((width, picture.height * width // picture.width)).crop((0, 0, width, height))
        sheet.paste(picture, (x, y + 16))
        draw.text((x, y), file.stem, fill="black")
    sheet.save(folder / f"sheet-{title}.png")


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, sync_playwright() as playwright:
        host = Portal(built_program(), data, None, "demo")
        browser = playwright.chromium.launch(executable_path=BROWSER, args=OPTIONS)
        try:
            sheets = {}
            for kind, file in pictures(browser, host, folder):
                sheets.setdefault(kind, []).append(file)
        finally:
            browser.close()
            host.stop()
    for (language, width, scheme), files in sheets.items():
        write_sheet(folder, f"{language}-{width}-{scheme}", files)
    print(f"{sum(map(len, sheets.values()))} pictures and {len(sheets)} sheets are in {folder}")


if __name__ == "__main__":
    main()
