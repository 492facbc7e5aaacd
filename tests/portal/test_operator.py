"""What the operator does for a customer: ends invoices, and keeps the plans."""

import pytest

from conftest import assert_well, click, go, heading, path_of, text_of


def ended_month(host):
    """An account that pays after use, with an invoice of November."""
    host.account("demo", billingModel="postUsage")
    host.call()
    host.local("POST", "time", {"now": "2026-12-02T09:00:00Z"})
    host.local("POST", "run/invoice")
    host.drain()
    [invoice] = host.api("GET", "accounts/demo/invoices")["invoices"]
    return invoice["invoiceId"]


def test_an_invoice_is_marked_as_paid_with_its_reference(host, open_page):
    invoice = ended_month(host)
    page = open_page(host, "otto", "/accounts/demo/receipts")
    click(page.get_by_role("link", name="Invoice 1", exact=True))
    assert "To be paid" in text_of(page)
    click(page.get_by_role("link", name="Mark invoice 1 as paid"))
    click(page.get_by_role("button", name="Mark invoice 1 as paid"))
    assert "Payment reference: Enter something here." in text_of(page), "the reference is needed"
    page.get_by_label("Payment reference").fill("SEPA 4711")
    page.get_by_label("Paid on").fill("2026-12-03")
    click(page.get_by_role("button", name="Mark invoice 1 as paid"))
    assert "It is not later than today" in text_of(page)
    assert page.get_by_label("Payment reference").input_value() == "SEPA 4711", "what was typed is kept"
    page.get_by_label("Paid on").fill("2026-12-02")
    click(page.get_by_role("button", name="Mark invoice 1 as paid"))
    assert path_of(page) == f"/accounts/demo/invoices/{invoice}"
    assert "The invoice is marked as paid" in text_of(page)
    assert_well(page)
    stored = host.api("GET", f"accounts/demo/invoices/{invoice}")
    assert (stored["state"], stored["reference"]) == ("paid", "SEPA 4711")
    assert stored["paidAt"].startswith("2026-12-02")


def test_an_invoice_is_cancelled_after_its_consequences_were_read(host, open_page):
    invoice = ended_month(host)
    page = open_page(host, "otto", f"/accounts/demo/invoices/{invoice}", language="fr")
    click(page.get_by_role("link", name="Annuler la facture 1"))
    assert "Rien n’est crédité" in text_of(page)
    page.get_by_label("Motif").fill("Établie par erreur")
    click(page.get_by_role("button", name="Annuler la facture 1"))
    assert "La facture est annulée" in text_of(page)
    assert page.get_by_role("link", name="Annuler la facture 1").count() == 0
    # A page that was left open says so, and changes nothing.
    go(page, f"/accounts/demo/invoices/{invoice}/paid")
    page.get_by_label("Référence du paiement").fill("SEPA 4711")
    click(page.get_by_role("button").filter(has_text="Marquer"))
    assert "payée ou annulée entre-temps" in text_of(page)
    stored = host.api("GET", f"accounts/demo/invoices/{invoice}")
    assert (stored["state"], stored["reason"]) == ("void", "Établie par erreur")


@pytest.mark.parametrize("person", ["ada", "victor"])
def test_a_customer_reads_invoices_and_ends_none(host, open_page, person):
    invoice = ended_month(host)
    page = open_page(host, person, f"/accounts/demo/invoices/{invoice}")
    assert heading(page) == "Invoice 1"
    assert page.get_by_role("link", name="Mark invoice 1 as paid").count() == 0
    for form in ("paid", "void"):
        go(page, f"/accounts/demo/invoices/{invoice}/{form}")
        assert heading(page) == "Page not found"
    go(page, "/accounts/demo/plans")
    assert heading(page) == "Page not found"


def test_plans_are_added_resized_and_removed(host, open_page):
    host.account()
    own = {"plan": "OWN", "country": "FR", "licences": 2, "minutesPerLicence": 30, "services": ["userOut"]}
    host.api("PUT", "accounts/demo/pools", {"pools": [own]})
    pools = lambda: [
        (pool["poolId"], pool["licences"], pool["minutesPerLicence"])
        for pool in host.read()["pools"]
        if not pool.get("removed")
    ]
    page = open_page(host, "otto", "/accounts/demo")
    click(page.get_by_role("link", name="Plans and licences"))
    page.get_by_label("Country of the users").fill("France")
    page.get_by_label("Licences").fill("many")
    click(page.get_by_role("button", name="Add a plan"))
    said = text_of(page)
    assert "Plan: Enter something here." in said and "Write the two letters" in said and "Write a whole number" in said
    page.get_by_label("Plan").select_option("MCOPSTN5")
    page.get_by_label("Country of the users").fill("f1")
    page.get_by_label("Licences").fill("5")
    click(page.get_by_role("button", name="Add a plan"))
    assert "Write the two letters of a country" in text_of(page)
    page.get_by_label("Country of the users").fill("fr")
    click(page.get_by_role("button", name="Add a plan"))
    assert "The plan is added" in text_of(page)
    assert pools() == [("OWN/FR", 2, 30), ("MCOPSTN5/FR", 5, 120)]
    click(page.get_by_role("link", name="Licences of OWN"))
    page.get_by_label("Licences").fill("1 000")
    click(page.get_by_role("button", name="Save"))
    assert pools() == [("OWN/FR", 1000, 30), ("MCOPSTN5/FR", 5, 120)], "its own terms are kept"
    click(page.get_by_role("link", name="Licences of MCOPSTN5"))
    click(page.get_by_role("button", name="Remove the plan"))
    assert "The plan is removed" in text_of(page)
    assert pools() == [("OWN/FR", 1000, 30)]
    assert_well(page)


def test_a_refund_goes_back_to_the_card_once(host, open_page):
    host.account()
    host.card("pm_card_visa")
    purchase = host.buy("100")["purchaseId"]
    host.recharge(triggerAmount="50", rechargeAmount="50")
    host.call(charge="42.10", currency="EUR")
    page = open_page(host, "otto", f"/accounts/demo/purchases/{purchase}")
    click(page.get_by_role("link", name="Refund", exact=True))
    assert "EUR 57.90 of EUR 100.00 is unspent and goes back to Visa" in text_of(page)
    assert "Auto-recharge pauses until an administrator resumes it." in text_of(page)
    asked = page.url
    click(page.get_by_role("button", name="Refund EUR 57.90"))
    assert "Enter something here." in text_of(page), "the reason is needed"
    page.get_by_label("Reason").fill("closed the office")
    click(page.get_by_role("button", name="Refund EUR 57.90"))
    assert path_of(page) == f"/accounts/demo/purchases/{purchase}"
    assert "The refund is made" in text_of(page)
    assert_well(page)
    note = page.get_by_role("link", name="Credit note 1, PDF").get_attribute("href")
    assert page.request.get(host.url + note).body().startswith(b"%PDF-")
    assert host.read()["balance"] == "0.0000"
    assert host.read()["autoRecharge"]["why"] == "refund"
    # The page says so where nothing is left.
    page.goto(asked)
    assert "Nothing of this payment can be refunded now." in text_of(page)
    assert page.get_by_role("button", name="Refund").count() == 0
    go(page, "/accounts/demo/receipts")
    assert page.get_by_role("link", name="Credit note 1, PDF").count() == 1


def test_a_refund_is_of_the_amount_that_its_button_shows(host, open_page):
    host.account()
    host.card()
    purchase = host.buy("100")["purchaseId"]
    page = open_page(host, "otto", f"/accounts/demo/purchases/{purchase}/refund")
    page.get_by_label("Reason").fill("closed the office")
    host.call(charge="42.10", currency="EUR")
    click(page.get_by_role("button", name="Refund EUR 100.00"))
    assert "The amount has changed" in text_of(page)
    assert host.read()["balance"] == "57.9000", "nothing was refunded"
    assert page.get_by_label("Reason").input_value() == "closed the office", "what was typed is kept"
    click(page.get_by_role("button", name="Refund EUR 57.90"))
    assert "The refund is made" in text_of(page)
    assert host.read()["balance"] == "0.0000"
    assert_well(page)


def test_a_refund_whose_form_is_sent_twice_is_made_once(host, open_page):
    host.account()
    host.card()
    purchase = host.buy("100")["purchaseId"]
    path = f"/accounts/demo/purchases/{purchase}/refund?key=twice"
    first = open_page(host, "otto", path)
    second = open_page(host, "otto", path)
    for page in (first, second):
        page.get_by_label("Reason").fill("closed the office")
    for page in (first, second):
        click(page.get_by_role("button", name="Refund EUR 100.00"))
        assert path_of(page) == f"/accounts/demo/purchases/{purchase}"
        assert "The refund is made" in text_of(page)
    assert len(host.api("GET", f"accounts/demo/purchases/{purchase}")["refunds"]) == 1


def test_licences_that_somebody_has_changed_meanwhile_are_not_overwritten_silently(host, open_page):
    host.account()
    licences = lambda: [pool["licences"] for pool in host.read()["pools"]]

    def save(count):
        own = {"plan": "OWN", "country": "FR", "licences": count, "minutesPerLicence": 30, "services": ["userOut"]}
        host.api("PUT", "accounts/demo/pools", {"pools": [own]})

    save(2)
    page = open_page(host, "otto", "/accounts/demo/plans/licences?pool=OWN/FR")
    save(7)
    page.get_by_label("Licences").fill("3")
    click(page.get_by_role("button", name="Save"))
    assert "it is 7 now" in text_of(page)
    assert licences() == [7]
    assert page.get_by_label("Licences").input_value() == "3", "what was typed is kept"
    click(page.get_by_role("button", name="Save"))
    assert "The licences are saved" in text_of(page)
    assert licences() == [3]
    assert_well(page)


def test_a_plan_whose_form_is_sent_twice_is_added_once(host, open_page):
    host.account()
    pages = [open_page(host, "otto", "/accounts/demo/plans") for _ in range(2)]

    def add(page, licences):
        page.get_by_label("Plan").select_option("MCOPSTN5")
        page.get_by_label("Country of the users").fill("FR")
        page.get_by_label("Licences").fill(licences)
        click(page.get_by_role("button", name="Add a plan"))

    for page in pages:
        add(page, "5")
        assert "The plan is added" in text_of(page)
    assert [pool["licences"] for pool in host.read()["pools"]] == [5]
    add(page, "6")
    assert "The account has this plan for this country already." in text_of(page)
    assert [pool["licences"] for pool in host.read()["pools"]] == [5]


def test_an_adjustment_keeps_its_key_while_the_service_does_not_answer(host, open_page):
    host.account()
    page = open_page(host, "otto", "/accounts/demo/adjust/review?direction=add&amount=5&reason=thanks&key=kept")
    host.local("POST", "faults", {"target": "database", "kind": "down", "count": 1_000_000})
    click(page.get_by_role("button", name="Add EUR 5.00"))
    assert heading(page) == "The service is busy"
    host.local("DELETE", "faults")
    click(page.get_by_role("link", name="Try again"))
    assert path_of(page).startswith("/accounts/demo/adjust/review?") and path_of(page).endswith("key=kept")
    click(page.get_by_role("button", name="Add EUR 5.00"))
    assert "The adjustment is booked." in text_of(page)
    assert host.read()["balance"] == "5.0000"


def test_an_adjustment_that_was_sent_after_the_end_of_the_session_keeps_its_key(host, open_page):
    host.account()
    page = open_page(host, "otto", "/accounts/demo/adjust", language="fr")
    page.get_by_label("Montant").fill("1 234,50")
    page.get_by_label("Motif").fill("un geste")
    click(page.get_by_role("button", name="Vérifier"))
    review = page.url
    page.context.clear_cookies(name="cc-session")
    click(page.get_by_role("button").filter(has_text="Ajouter"))
    assert heading(page) == "Votre session a expiré"
    go(page, "/accounts/demo/adjust", "otto")
    assert page.url == review, "the key is kept"
    assert "Rien n’a été modifié." in text_of(page)
    click(page.get_by_role("button").filter(has_text="Ajouter"))
    assert host.read()["balance"] == "1234.5000"


def test_a_dispute_is_shown_with_what_is_withheld(host, open_page):
    host.account()
    host.card("pm_card_visa")
    purchase = host.buy("100")["purchaseId"]
    host.call(charge="60", currency="EUR")
    host.local("POST", f"charges/demo/{purchase}", {"action": "dispute"})
    page = open_page(host, "ada", f"/accounts/demo/purchases/{purchase}")
    assert heading(page) == "Disputed"
    assert "EUR 40.00 withheld" in text_of(page)
    assert page.get_by_role("link", name="Refund", exact=True).count() == 0, "only the operator refunds"
    refund = open_page(host, "otto", f"/accounts/demo/purchases/{purchase}/refund")
    assert "A dispute of this payment is open." in text_of(refund)
    host.local("POST", f"charges/demo/{purchase}", {"action": "win"})
    page.reload()
    assert "the payment stands" in text_of(page)
    assert_well(page)


def test_a_lost_dispute_has_ended(host, open_page):
    host.account()
    host.card("pm_card_visa")
    purchase = host.buy("100")["purchaseId"]
    host.call(charge="60", currency="EUR")
    host.local("POST", f"charges/demo/{purchase}", {"action": "dispute"})
    host.local("POST", f"charges/demo/{purchase}", {"action": "lose"})
    page = open_page(host, "ada", f"/accounts/demo/purchases/{purchase}", language="fr")
    assert heading(page) == "Litige perdu"
    assert "Litige en cours" not in text_of(page)
    go(page, "/accounts/demo/transactions")
    assert "Litige, ouvert" in text_of(page) and "Litige, perdu" in text_of(page)
    assert "fraudulent" not in text_of(page), "no code of the card processor"
    assert_well(page)
