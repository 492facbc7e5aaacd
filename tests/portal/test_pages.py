"""Every page, as the demo organizations' year fills it: accessibility, width, contrast, words, print, and what a page may weigh."""

import gzip
import io
import re

import pypdf
import pytest

from conftest import LANGUAGES, assert_accessible, assert_well, click, go, heading, money, text_of
from screens import PAGES

#: The largest page without a chart, with one, and compressed, and the most rows of a table.
PAGE_BYTES = 25_000
PAGE_BYTES_WITH_CHART = 40_000
GZIPPED_BYTES = 8_000
MOST_ROWS = 50

#: Words of one language, and of the API and the processor, that must not show in a page of the other one, except in names, reasons and
#: numbers of the demo organizations.
FOREIGN = {
    "fr": [
        "Save", "Balance", "Funds", "Receipt", "Amount", "Payment method", "Cancel", "Usage of", "Settings", "Show", "Sign out", "Error",
        "Your", "The", "of", "card", "None",
    ],
    "en": [
        "Enregistrer", "Solde", "Fonds", "Reçu", "Montant", "Moyen de paiement", "Annuler", "Consommation", "Paramètres", "Afficher",
        "Se déconnecter", "Erreur", "Vos", "votre", "Le", "la", "les", "et", "carte",
    ],
}
CODES = ["card_declined", "insufficient_funds", "undefined", "null", "NaN", "postUsage", "needsAction", "{}"]


def words_of_the_other_language(text, language):
    return [word for word in [*FOREIGN[language], *CODES] if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)]


PARAMETERS = [pytest.param(person, path, id=name) for person, there in PAGES.items() for name, path in there.items()]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("person, path", PARAMETERS)
def test_the_checks_of_accessibility_find_nothing(visit, axe, person, path, language):
    page = visit(person, path, language, java_script_enabled=True)
    assert_accessible(page, axe, path)


@pytest.mark.parametrize("person, path", PARAMETERS)
def test_pages_fit_narrow_windows_and_ask_nobody_else(visit, person, path):
    for language in LANGUAGES:
        page = visit(person, path, language)
        assert page.locator("h1").count() == 1
        for width in [320, 640, 1280]:
            page.set_viewport_size({"width": width, "height": 900})
            assert_well(page)


@pytest.mark.parametrize("person, path", PARAMETERS)
def test_headings_nest_and_tables_have_headers(visit, person, path):
    page = visit(person, path)
    levels = [int(tag[1]) for tag in page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(h => h.tagName)")]
    assert levels[0] == 1 and all(after - before <= 1 for before, after in zip(levels, levels[1:])), levels
    for table in page.locator("table").all():
        assert table.locator("th").count() > 0
        assert table.locator("tbody tr").count() <= MOST_ROWS + 1
    links = page.locator("main a").evaluate_all("all => all.map(a => a.innerText.trim() || a.textContent.trim())")
    assert "" not in links, "every link has a name"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("person, path", PARAMETERS)
def test_a_page_has_no_word_of_the_other_language(visit, person, path, language):
    page = visit(person, path, language)
    text = text_of(page)
    assert words_of_the_other_language(text, language) == [], text


@pytest.mark.parametrize("person, path", PARAMETERS)
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


@pytest.mark.parametrize("query", ["from=0026-11-01", "to=9999-12-31"])
def test_a_filter_with_an_error_has_no_transactions_and_no_file(visit, query):
    page = visit("ada", f"/accounts/demo/transactions?{query}")
    assert "Write the date as year-month-day" in text_of(page)
    assert "No transactions" not in text_of(page)
    assert page.get_by_role("link", name="Download CSV").count() == 0


def test_titles_are_in_order_and_unique(demo, open_page):
    titles = set()
    page = open_page(demo, "ada", "/products")
    for path in PAGES["ada"].values():
        go(page, path)
        title = page.title()
        assert title.removeprefix("Error: ").startswith(heading(page)) and title.endswith("Admin center"), title
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
    click(page.get_by_text("Show as a table"))
    rows = page.locator("details table tbody tr")
    assert rows.count() >= 1
