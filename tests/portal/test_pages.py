"""Every page, as the demo organizations' year fills it: accessibility, width, contrast, words, print, and what a page may weigh."""

import gzip
import io
import os
import pathlib
import re

import pypdf
import pytest

from conftest import LANGUAGES, assert_well, go, heading, money, text_of
from screens import PAGES

#: What a page without a chart may weigh, and its limits in numbers of rows and requests.
PAGE_BYTES = 25_000
PAGE_BYTES_WITH_CHART = 40_000
GZIPPED_BYTES = 8_000
MOST_ROWS = 50

#: The rules of the checks of accessibility that count.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

#: Words that must not show in a French page, except in names, reasons and numbers of the demo organizations.
ENGLISH = [
    "Save", "Balance", "Funds", "Receipt", "Amount", "Payment method", "Cancel", "Usage of", "Settings", "Show", "card_declined",
    "insufficient_funds", "undefined", "None", "null", "postUsage", "needsAction",
]


def pages_of(people=None):
    for person, pages in PAGES.items():
        for name, path in pages.items():
            if people is None or person in people:
                yield pytest.param(person, path, id=name)


@pytest.fixture(scope="module")
def axe():
    return pathlib.Path(os.environ["AXE"]).read_text()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("person, path", pages_of())
def test_the_checks_of_accessibility_find_nothing(demo, open_page, axe, person, path, language):
    for scheme in ["light", "dark"]:
        page = open_page(demo, person, path, language=language, scripts=True, color_scheme=scheme)
        page.evaluate(axe)
        found = page.evaluate(
            "rules => axe.run({runOnly: rules, resultTypes: ['violations', 'incomplete']})", RULES
        )
        violations = [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found["violations"]]
        assert violations == [], scheme
        # The text of a drawing has no background that can be found, and a single mark is no text, so that their contrast is always
        # left open.
        unsure = [node["html"] for rule in found["incomplete"] if rule["id"] == "color-contrast" for node in rule["nodes"]]
        assert [html for html in unsure if not html.startswith(("<text", '<span aria-hidden="true"'))] == [], scheme


@pytest.mark.parametrize("person, path", pages_of())
def test_pages_fit_narrow_windows_and_ask_nobody_else(demo, open_page, person, path):
    for language in LANGUAGES:
        for width in [320, 640, 1280]:
            page = open_page(demo, person, path, language=language, width=width)
            assert_well(page)
            assert page.locator("h1").count() == 1
            assert page.locator("html").get_attribute("lang") == language


@pytest.mark.parametrize("person, path", pages_of())
def test_headings_nest_and_tables_have_headers(demo, open_page, person, path):
    page = open_page(demo, person, path)
    levels = [int(tag[1]) for tag in page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(h => h.tagName)")]
    assert levels[0] == 1 and all(after - before <= 1 for before, after in zip(levels, levels[1:])), levels
    for table in page.locator("table").all():
        assert table.locator("th").count() > 0
        assert table.locator("tbody tr").count() <= MOST_ROWS + 1
    links = page.locator("main a").evaluate_all("all => all.map(a => a.innerText.trim() || a.textContent.trim())")
    assert "" not in links, "every link has a name"


@pytest.mark.parametrize("person, path", pages_of())
def test_a_french_page_has_no_english(demo, open_page, person, path):
    page = open_page(demo, person, path, language="fr")
    text = text_of(page)
    for word in ENGLISH:
        assert not re.search(rf"\b{re.escape(word)}\b", text), f"{word!r} in {text}"


@pytest.mark.parametrize("person, path", pages_of())
def test_pages_keep_their_budget(demo, open_page, person, path):
    requests = []
    page = open_page(demo, person)
    page.on("request", lambda request: requests.append(request.url))
    answer = page.goto(f"{demo.url}{path}")
    body = answer.body()
    has_chart = b"<svg" in body
    assert len(body) <= (PAGE_BYTES_WITH_CHART if has_chart else PAGE_BYTES), f"{len(body)} bytes"
    assert len(gzip.compress(body)) <= GZIPPED_BYTES
    pages, files = (
        {url for url in requests if ("/assets/" in url) == is_file} for is_file in (False, True)
    )
    # The review's address gets its key by a redirect.
    assert len(files) <= 2 and all(url.startswith(demo.url) for url in pages | files)


def test_titles_are_in_order_and_unique(demo, open_page):
    titles = set()
    page = open_page(demo, "ada", "/products")
    for path in PAGES["ada"].values():
        go(page, path)
        title = page.title()
        assert title.startswith(heading(page)) and title.endswith("Admin center"), title
        titles.add((title, path.split("?")[0]))
    assert len({title for title, _ in titles}) == len(titles)


def test_print_has_the_content_alone_and_the_header_on_every_page(demo, open_page):
    page = open_page(demo, "ada", "/accounts/demo/transactions", color_scheme="dark")
    printed = pypdf.PdfReader(io.BytesIO(page.pdf(format="A4")))
    texts = [money(sheet.extract_text()) for sheet in printed.pages]
    assert len(texts) > 1
    for text in texts:
        assert "Balance after" in text
        assert "Sign out" not in text and "Add funds" not in text and "Download CSV" not in text
    width, height = printed.pages[0].mediabox.width, printed.pages[0].mediabox.height
    assert abs(width - 595) < 2 and abs(height - 842) < 2, "A4"


def test_the_skip_link_leads_to_the_content(demo, open_page):
    page = open_page(demo, "ada", "/accounts/demo")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.url.endswith("#content")


def test_the_chart_says_what_its_table_says(demo, open_page):
    page = open_page(demo, "ada", "/accounts/demo")
    chart = page.locator("svg[role=img]").first
    assert chart.locator("title").count() >= 1 and chart.locator("desc").count() == 1
    page.get_by_text("Show as a table").click()
    rows = page.locator("details table tbody tr")
    assert rows.count() >= 1
