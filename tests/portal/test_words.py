"""Fields, titles, dates and the numbers in sentences: what programs read of a page, and whether it agrees with the API."""

import re
from datetime import datetime
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

import pytest

from conftest import LANGUAGES, go, heading, money, text_of
from screens import PAGES

PARAMETERS = [pytest.param(person, path, id=name) for person, there in PAGES.items() for name, path in there.items()]

#: Names of fields into which a browser would offer to fill a card.
CARD_NAMES = re.compile(r"card.?(number|no)|cc-|\bcvc\b|\bcvv\b|expir(y|ation)", re.IGNORECASE)

FIELDS = """all => all.map(field => ({
    name: field.name, id: field.id, type: field.type, mode: field.inputMode, fill: field.getAttribute("autocomplete"),
    label: Array.from(field.labels).map(label => label.innerText).join(" "),
}))"""

#: The fields that an amount is typed into.
AMOUNTS = {"amount", "trigger", "limit", "perUser", "perDay", "warning"}


@pytest.mark.parametrize("person, path", PARAMETERS)
def test_fields_titles_and_dates_say_what_they_are(visit, person, path):
    for language, other in [("en", "fr"), ("fr", "en")]:
        page = visit(person, path, language)
        assert page.locator("html").get_attribute("lang") == language
        assert page.locator("header button[lang]").get_attribute("lang") == other
        content = page.content()
        assert not re.search(r"<script|javascript:|\son\w+\s*=|\sstyle=", content), "no script and no style in the page"
        for field in page.locator("main input:not([type=hidden]), main textarea, main select").evaluate_all(FIELDS):
            assert field["label"], field
            assert not CARD_NAMES.search(f"{field['name']} {field['id']} {field['fill']}"), "no field that looks like one of a card"
            assert field["type"] != "number", field
            if field["type"] in ("text", "tel", "date", "textarea"):
                assert field["fill"] == "off", field
            if field["name"] in AMOUNTS:
                assert (field["type"], field["mode"]) == ("text", "decimal"), field
            if field["name"] == "number":
                assert (field["type"], field["mode"]) == ("tel", "tel"), field
        for time in page.locator("time").all():
            datetime.fromisoformat(time.get_attribute("datetime").replace("Z", "+00:00"))
        site = "Admin center" if language == "en" else "Centre d’administration"
        organization = page.locator("main .organization bdi").all_inner_texts()
        error = [("Error: " if language == "en" else "Erreur : ")] if page.get_by_role("alert").count() else [""]
        title = money(page.title())
        assert title == " – ".join([f"{error[0]}{heading(page)}", *organization, site]), title
        links = page.locator("main a").evaluate_all("all => all.map(link => [link.textContent.trim(), link.getAttribute('href')])")
        vague = {"here", "more", "click here", "ici", "plus", "cliquez ici", "link", "lien"}
        assert [name for name, _ in links if not name or name.lower() in vague] == [], "every link makes sense alone"


def amount(value, language, currency="EUR", rounding=ROUND_FLOOR):
    """An amount as pages show it, with the decimals of the currency."""
    value = Decimal(value).quantize(Decimal("0.01"), rounding)
    return number(value, language, currency)


def number(value, language, currency=""):
    text = f"{value:,}".replace("-", "\u2212")
    if language == "fr":
        return f"{text.replace(',', ' ').replace('.', ',')} {currency}".strip()
    return f"{currency} {text}".strip()


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_in_sentences_are_those_of_the_api(demo, open_page, language):
    account = demo.read()
    recharge, limits = account["autoRecharge"], account["limits"]
    usage = demo.api("GET", "accounts/demo/usage?month=2026-11&groupBy=user")["total"]
    last_month = demo.api("GET", "accounts/demo/usage?month=2026-10&groupBy=day")["total"]
    days = demo.api("GET", "accounts/demo/balances?from=2026-11-01&to=2026-11-28")["days"]
    lots = demo.api("GET", "accounts/demo/lots")["lots"]
    spent = sum(Decimal(day["spent"]) for day in days)
    available = Decimal(account["available"])
    weeks = round(available * len(days) / spent / 7)
    pool = account["pools"][0]["months"][0]

    def shown(value, rounding=ROUND_FLOOR):
        return amount(value, language, rounding=rounding)

    def plain(value):
        return amount(value, language, currency="")

    minutes = number(Decimal(usage["minutes"]), language)
    exact = {name: number(Decimal(value), language, "EUR") for name, value in [("charge", usage["charge"]), ("today", limits["spentToday"])]}
    half = shown(spent, ROUND_HALF_UP)
    minimum, maximum = limits["purchase"]["minimum"], limits["purchase"]["maximum"]
    english = {
        "/accounts/demo": [
            f"You spent {half} in {len(days)} days. At this pace, {shown(available)} last about {weeks} weeks.",
            f"Adds {shown(recharge['rechargeAmount'])} when the balance reaches {shown(recharge['triggerAmount'])}.",
            f"{shown(account['nextExpiry']['amount'])} expire on 18 December 2026 (in 20 days).",
        ],
        "/accounts/demo/funds/add": [
            f"Available now: {shown(available)}. Last month your calls cost {shown(last_month['charge'])}.",
            f"In EUR, from {plain(minimum)} to {plain(maximum)}.",
        ],
        "/accounts/demo/funds/review?amount=200.00&key=numbers": [shown(available + 200)],
        "/accounts/demo/usage": [f"{exact['charge']} for {usage['calls']} calls, {minutes} minutes"],
        "/accounts/demo/limits": [f"Today (UTC), {exact['today']} of {shown(limits['perDay'])} are spent."],
        "/accounts/demo/funds": [f"{shown(lot['remaining'])} of {shown(lot['amount'])}" for lot in lots],
        "/products": [f"{pool['used']} of {pool['minutes']} minutes used", shown(available)],
    }
    french = {
        "/accounts/demo": [half, shown(available), shown(recharge["rechargeAmount"]), shown(account["nextExpiry"]["amount"])],
        "/accounts/demo/funds/add": [shown(available), shown(last_month["charge"]), f"En EUR, de {plain(minimum)} à {plain(maximum)}."],
        "/accounts/demo/funds/review?amount=200.00&key=numbers": [shown(available + 200)],
        "/accounts/demo/usage": [exact["charge"], minutes],
        "/accounts/demo/limits": [exact["today"], shown(limits["perDay"])],
        "/accounts/demo/funds": [f"{shown(lot['remaining'])} sur {shown(lot['amount'])}" for lot in lots],
        "/products": [f"{pool['used']} minutes utilisées sur {pool['minutes']}", shown(available)],
    }
    page = open_page(demo, "ada", "/rates", language=language)
    for path, sentences in (english if language == "en" else french).items():
        go(page, path)
        text = text_of(page)
        assert [sentence for sentence in sentences if sentence not in text] == [], f"{path}: {text}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_shows_an_amount_that_the_api_does_not_have(demo, open_page, language):
    answers = [
        demo.api("GET", f"accounts/demo{path}")
        for path in ["", "/lots", "/purchases", "/transactions?limit=100", "/usage?month=2026-11&groupBy=user", "/usage?month=2026-10&groupBy=day"]
    ]
    values = {abs(Decimal(text)) for text in re.findall(r'[:\s"\'](-?\d+\.\d+)(?=["\'])', str(answers))}
    known = {amount(value, language, rounding=rounding) for value in values for rounding in (ROUND_FLOOR, ROUND_HALF_UP)}
    known |= {number(value, language, "EUR") for value in values}
    # The suggestions are multiples of the smallest purchase, and nothing is held or owed.
    known |= {amount(50 * times, language) for times in (1, 2, 4, 10)} | {amount(0, language)}
    pattern = r"\d[\d ]*,\d+ EUR" if language == "fr" else r"EUR [\d,]+\.\d+"
    page = open_page(demo, "ada", "/rates", language=language)
    seen = 0
    for path in ["/products", "/accounts/demo/funds", "/accounts/demo/funds/add", "/accounts/demo/usage", "/accounts/demo/limits",
                 "/accounts/demo/auto-recharge", "/accounts/demo/receipts", "/accounts/demo/notifications", "/accounts/demo/post-usage"]:  # fmt: skip
        go(page, path)
        amounts = re.findall(pattern, text_of(page))
        assert [shown for shown in amounts if shown not in known] == [], path
        seen += len(amounts)
    assert seen > 20
