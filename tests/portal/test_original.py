"""The steps of the original product's help page, word for word in French, with a mouse and with the keyboard alone."""

import re

from conftest import assert_well, click, go, heading, path_of, text_of


def prepared(host):
    host.account(locale="fr")
    host.card()
    host.buy("100.00")
    host.recharge(triggerAmount="50.00", rechargeAmount="50.00")


def test_the_steps_lead_to_auto_recharge_off(host, open_page):
    prepared(host)
    page = open_page(host, "ada", "/products", language="fr")

    click(page.get_by_role("navigation", name="Facturation").get_by_role("link", name="Vos produits", exact=True))
    click(page.get_by_role("main").get_by_role("link", name="Crédits de communication", exact=True))
    page.get_by_role("heading", level=2, name="Paramètres de facturation", exact=True).wait_for()
    click(page.get_by_role("link", name="Modifier les paramètres de recharge automatique", exact=True))
    page.get_by_role("heading", level=1, name="Paramètres de recharge automatique", exact=True).wait_for()
    box = page.get_by_role("checkbox", name="Recharge automatique", exact=True)
    assert box.is_checked()
    box.uncheck()
    click(page.get_by_role("button", name="Enregistrer", exact=True))

    assert path_of(page) == "/accounts/demo/auto-recharge"
    assert not page.get_by_role("checkbox", name="Recharge automatique", exact=True).is_checked()
    assert host.read()["autoRecharge"]["state"] == "off"
    assert_well(page)
    host.drain()
    mails = host.local("GET", "mail?to=ada@example.com")
    assert any("recharge automatique" in mail["subject"].lower() for mail in mails), [mail["subject"] for mail in mails]


def test_the_same_with_the_keyboard_alone(host, open_page):
    prepared(host)
    page = open_page(host, "ada", "/products", language="fr")

    def press_on(name, role):
        """Tabs to what has the focus under this name."""
        for _ in range(60):
            page.keyboard.press("Tab")
            focused = page.locator(":focus")
            if focused.count() and focused.evaluate("e => e.matches('a, button, input')"):
                label = focused.evaluate("e => e.labels && e.labels[0] ? e.labels[0].innerText : e.innerText")
                outline = focused.evaluate("e => getComputedStyle(e).outlineStyle")
                assert outline != "none", f"the focus on {label!r} cannot be seen"
                if label.strip() == name:
                    return focused
        raise AssertionError(f"no {role} {name!r} can be reached with the keyboard")

    press_on("Crédits de communication", "link").press("Enter")
    press_on("Modifier les paramètres de recharge automatique", "link").press("Enter")
    press_on("Recharge automatique", "checkbox").press("Space")
    press_on("Enregistrer", "button").press("Enter")
    page.wait_for_load_state()
    assert host.read()["autoRecharge"]["state"] == "off"


def test_off_is_never_refused_whatever_stands_in_the_other_fields(host, open_page):
    prepared(host)
    page = open_page(host, "ada", "/accounts/demo/auto-recharge", language="fr")
    page.get_by_label("Ajouter ce montant").fill("pas un montant")
    page.get_by_role("checkbox", name="Recharge automatique", exact=True).uncheck()
    click(page.get_by_role("button", name="Enregistrer", exact=True))
    assert host.read()["autoRecharge"]["state"] == "off"


def test_saving_that_charges_at_once_says_how_much_first(host, open_page):
    host.account(locale="fr")
    host.card()
    page = open_page(host, "ada", "/accounts/demo/auto-recharge", language="fr")
    page.get_by_label("Ajouter ce montant").fill("1 000,50")
    page.get_by_label("Lorsque le solde atteint").fill("50")
    page.get_by_role("checkbox", name="Recharge automatique", exact=True).check()
    click(page.get_by_role("button", name="Enregistrer", exact=True))
    page.get_by_role("heading", level=1, name="L’enregistrement débite votre carte maintenant").wait_for()
    assert host.charges() == [] and host.read()["autoRecharge"]["state"] == "off"
    click(page.get_by_role("button", name="Enregistrer et payer 1 000,50 EUR"))
    host.drain()
    assert [charge["amount"] for charge in host.charges()] == ["1000.5000"]
    assert host.read()["autoRecharge"]["rechargeAmount"] == "1000.5000"


def test_settings_that_somebody_changed_meanwhile_are_shown_side_by_side(host, open_page):
    prepared(host)
    page = open_page(host, "ada", "/accounts/demo/auto-recharge")
    page.get_by_label("Add this amount").fill("75")
    host.recharge(triggerAmount="50.00", rechargeAmount="60.00")
    click(page.get_by_role("button", name="Save", exact=True))
    page.get_by_role("heading", level=1, name="The settings have changed").wait_for()
    assert host.read()["autoRecharge"]["rechargeAmount"] == "60.0000", "nothing was overwritten silently"
    main = page.locator("main").inner_text()
    assert "60.00" in main and "75.00" in main
    click(page.get_by_role("button", name="Save", exact=False).first)
    assert host.read()["autoRecharge"]["rechargeAmount"] == "75.0000"
    go(page, "/accounts/demo/auto-recharge")
    assert page.get_by_label("Add this amount").input_value() == "75.00"


def test_an_amount_that_is_saved_again_means_the_same_in_every_language(host, open_page):
    host.account()
    page = open_page(host, "ada", "/accounts/demo/limits", language="fr")
    page.get_by_label("Par jour").fill("1 234,50")
    host.api("PUT", "accounts/demo/limits", {"perDay": "50.00"})
    click(page.get_by_role("button", name="Enregistrer"))
    # Another tab changes the language before this form is sent.
    other = page.context.new_page()
    other.host = host
    go(other, "/accounts/demo")
    click(other.get_by_role("button", name="English"))
    click(page.get_by_role("button", name="Enregistrer de nouveau"))
    assert host.read()["limits"]["perDay"] == "1234.5000"


def test_a_po_number_that_somebody_has_changed_meanwhile_is_shown_beside_the_new_one(host, open_page):
    host.account()
    page = open_page(host, "ada", "/accounts/demo/receipts/po-number")
    page.get_by_label("PO number").fill("7")
    host.api("PATCH", "accounts/demo", {"poNumber": "6"})
    click(page.get_by_role("button", name="Save"))
    assert heading(page) == "The settings have changed"
    assert host.read()["poNumber"] == "6", "nothing was overwritten silently"
    click(page.get_by_role("button", name="Save again"))
    assert host.read()["poNumber"] == "7"
    assert "The PO number is saved" in text_of(page)


def test_a_form_that_is_sent_twice_is_saved(host, open_page):
    host.account()
    host.card()
    for path, button, fields in [
        ("limits", "Save", {"Per day": "75"}),
        ("notifications", "Save", {"Recipients": "grace@example.com"}),
        ("receipts/po-number", "Save", {"PO number": "7"}),
        ("payment-method/remove", "Remove", {}),
    ]:
        pages = [open_page(host, "ada", f"/accounts/demo/{path}") for _ in range(2)]
        for page in pages:
            for label, value in fields.items():
                page.get_by_label(label).fill(value)
            click(page.get_by_role("main").get_by_role("button", name=button))
            assert re.search("(is|are) (saved|removed)", text_of(page)), path
