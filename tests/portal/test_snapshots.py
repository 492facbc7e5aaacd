"""The accessible content of every page, as a screen reader has it, compared with the snapshots in `snapshots/`.

`UPDATE_SNAPSHOTS=1` in the environment writes them anew. A page that is meant to change shows its change in the diff of its file.
"""

import difflib
import os
import pathlib
import re
import urllib.parse

import pytest

from conftest import LANGUAGES
from screens import PAGES

FOLDER = pathlib.Path(__file__).parent / "snapshots"


def pages():
    return [pytest.param(person, name, path, id=name) for person, there in PAGES.items() for name, path in there.items()]


#: A random key, and the id of a payment at the bank.
RANDOM = re.compile(r"(\bkey=|/_local/authenticate/)[\w-]{20,}")


def snapshot(page):
    """The accessible content, with constants in place of the host's address and of random texts."""
    text = page.locator("body").aria_snapshot()
    for url in (page.host.url, urllib.parse.quote(page.host.url, safe="")):
        text = text.replace(url, "http://portal")
    return RANDOM.sub(r"\1RANDOM", text) + "\n"


def assert_as_before(page, name, language):
    file = FOLDER / language / f"{name}.yaml"
    after = snapshot(page)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(after)
    before = file.read_text() if file.exists() else ""
    if before != after:
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), f"{name}, as committed", f"{name}, now", lineterm="")
        pytest.fail("\n".join([*lines, "If this is meant, write the snapshots anew with UPDATE_SNAPSHOTS=1."]), pytrace=False)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("person, name, path", pages())
def test_the_content_of_the_page_is_as_before(visit, person, name, path, language):
    page = visit(person, path, language)
    assert_as_before(page, name, language)
