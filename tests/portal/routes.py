"""The routes of the portal's pages, read from the source of its router, so that a test of every page has a new one at once."""

import re

from conftest import ROOT

SOURCE = ROOT / "functions" / "portal" / "src" / "pages"

ROUTE = re.compile(r'\.route\(\s*"([^"]+)",\s*((?:\.?(?:get|post)\(\w+\))+)\s*,?\s*\)')


def all_routes():
    """Every method and path, such as `("GET", "/accounts/{id}/funds")`."""
    routes = []
    for file in sorted(SOURCE.glob("*.rs")):
        text = file.read_text()
        found = ROUTE.findall(text)
        assert len(found) == text.count(".route("), f"{file.name} has a route of another form"
        for path, handlers in found:
            routes += [(method.upper(), path) for method in re.findall(r"(get|post)\(", handlers)]
    return routes


ROUTES = all_routes()

#: The operator's pages: those that no account has, and those on which only the operator changes an account.
OPERATOR = re.compile(r"/operator/|/accounts/{id}/(adjust|plans|purchases/{purchaseId}/refund|invoices/{invoice}/(paid|void))")


def is_operators(path):
    return OPERATOR.match(path) is not None


def is_of_account(path):
    return path.startswith("/accounts/{id}")


def filled(path, account, purchase, file="none.pdf"):
    """The address of a route."""
    return path.replace("{id}", account).replace("{purchaseId}", purchase).replace("{file}", file).replace("{invoice}", file)
