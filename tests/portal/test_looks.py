"""How pages look: reflow with wide spacing of text, edges of controls, the chart without colours, and print."""

import io
import re

import pypdf
import pytest
from PIL import Image

from conftest import LANGUAGES, assert_well, click, go, money
from screens import PAGES
from test_keyboard import contrast

#: The spacing that readers may set (WCAG 1.4.12).
SPACING = "* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-bottom: 2em !important }"

#: Texts that are cut off, leave the window, or lie on one another, as `[problem, text]`. Text that only a screen reader gets is far
#: to the left of the window.
PROBLEMS = """() => {
    const found = [];
    const texts = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const text = node.data.trim();
        const parent = node.parentElement;
        if (!text || !parent.checkVisibility() || parent.closest("title, desc, select, textarea")) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        for (const box of range.getClientRects()) {
            if (box.right < -1000 || box.width === 0) continue;
            if (box.left < -1 || box.right > innerWidth + 1) found.push(["leaves the window", text]);
            for (let outer = parent; outer !== document.body; outer = outer.parentElement) {
                const style = getComputedStyle(outer);
                if (!/hidden|clip/.test(style.overflowX + style.overflowY)) continue;
                const frame = outer.getBoundingClientRect();
                if (box.right > frame.right + 1 || box.bottom > frame.bottom + 1 || box.left < frame.left - 1) found.push(["is cut off", text]);
            }
            texts.push([box, text, node]);
        }
    }
    texts.sort((one, other) => one[0].top - other[0].top);
    texts.forEach(([box, text, node], index) => {
        for (const [other, otherText, otherNode] of texts.slice(index + 1)) {
            if (other.top > box.bottom) break;
            if (node === otherNode) continue;
            const width = Math.min(box.right, other.right) - Math.max(box.left, other.left);
            // Lines with a height of 1.2 touch a little, above and below their letters.
            const height = Math.min(box.bottom, other.bottom) - other.top;
            if (width > 1 && height > 4) found.push(["lies on", text + " / " + otherText]);
        }
    });
    return found;
}"""

PARAMETERS = [pytest.param(person, path, id=name) for person, there in PAGES.items() for name, path in there.items()]


@pytest.mark.parametrize("person, path", PARAMETERS)
def test_text_with_wide_spacing_is_neither_cut_off_nor_covered(visit, person, path):
    # French texts are the longer ones. The site's own policy forbids the style sheet of a reader, which browsers exempt from it.
    page = visit(person, path, "fr", java_script_enabled=True, bypass_csp=True)
    for spaced in [False, True]:
        if spaced:
            page.add_style_tag(content=SPACING)
        for width in [320, 640]:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(PROBLEMS) == [], (width, spaced)
            assert_well(page)


def picture(page, box=None):
    clip = box and {"x": box["x"], "y": box["y"], "width": box["width"], "height": box["height"]}
    return Image.open(io.BytesIO(page.screenshot(full_page=True, clip=clip))).convert("RGB")


@pytest.mark.parametrize("scheme, forced", [("light", "none"), ("dark", "none"), ("light", "active"), ("dark", "active")])
def test_the_edges_of_controls_can_be_seen(demo, open_page, scheme, forced):
    page = open_page(demo, "ada", "/products", color_scheme=scheme, forced_colors=forced)
    for path in ["/funds/add", "/auto-recharge", "/notifications", "/limits", "/transactions"]:
        go(page, f"/accounts/demo{path}")
        shown = picture(page)
        controls = page.locator("main").locator("input[type=text], input[type=date], textarea, select, button, a.button")
        assert controls.count() > 0
        for control in controls.all():
            box = control.bounding_box()
            y = round(box["y"] + box["height"] / 2)
            outside = shown.getpixel((round(box["x"]) - 3, y))
            edge = [shown.getpixel((round(box["x"]) + offset, y)) for offset in range(-1, 3)]
            assert max(contrast(outside, pixel) for pixel in edge) >= 3, (path, control.evaluate("control => control.outerHTML"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_keeps_its_contrast_with_forced_colours(demo, open_page, scheme):
    """The colours are those of the picture: for links, the browser tells a page other ones than it shows."""
    page = open_page(demo, "ada", "/products", height=1600, color_scheme=scheme, forced_colors="active")
    for path in ["", "/auto-recharge"]:
        go(page, f"/accounts/demo{path}")
        shown = picture(page)
        texts = page.locator("h1, h2, p, dt, dd, label, button, a:not(.skip), td, th, .tag, svg text")
        boxes = [text.bounding_box() for text in texts.all() if text.is_visible()]
        assert len(boxes) > 20
        for box in boxes:
            area = shown.crop((round(box["x"]), round(box["y"]), round(box["x"] + box["width"]), round(box["y"] + box["height"])))
            colours = sorted(area.getcolors(area.width * area.height), reverse=True)
            ground = colours[0][1]
            assert any(contrast(ground, colour) >= 4.5 for _, colour in colours), (path, box)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_menu_shows_where_one_is_with_forced_colours(demo, open_page, scheme):
    page = open_page(demo, "ada", "/accounts/demo/funds", color_scheme=scheme, forced_colors="active")
    shown = picture(page)
    marked = []
    for link in page.locator(".menu a").all():
        box = link.bounding_box()
        y = round(box["y"] + box["height"] / 2)
        edge, ground = (shown.getpixel((round(box["x"]) + offset, y)) for offset in (1, -2))
        if contrast(edge, ground) >= 3:
            marked.append(link.inner_text())
    assert marked == ["Funds"], "the edge of the page that one is on, and of no other, can be seen"


@pytest.fixture
def charted(host):
    """An account whose chart has everything: funds added, funds expired, a trigger amount, and days of spending."""
    host.local("POST", "time", {"now": "2025-11-10T12:00:00Z"})
    host.account()
    host.card()
    host.buy("80.00")
    host.local("POST", "time", {"now": "2026-11-05T12:00:00Z"})
    host.buy("100.00")
    host.local("POST", "time", {"now": "2026-11-14T12:00:00Z"})
    host.local("POST", "run/expire")
    host.recharge(triggerAmount="50.00", rechargeAmount="50.00")
    for day, seconds in [("16", 12_000), ("19", 18_000), ("25", 15_000)]:
        host.local("POST", "time", {"now": f"2026-11-{day}T12:00:00Z"})
        host.call(seconds, startedAt=f"2026-11-{day}T05:00:00Z")
    host.local("POST", "time", {"now": "2026-11-28T12:00:00Z"})
    host.drain()
    return host


def runs(values):
    """The lengths of the runs of equal values."""
    lengths = []
    for before, value in zip([None, *values], values):
        if lengths and before == value:
            lengths[-1] += 1
        else:
            lengths.append(1)
    return lengths


@pytest.mark.parametrize("scheme, forced", [("light", "none"), ("dark", "none"), ("light", "active"), ("dark", "active")])
def test_the_chart_can_be_read_without_colours(charted, open_page, scheme, forced):
    page = open_page(charted, "ada", "/accounts/demo", color_scheme=scheme, forced_colors=forced, device_scale_factor=4)
    chart = page.locator("svg.chart").first
    frame = chart.bounding_box()
    grey = picture(page, frame).convert("L").convert("RGB")

    def part(name):
        """The box of a part of the chart, in pixels of the picture."""
        left, top, right, bottom = chart.locator(f".{name}").first.evaluate(
            """part => {
                const box = part.getBBox(), matrix = part.getScreenCTM();
                const corner = (x, y) => new DOMPoint(x, y).matrixTransform(matrix);
                const [one, other] = [corner(box.x, box.y), corner(box.x + box.width, box.y + box.height)];
                return [one.x, one.y, other.x, other.y];
            }"""
        )
        x, y = frame["x"], frame["y"]
        return (left - x) * 4, (top - y) * 4, (right - x) * 4, (bottom - y) * 4

    def is_seen(x, y):
        return contrast(grey.getpixel((round(x), round(y))), ground) >= 3

    def coverage(left, top, right, bottom):
        """The part of an area that can be seen against the ground."""
        area = grey.crop(tuple(map(round, (left, top, right, bottom))))
        pixels = list(area.getdata())
        return sum(contrast(pixel, ground) >= 3 for pixel in pixels) / len(pixels)

    ground = grey.getpixel((2, 2))
    bars, line, trigger, up, lost = map(part, ["bar", "line", "trigger", "up", "lost"])

    # The panels lie apart: between the balance and the bars there is only text.
    assert part("area")[3] + 40 < bars[1]
    # A bar is seen from its foot up, and stands on the ground of its own panel.
    assert coverage(bars[0], bars[1], bars[2], bars[3]) > 0.05
    # The trigger amount is a line with gaps, and the balance one without.
    middle = round((trigger[1] + trigger[3]) / 2)
    columns = range(round(trigger[0]) + 8, round(trigger[2]) - 8)
    # The line is a few pixels high, and may lie between two of the picture's.
    seen = max(([is_seen(x, y) for x in columns] for y in range(middle - 4, middle + 5)), key=sum)
    assert len(runs(seen)) > 20, "the trigger amount is dashed"
    assert 0.2 < sum(seen) / len(seen) < 0.9
    columns = range(round(line[0]) + 8, round(line[2]) - 8, 8)
    solid = [any(is_seen(x, y) for y in range(round(line[1]) - 8, round(line[3]) + 9)) for x in columns]
    assert all(solid), "the balance is one line"
    # Added funds are a filled triangle, broad at its foot, and expired ones a cross, which is open between its arms.
    left, top, right, bottom = up
    third = (bottom - top) / 3
    assert coverage(left, bottom - third, right, bottom) > 0.6 > coverage(left, top, right, top + third)
    left, top, right, bottom = lost
    width, height = right - left, bottom - top
    middle = coverage(left + width * 0.4, top + height * 0.4, right - width * 0.4, bottom - height * 0.4)
    beside = coverage(left, top + height * 0.4, left + width * 0.15, bottom - height * 0.4)
    assert middle > 0.8 and beside < 0.2


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_charts_words_hold_the_numbers_of_its_table(charted, open_page, language):
    page = open_page(charted, "ada", "/accounts/demo", language=language)
    chart = page.locator("svg.chart").first
    click(page.locator("#chart details summary"))
    rows = page.locator(".by-day tbody tr").all()
    cells = [[money(cell) for cell in row.locator("th, td").all_inner_texts()] for row in rows]

    def value(text):
        text = text.replace(" ", "").replace("\u2212", "-")
        return float(text.replace(",", ".") if language == "fr" else text.replace(",", ""))

    def amounts(text):
        found = re.findall(r"\u2212?\d[\d ]*,\d\d(?= EUR)" if language == "fr" else r"(?<=EUR )\u2212?[\d,]+\.\d\d", money(text))
        return [value(amount) for amount in found]

    balances = [value(cells_of_day[1]) for cells_of_day in cells]
    spent = round(sum(value(cells_of_day[2]) for cells_of_day in cells), 2)
    described = amounts(chart.locator("desc").text_content())
    assert described == [balances[0], balances[-1], min(balances), max(balances), spent, 100.0, 80.0]
    assert [word for word in (cells[0][0], cells[-1][0]) if word.split()[0] not in chart.locator("title").first.text_content()] == []
    changes = [cells_of_day[3] for cells_of_day in cells if cells_of_day[3]]
    assert [value(re.search(r"[+\u2212][\d.,]+", change)[0].replace("+", "")) for change in changes] == [100.0, -80.0]


def printed(page):
    document = pypdf.PdfReader(io.BytesIO(page.pdf(format="A4", prefer_css_page_size=True)))
    width, height = document.pages[0].mediabox.width, document.pages[0].mediabox.height
    assert abs(width - 595) < 2 and abs(height - 842) < 2, "A4"
    return [money(sheet.extract_text()) for sheet in document.pages]


@pytest.mark.parametrize("language, buttons", [("en", ["Sign out", "Pay EUR", "Change the amount", "Menu", "Skip to"]), ("fr", ["Se déconnecter", "Payer 200", "Modifier le montant", "Menu", "Aller au"])])
def test_the_review_and_the_purchase_print_their_content_alone(host, open_page, language, buttons):
    host.account()
    host.card()
    host.buy("100.00")
    page = open_page(host, "ada", "/accounts/demo/funds/review?amount=200.00&key=print", language=language, color_scheme="dark")
    pages = 0
    for path in ["review", "purchase"]:
        text = re.sub(r"\s+", " ", " ".join(printed(page)))
        assert [button for button in buttons if button in text] == []
        facts = [money(fact) for fact in page.locator("main dd time, main dd bdi").all_inner_texts()]
        assert facts and [fact for fact in facts if fact not in text] == [], f"{path}: {text}"
        page.emulate_media(media="print", color_scheme="dark")
        colours = page.locator("main").evaluate(
            "main => [getComputedStyle(main).color, getComputedStyle(document.body).backgroundColor]"
        )
        assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"], "black on white, though dark is on"
        page.emulate_media(media="null")
        pages += 1
        if path == "review":
            click(page.locator("main form[method=post] button"))
    assert pages == 2


def test_the_transactions_print_every_row_whole(demo, open_page):
    page = open_page(demo, "ada", "/accounts/demo/transactions", color_scheme="dark")
    texts = printed(page)
    assert len(texts) > 1
    for text in texts:
        assert "Balance after" in text, "every sheet has the header"
        assert [button for button in ("Sign out", "Add funds", "Download CSV", "Show") if button in text] == []
    rows = page.locator("table.stacked tbody tr").all()
    assert len(rows) >= 30
    whole = re.sub(r"\s+", "", "".join(texts))
    for row in rows:
        for amount in row.locator("td.number").all_inner_texts():
            assert re.sub(r"\s+", "", amount) in whole
